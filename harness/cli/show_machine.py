"""`harness show-machine`: what this machine is, and by which kernels the program computes on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from harness.cells import environment
from harness.cli.output import Json, console, print_json, print_table
from harness.tuning import NEVER, VARIABLE, Tuning, tuning


def show_machine(json: Json = False) -> None:
    """The processor, the row of kernels that is chosen for it, and the packages that results depend on."""
    found, row = environment(), tuning()
    thresholds = _thresholds(row)
    if json:
        print_json({**found, "measured_on": row.measured_on, "thresholds": thresholds})
        return
    for name, value in found["hardware"].items():
        console().print(f"{name}: {value}", markup=False)
    console().print(f"measured on: {row.measured_on}", markup=False)
    console().print(f"packages: {', '.join(f'{name} {version}' for name, version in found['packages'].items())}")
    print_table(f"Thresholds ({VARIABLE} names another row)", ["threshold", "value"], thresholds.items())


def _thresholds(row: Tuning) -> dict[str, Any]:
    numbers = {name: value for name, value in asdict(row).items() if isinstance(value, int)}
    return {name: "never" if value == NEVER else value for name, value in numbers.items()}
