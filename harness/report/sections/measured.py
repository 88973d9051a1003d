"""A section for each experiment that timed something, and each device that it ran on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from harness.cells import Cell
from harness.report.sections import Section
from harness.report.sections.attention import attention
from harness.report.sections.decoding import decoding
from harness.report.sections.norms import norms
from harness.report.sections.throughput import throughput


def measured(cells: Iterable[Cell]) -> dict[str, dict[str, Section]]:
    """For each experiment that has results a section a device, the CPU's first."""
    made = {"attention": attention, "decoding": decoding, "throughput": throughput, "norms": norms}
    of: dict[str, dict[str, list[Cell]]] = {}
    for cell in sorted(cells, key=lambda cell: (_device(cell) != "cpu", _device(cell))):
        if cell.spec is None and cell.metric in made:
            of.setdefault(cell.metric, {}).setdefault(_device(cell), []).append(cell)
    return {
        name: {
            device: _section(made[name], results, number) for number, (device, results) in enumerate(devices.items())
        }
        for name, devices in of.items()
    }


def _device(cell: Cell) -> str:
    return str(cell.settings.get("device", "cpu"))


def _section(made: Callable[[Sequence[Cell]], Section], results: Sequence[Cell], number: int) -> Section:
    """What an experiment found on a device; the number keeps the places of figures of several devices apart."""
    good = [cell for cell in results if cell.status == "ok"]
    section = made(good) if good else Section()
    section.made_with.extend(dict.fromkeys(_conditions(cell) for cell in good))
    section.failed.extend(cell.reason for cell in results if cell.status != "ok")
    if not number:
        return section
    return replace(section, figures={f"{place}-{number}": figure for place, figure in section.figures.items()})


def _conditions(cell: Cell) -> str:
    conditions, settings = cell.values["conditions"], cell.settings
    return (
        f"{conditions['device']}, {conditions['clock']}, "
        f"{settings['processes']} processes of {settings['rounds']} rounds, "
        f"load average {conditions['load_average']:.1f} at the end"
    )
