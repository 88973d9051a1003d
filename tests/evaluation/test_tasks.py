"""The tasks of real data."""

from __future__ import annotations

import re

import pytest
from lm_eval.tasks import TaskManager

from harness.evaluation.run import TASKS
from harness.metrics.icl_weights import TASKS as MEASURED
from harness.tasks.real.documents import splits
from tests.evaluation.french import files

REAL = TASKS / "real"
NAMES = sorted(path.stem for path in REAL.glob("*.yaml"))


def test_every_task_is_measured() -> None:
    assert list(MEASURED) == NAMES


@pytest.fixture(scope="module")
def loaded() -> dict[str, object]:
    tasks: dict[str, object] = TaskManager(include_path=str(REAL), include_defaults=False).load(NAMES)["tasks"]
    return tasks


@pytest.mark.parametrize("name", NAMES)
def test_a_task_has_enough_questions_and_no_demonstration_among_them(name: str, loaded: dict[str, object]) -> None:
    task = loaded[name]
    data = splits(task.config.dataset_kwargs["data"])  # type: ignore[attr-defined]
    questions, demonstrations = list(data["test"]), list(data["train"])
    assert len(questions) >= 90
    assert len(demonstrations) >= 5
    asked = [question["input"] for question in questions]
    assert not set(asked) & {document["input"] for document in demonstrations}
    for document in [*questions, *demonstrations]:
        if "choices" in document:
            assert 0 <= document["label"] < len(set(document["choices"])) == len(document["choices"])
        else:
            assert document["target"].strip() == document["target"] != ""


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_demonstrations_and_a_question(name: str, loaded: dict[str, object]) -> None:
    """With a space before every answer, in demonstrations as in what is scored."""
    task = loaded[name]
    task.set_fewshot_seed(0)  # type: ignore[attr-defined]
    question = next(iter(task.eval_docs))  # type: ignore[attr-defined]
    prompt = task.fewshot_context(question, 2)  # type: ignore[attr-defined]
    requests = task.construct_requests(question, prompt)  # type: ignore[attr-defined]
    first, second, last = prompt.split("\n")
    assert re.fullmatch(r".+ -> \S.*", first)
    assert re.fullmatch(r".+ -> \S.*", second)
    assert last == f"{question['input']} ->"
    for request in requests if isinstance(requests, list) else [requests]:
        assert re.fullmatch(r" \S.*", request.args[1])


def test_every_file_is_told_of() -> None:
    told = (REAL / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|", told, flags=re.MULTILINE)
    named = {data for row in rows for data in re.findall(r"`(\w+)`", row)}
    assert {path.name.rpartition("_")[0] for path in (REAL / "data").iterdir()} == named


@pytest.mark.parametrize("path", list(files()), ids=lambda path: path.name)
def test_french_names_are_those_of_cldr(path: object) -> None:
    texts = {each.name: text for each, text in files().items()}
    name = path.name  # type: ignore[attr-defined]
    assert (REAL / "data" / name).read_text(encoding="utf-8") == texts[name], "python -m tests.evaluation.french"
