"""Running lm-eval tasks on a model, offline."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb
from typing import Any

import lm_eval
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

import harness.evaluation.samplers
import harness.tasks
from harness.errors import HarnessError, did_you_mean

READERS = (
    "lm_eval._cli lm_eval.api.registry lm_eval.api.samplers lm_eval.api.task lm_eval.config lm_eval.evaluator "
    "lm_eval.tasks lm_eval.utils datasets".split()
)
"""Modules of lm-eval, and of what it reads data with, that work on what a user wrote."""

TASKS = Path(harness.tasks.__file__).parent
"""The tasks that come with the program."""


@dataclass(frozen=True)
class Outcome:
    """What a task gave.

    Attributes:
        task: its name.
        chance: the accuracy of guessing among the choices; 0 where there are none.
        accuracy: share of the questions that were answered right; None where the task has another measure.
        standard_error: of the accuracy, over the questions.
        correct: whether each question was answered right, in the order of the task.
        figures: every figure that lm-eval gives, under its name.
    """

    task: str
    chance: float
    accuracy: float | None
    standard_error: float | None
    correct: tuple[bool, ...]
    figures: dict[str, float]


def evaluate(
    lm: LM,
    tasks: Sequence[str],
    *,
    num_fewshot: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    include_path: str | Path = TASKS,
) -> list[Outcome]:
    """Answer the questions of tasks.

    Args:
        lm: any model of lm-eval's.
        tasks: names of tasks, groups or tags.
        num_fewshot: demonstrations in front of each question; None for what each task says.
        limit: how many questions of each task, from the first on; None for all.
        seed: of the demonstrations.
        include_path: the folder of the tasks; lm-eval's own are not looked at.

    Raises:
        HarnessError: there is no such task, or its data would have to be downloaded.
    """
    with _quiet():
        manager = TaskManager(include_path=str(include_path), include_defaults=False)
        for task in tasks:
            if task not in manager.all_tasks:
                known = did_you_mean(task, sorted(manager.all_tasks))
                raise HarnessError(f"no task is called {task!r} in {include_path}; {known}")
        with told():
            loaded = manager.load(list(tasks))
        for task in loaded["tasks"].values():
            if num_fewshot is not None:
                task.set_config("num_fewshot", num_fewshot)
            elif task.get_config("num_fewshot") is None:
                task.set_config("num_fewshot", 0)
            task.set_fewshot_seed(seed)
        results = lm_eval.evaluate(lm=lm, task_dict=loaded, limit=limit)
    return [_outcome(name, results["results"][name], results["samples"][name]) for name in loaded["tasks"]]


def _outcome(task: str, figures: dict[str, Any], samples: list[dict[str, Any]]) -> Outcome:
    ordered = sorted(samples, key=lambda sample: int(sample["doc_id"]))
    return Outcome(
        task=task,
        chance=sum(1 / count for count in map(_choices, samples) if count > 1) / len(samples),
        accuracy=figures.get("acc,none"),
        standard_error=figures.get("acc_stderr,none"),
        correct=tuple(bool(sample["acc"]) for sample in ordered if "acc" in sample),
        figures={name: value for name, value in figures.items() if isinstance(value, int | float)},
    )


def _choices(sample: dict[str, Any]) -> int:
    return len(sample["arguments"])


@contextmanager
def told() -> Iterator[None]:
    """Tell in one line what lm-eval's user can mend: the command, the names in it, and what cannot be downloaded.

    Raises:
        HarnessError: instead of what lm-eval raises.
    """
    try:
        yield
    except (ConnectionError, OfflineModeIsEnabled, HfHubHTTPError, DatasetNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise HarnessError(f"a task wants data from the hub, and nothing is downloaded here: {reason}") from None
    except (ValueError, TypeError, OSError) as error:
        modules = [frame.f_globals["__name__"] for frame, _ in walk_tb(error.__traceback__)]
        ours = [name for name in modules if name.startswith(("lm_eval", "datasets", "harness"))]  # not Python's own
        if not ours[-1].startswith(tuple(READERS)):
            raise
        raise HarnessError(" ".join(str(error).split())) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back lm-eval's own bars and remarks; an error is told by being raised."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
