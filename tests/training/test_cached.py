"""Models are kept by all that decides them, and of several processes that want one, one trains it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

import harness
from harness.errors import HarnessError
from harness.metrics.params import params
from harness.progress import Progress, heard_by
from harness.spec import Spec, load_spec
from harness.tasks.synthetic.markov import Chains
from harness.tasks.synthetic.regression import LinearFunctions
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training import cached
from harness.training.cached import sources, trained_on_mixture
from harness.training.markov import trained_on_chains
from harness.training.matching import matched
from harness.training.recipe import Recipe
from harness.training.regression import trained_on_functions
from harness.tuning import tuned, tuning

SHORT = Recipe(steps=3, batch_size=2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    return tmp_path


def small(words: int = SIZE) -> Spec:
    return matched(load_spec("llama-7b"), 20_000, params, words, 50)


def kept(folder: Path) -> int:
    return len(list((folder / "trained").glob("*.safetensors")))


def test_models_are_kept_by_seed_recipe_and_task(folder: Path) -> None:
    for _ in range(2):
        trained_on_mixture(small(), SHORT, 0)
        trained_on_mixture(small(), SHORT, 1)
        trained_on_mixture(small(), Recipe(steps=3, batch_size=4), 0)
        trained_on_chains(Chains(states=4, length=12), small(), SHORT, 0)
        trained_on_chains(Chains(states=5, length=12), small(), SHORT, 0)
        trained_on_functions(LinearFunctions(dimensions=2, pairs=5), small(4), SHORT, 0)
        trained_on_functions(LinearFunctions(dimensions=2, pairs=6), small(4), SHORT, 0)
    assert kept(folder) == 7


def test_other_code_trains_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_on_mixture(small(), SHORT, 0)
    monkeypatch.setattr(cached, "sources", lambda: "other")
    trained_on_mixture(small(), SHORT, 0)
    assert kept(folder) == 2


def test_other_kernels_round_otherwise_and_train_another_model(folder: Path) -> None:
    trained_on_mixture(small(), SHORT, 0)
    with tuned(replace(tuning(), mask_strip=7)):
        trained_on_mixture(small(), SHORT, 0)
    assert kept(folder) == 2


@pytest.mark.parametrize(
    "part", ["factory.py", "choices/mlps/gelu.py", "modules/cache.py", "tasks/synthetic/recall.py"]
)
def test_the_digest_is_of_the_code_that_decides(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a copy of the program, in which a file of those that decide and one of the others are changed."""
    root, digest = Path(harness.__file__).parent, sources.__wrapped__
    before = digest()
    for file in root.rglob("*.py"):
        copied = tmp_path / file.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(file.read_bytes())
    monkeypatch.setattr(harness, "__file__", str(tmp_path / "__init__.py"))
    assert digest() == before
    (tmp_path / "report" / "page.py").write_text("")
    assert digest() == before
    (tmp_path / part).write_text("")
    assert digest() != before


def test_a_cache_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "trained").write_text("no folder")
    with pytest.raises(HarnessError, match=r"trained: cannot be written: "):
        trained_on_mixture(small(), SHORT, 0)


def ask(folder: Path, connection: Connection, wait: bool) -> None:
    """In a process: tell of every step, after the first of which it waits if it is to, and at last the losses."""
    os.environ["HARNESS_CACHE"] = str(folder)

    def heard(progress: Progress) -> None:
        connection.send(progress.done)
        if wait and progress.done == 1:
            connection.recv()

    spec = small()
    trained_on_mixture(spec, SHORT, 1)  # the first takes long, and then it would not be seen who waits
    connection.send("asks")
    with heard_by(heard):
        connection.send(trained_on_mixture(spec, SHORT, 0).losses)


@pytest.fixture
def processes() -> Iterator[list[SpawnProcess]]:
    started: list[SpawnProcess] = []
    yield started
    for process in started:
        process.kill()
        process.join()


@pytest.mark.parametrize("killed", [False, True])
def test_of_two_processes_one_trains_and_the_other_waits(
    killed: bool, tmp_path: Path, processes: list[SpawnProcess]
) -> None:
    context = multiprocessing.get_context("spawn")

    def asking(wait: bool) -> tuple[SpawnProcess, Connection]:
        ours, theirs = context.Pipe()
        process = context.Process(target=ask, args=(tmp_path, theirs, wait))
        process.start()
        theirs.close()  # so that one that fails ends the test
        processes.append(process)
        assert ours.recv() == "asks"
        return process, ours

    holder, first = asking(wait=True)
    assert first.recv() == 1
    _, second = asking(wait=False)
    assert not second.poll(0.5)
    if killed:
        holder.kill()
        assert [second.recv() for _ in range(SHORT.steps)] == [1, 2, 3]
        assert len(second.recv()) == SHORT.steps
    else:
        first.send("go on")
        assert [first.recv() for _ in range(SHORT.steps - 1)] == [2, 3]
        assert second.recv() == first.recv()
