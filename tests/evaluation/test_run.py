"""Tasks that are asked offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import evaluate, told
from tests.evaluation.examples import WORDS, model_of, write_tasks


@pytest.fixture(scope="module")
def lm() -> HarnessLM:
    return HarnessLM.of(model_of("llama-7b"), WORDS)


def test_a_task_that_wants_the_hub_is_told(lm: HarnessLM, tmp_path: Path) -> None:
    text = "task: far\ndataset_path: someone/something\ntest_split: test\ndoc_to_text: a\ndoc_to_target: b\n"
    (tmp_path / "far.yaml").write_text(text + "output_type: loglikelihood\n")
    with pytest.raises(HarnessError, match=r"^a task wants data from the hub, and nothing is downloaded here: .*"):
        evaluate(lm, ["far"], include_path=tmp_path)


def test_an_unknown_task_is_told(lm: HarnessLM) -> None:
    with pytest.raises(
        HarnessError, match=r"^no task is called 'plurals' in .*; allowed: .*; did you mean 'plural'\?$"
    ):
        evaluate(lm, ["plurals"])


@pytest.mark.parametrize("asked", [{"num_fewshot": 10**6}, {"limit": -1}])
def test_what_a_task_does_not_have_is_told(lm: HarnessLM, tmp_path: Path, asked: dict[str, int]) -> None:
    write_tasks(tmp_path)
    with pytest.raises(HarnessError), told():
        evaluate(lm, ["pick"], include_path=tmp_path, **asked)


def test_data_that_is_not_there_is_told(lm: HarnessLM, tmp_path: Path) -> None:
    data = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path}/none.jsonl}}}}\ntest_split: test\n"
    text = "task: gone\ndoc_to_text: a\ndoc_to_target: b\noutput_type: loglikelihood\n"
    (tmp_path / "gone.yaml").write_text(text + data)
    with pytest.raises(HarnessError, match=r"none\.jsonl"):
        evaluate(lm, ["gone"], include_path=tmp_path)


def test_questions_are_limited_and_demonstrations_depend_on_the_seed(lm: HarnessLM, tmp_path: Path) -> None:
    write_tasks(tmp_path)
    few, again, other = (
        evaluate(lm, ["pick"], num_fewshot=2, limit=limit, seed=seed, include_path=tmp_path)[0]
        for limit, seed in ((5, 1), (12, 1), (12, 2))
    )
    assert len(few.correct) == 5
    assert few.correct == again.correct[:5]
    assert again.correct != other.correct
