"""Results are stored one by one, whatever happens to the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cells import Cell, read_cell, read_cells
from harness.errors import HarnessError
from harness.progress import Progress
from harness.runner.estimates import Estimates
from harness.runner.execute import Watcher, execute
from harness.runner.limits import Limits
from harness.runner.plan import PlannedCell
from harness.spec import Spec
from tests.runner.processes import alive
from tests.runner.toys import plan_toys

pytestmark = pytest.mark.usefixtures("toys")


def without_times(cell: Cell) -> dict[str, object]:
    return cell.model_dump(exclude={"created", "seconds", "during"})


def by_place(results: list[tuple[PlannedCell, Cell]]) -> dict[tuple[str, str], dict[str, object]]:
    return {(planned.spec.name, planned.metric): without_times(cell) for planned, cell in results}


def test_one_process_and_two_give_the_same(llamas: list[Spec], tmp_path: Path) -> None:
    cells = plan_toys(llamas, ["toy", "refusing", "mistaken"], "quick")
    one = by_place(list(execute(cells, tmp_path / "one", 1)))
    two = by_place(list(execute(cells, tmp_path / "two", 2)))
    assert len(one) == 9
    assert one == two
    names = [
        sorted(path.relative_to(tmp_path / folder) for path in (tmp_path / folder).rglob("*.*"))
        for folder in ("one", "two")
    ]
    assert names[0] == names[1] == sorted(cell.path(Path()) for cell in cells)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_watcher_is_told_how_far_a_cell_is(llamas: list[Spec], tmp_path: Path, processes: int) -> None:
    begun: list[PlannedCell] = []
    told: list[tuple[str, Progress]] = []

    class Witness(Watcher):
        def begin(self, planned: PlannedCell) -> None:
            begun.append(planned)

        def show(self, planned: PlannedCell, progress: Progress) -> None:
            assert planned in begun
            told.append((planned.subject, progress))

    cells = plan_toys(llamas, ["toy", "telling"], "quick")
    list(execute(cells, tmp_path, processes, Witness()))
    assert begun == cells
    first = {(spec.name, Progress("layers", 1, spec.dims.num_layers)) for spec in llamas}
    assert {step for step in told if step[1].done == 1} == first
    assert len(told) < sum(spec.dims.num_layers for spec in llamas)  # it is not bothered with every step


def test_what_is_given_is_what_is_stored(llamas: list[Spec], tmp_path: Path) -> None:
    for planned, cell in execute(plan_toys(llamas, ["toy"], "full"), tmp_path, 1):
        assert read_cell(planned.path(tmp_path)) == cell
        assert cell.key in planned.path(tmp_path).name
        assert (cell.status, cell.values, cell.settings) == (
            "ok",
            {"layers": planned.spec.dims.num_layers * 2},
            {"factor": 2},
        )


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("refusing", "llama-13b: no such number"),
        ("mistaken", "mistaken of llama-13b: ZeroDivisionError: division by zero"),
    ],
)
def test_a_failure_is_stored_with_its_reason_and_measured_again(
    llamas: list[Spec], tmp_path: Path, metric: str, reason: str
) -> None:
    cells = plan_toys(llamas, ["toy", metric], "quick")
    list(execute(cells, tmp_path, 1))
    stored = {(cell.spec.name, cell.metric): cell for cell in read_cells(tmp_path)}
    assert len(stored) == 6
    failed = stored["llama-13b", metric]
    assert (failed.status, failed.reason, failed.values) == ("failed", reason, {})
    assert [cell.is_stored(tmp_path) for cell in cells if cell.spec.name == "llama-13b"] == [True, False]
    assert all(cell.is_stored(tmp_path) for cell in cells if cell.metric == "toy")


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("metric", "limits", "reason"),
    [
        ("dying", Limits(), "its process ended, with exit code 9"),
        ("panicking", Limits(), "Panic: range end index 3 out of range for slice of length 2"),
        ("hoarding", Limits(60, 1 << 29), "memory ran out"),
        ("spreading", Limits(60, 1 << 29), r"it took [01]\.\d\d GiB of memory, its limit is 0\.50 GiB of memory"),
        ("hanging", Limits(4), "it took longer than its limit of 4 s"),
        ("unstorable", Limits(), "PydanticSerializationError: Unable to serialize unknown type: .*"),
    ],
)
def test_a_cell_that_cannot_be_had_takes_no_other_with_it(
    llamas: list[Spec],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metric: str,
    limits: Limits,
    reason: str,
    processes: int,
) -> None:
    monkeypatch.setenv("PIDS", str(tmp_path))
    cells = plan_toys(llamas, ["toy", metric], "quick")
    results = {
        (planned.subject, planned.metric): cell
        for planned, cell in execute(cells, tmp_path, processes, limits=lambda _: limits)
    }
    assert len(results) == 6
    failed = results.pop(("llama-13b", metric))
    assert failed.status == "failed"
    assert re.fullmatch(f"{metric} of llama-13b: {reason}", failed.reason)
    assert {cell.status for cell in results.values()} == {"ok"}
    assert len(read_cells(tmp_path)) == 6
    assert not any(alive(int(path.name)) for path in tmp_path.iterdir() if path.name.isdecimal())
    assert [cell for cell in cells if cell.has_failed(tmp_path)] == [
        cell for cell in cells if (cell.subject, cell.metric) == ("llama-13b", metric)
    ]


def test_what_cannot_fit_is_refused_at_once(llamas: list[Spec], tmp_path: Path) -> None:
    estimates = Estimates(tmp_path, "quick")
    cells = plan_toys(llamas, ["toy"], "quick")
    held = {cell.subject: size << 30 for cell, size in zip(cells, (1, 3, 2), strict=True)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlannedCell, "held_bytes", property(lambda cell: held[cell.subject]))
        results = execute(cells, tmp_path, 1, limits=lambda cell: estimates.limits(cell, memory_bytes=2 << 30))
        told = {planned.subject: (cell.status, cell.reason) for planned, cell in results}
    reason = "toy of llama-13b: it needs some 3.00 GiB of memory, its limit is 2.00 GiB of memory"
    assert told == {"llama-7b": ("ok", ""), "llama-13b": ("failed", reason), "llama-33b": ("ok", "")}


def test_timed_cells_never_overlap_with_any(llamas: list[Spec], tmp_path: Path) -> None:
    cells = plan_toys(llamas, ["clocked_alone", "clocked"], "quick")
    results = [(planned.timed, cell.values) for planned, cell in execute(cells, tmp_path, 3)]
    together = [values for timed, values in results if not timed]
    alone = sorted((values for timed, values in results if timed), key=lambda values: values["began"])
    assert (len(together), len(alone)) == (3, 3)
    ends = [max(values["ended"] for values in together), *(values["ended"] for values in alone)]
    assert all(values["began"] >= end for values, end in zip(alone, ends, strict=False))


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(
    llamas: list[Spec], tmp_path: Path
) -> None:
    begun: list[PlannedCell] = []

    class Witness(Watcher):
        def begin(self, planned: PlannedCell) -> None:
            begun.append(planned)

    (tmp_path / "taken").write_text("")
    with pytest.raises(HarnessError, match=r"taken/results: cannot be written: Not a directory$"):
        list(execute(plan_toys(llamas, ["toy"], "quick"), tmp_path / "taken", 1, Witness()))
    assert begun == []


def test_nothing_to_measure_is_no_error(tmp_path: Path) -> None:
    assert list(execute([], tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_who_stops_asking_stops_the_rest(llamas: list[Spec], tmp_path: Path) -> None:
    cells = plan_toys(llamas, ["toy"], "quick")
    results = execute(cells, tmp_path, 1)
    next(results)
    assert [cell.is_stored(tmp_path) for cell in cells] == [True, False, False]
