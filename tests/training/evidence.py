"""Keeps what the findings say of small models: their rates, and what every seed reached.

harness run NAMES --profile full --metrics icl --out FOLDER
python -m tests.training.evidence FOLDER > reports/evidence/icl.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.cells import Cell, read_cells

SHOTS, PAIRS = 16, 16


def evidence(cells: Iterable[Cell]) -> dict[str, Any]:
    """By the name of a spec; and on which machine."""
    good = sorted(
        (cell for cell in cells if cell.metric == "icl" and cell.status == "ok"), key=lambda cell: cell.subject
    )
    return {
        "environment": good[0].environment,
        "settings": {name: good[0].settings[name] for name in ("recipe", "params", "held_out", "documents")},
        "models": {cell.subject: _model(cell.values) for cell in good},
    }


def row(name: str, words: str, model: Mapping[str, Any]) -> str:
    """A line of the table in the findings."""
    reached = (" ".join(f"{accuracy:.2f}" for accuracy in model[task]) for task in ("classification", "recall"))
    return f"| {name} | {words} | {model['rate']:g} | {' | '.join(reached)} |"


def _model(values: Mapping[str, Any]) -> dict[str, Any]:
    shots = values["classification"]["shots"].index(SHOTS)
    pairs = values["recall"]["keys"].index(PAIRS)
    return {
        "params": values["model"]["params"],
        "rate": values["rate"],
        "held_out": {f"{tried['rate']:g}": tried["held_out"] for tried in values["rates"]},
        "classification": [seed["classification"][shots] for seed in values["seeds"]],
        "recall": [seed["recall"][pairs] for seed in values["seeds"]],
        "core_seconds": [round(seed["core_seconds"]) for seed in values["seeds"]],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(evidence(read_cells(Path(sys.argv[1]))), indent=1) + "\n")
