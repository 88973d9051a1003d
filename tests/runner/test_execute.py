"""Results are stored one by one, whatever happens to the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cells import Cell, read_cell, read_cells
from harness.errors import HarnessError
from harness.progress import Progress
from harness.runner.execute import Watcher, execute
from harness.runner.plan import PlannedCell
from harness.spec import Spec
from tests.runner.toys import plan_toys

pytestmark = pytest.mark.usefixtures("toys")


def without_times(cell: Cell) -> dict[str, object]:
    return cell.model_dump(exclude={"created", "seconds"})


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


def test_a_process_that_dies_is_told(llamas: list[Spec], tmp_path: Path) -> None:
    cells = plan_toys(llamas, ["toy", "dying"], "quick")
    with pytest.raises(HarnessError) as caught:
        list(execute(cells, tmp_path, 2))
    assert str(caught.value) == (
        "a process that measured died, perhaps for want of memory; what was done by then is stored, and the same "
        "command goes on from there; --processes 1 needs the least memory"
    )
    assert not [
        cell for cell in cells if cell.is_stored(tmp_path) and cell.spec.name == "llama-13b" and cell.metric == "dying"
    ]
    assert len(read_cells(tmp_path)) == sum(cell.is_stored(tmp_path) for cell in cells)


def test_nothing_to_measure_is_no_error(tmp_path: Path) -> None:
    assert list(execute([], tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_who_stops_asking_stops_the_rest(llamas: list[Spec], tmp_path: Path) -> None:
    cells = plan_toys(llamas, ["toy"], "quick")
    results = execute(cells, tmp_path, 1)
    next(results)
    assert [cell.is_stored(tmp_path) for cell in cells] == [True, False, False]
