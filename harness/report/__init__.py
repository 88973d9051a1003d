"""Reports of stored results: a page to read and a table of exact figures to commit. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError, nearest
from harness.files import write_atomically
from harness.results import read_cells

DEFAULT_BASELINE = "llama-7b"


def write_report(
    folder: Path, baseline: str | None = None, versions: Mapping[str, int] | None = None
) -> tuple[list[Path], int]:
    """Write `index.html` and `exact.md` into the folder of a run, from its stored results alone.

    Args:
        folder: the folder of a run, with `results` in it.
        baseline: name of the spec that others are compared with; left out, llama-7b if it is among the results, else
            the first.
        versions: of the metrics and experiments as they are now, by name: results of another version are of other
            figures, and are left out.

    Returns:
        The paths that were written, and how many results were left out.

    Raises:
        HarnessError: there are no results, or none of the baseline.
    """
    from harness.report.exact import markdown
    from harness.report.frames import models_of
    from harness.report.page import html

    stored = read_cells(folder)
    cells = [cell for cell in stored if (versions or {}).get(cell.metric, cell.version) == cell.version]
    models = models_of(cells)
    names = [model.name for model in models]
    if not names:
        raise HarnessError(f"{folder}: no results to report; `harness run` makes them")
    if baseline is not None and baseline not in names:
        hint = nearest(baseline, names) or f"there are {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
        raise HarnessError(f"no results of the baseline {baseline!r} in {folder}; {hint}")
    chosen = baseline or (DEFAULT_BASELINE if DEFAULT_BASELINE in names else names[0])
    page, table = folder / "index.html", folder / "exact.md"
    write_atomically(page, html(cells, models, chosen))
    write_atomically(table, markdown(models))
    return [page, table], len(stored) - len(cells)
