"""Tasks that are asked offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import evaluate
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


def test_questions_are_limited_and_demonstrations_depend_on_the_seed(lm: HarnessLM, tmp_path: Path) -> None:
    write_tasks(tmp_path)
    few, again, other = (
        evaluate(lm, ["pick"], num_fewshot=2, limit=limit, seed=seed, include_path=tmp_path)[0]
        for limit, seed in ((5, 1), (12, 1), (12, 2))
    )
    assert len(few.correct) == 5
    assert few.correct == again.correct[:5]
    assert again.correct != other.correct
