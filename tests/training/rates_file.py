"""Writes the learning rates that the quick profile takes, from results of the full one.

harness run --profile full --metrics icl --out FOLDER
python -m tests.training.rates_file FOLDER > harness/training/rates.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from harness.cells import Cell, read_cells
from harness.metrics.icl import small_model
from harness.spec import load_spec
from harness.tasks.synthetic.vocabulary import SIZE

HEAD = """\
# The best learning rates of small models, with which the quick profile trains; of others it takes the usual one.
# `harness run --profile full --metrics icl --out FOLDER` found them, by the loss of the first seed on held-out
# sequences; `python -m tests.training.rates_file FOLDER` wrote them.
"""


def written(cells: Iterable[Cell]) -> str:
    """The file: by the name of a spec the hash of its small model, its best rate, and the losses that decided."""
    good = (cell for cell in cells if cell.metric == "icl" and cell.status == "ok")
    entries = []
    for cell in sorted(good, key=lambda cell: cell.subject):
        if len(cell.values["rates"]) == 1:
            continue
        model = small_model(load_spec(cell.subject), cell.settings, SIZE).hash
        losses = {f"{tried['rate']:g}": tried["held_out"] for tried in cell.values["rates"]}
        texts = ", ".join(
            f"{rate}: {'null' if loss is None else format(loss, '.4f')}"
            for rate, loss in sorted(losses.items(), key=lambda pair: float(pair[0]))
        )
        entries.append(f'  {cell.subject}: {{model: "{model}", rate: {cell.values["rate"]:g}, held_out: {{{texts}}}}}')
    return HEAD + "found:" + ("\n" + "\n".join(entries) if entries else " {}") + "\n"


if __name__ == "__main__":
    sys.stdout.write(written(read_cells(Path(sys.argv[1]))))
