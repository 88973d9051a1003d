"""Reports of stored results: a page to read and a table of exact figures to commit. No torch here."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cells import Cell, read_cells
from harness.errors import HarnessError, nearest
from harness.files import write_atomically

if TYPE_CHECKING:
    from harness.report.frames import Model

DEFAULT_BASELINE = "llama-7b"


def write_report(
    folder: Path,
    baseline: str | None = None,
    versions: Mapping[str, int] | None = None,
    patterns: Sequence[str] = (),
) -> tuple[list[Path], int]:
    """Write `index.html` and `exact.md` into the folder of a run, from its stored results alone.

    Args:
        folder: the folder of a run, with `results` in it.
        baseline: name of the spec that others are compared with; left out, llama-7b if it is among the results, else
            the first.
        versions: of the metrics and experiments as they are now, by name: results of another version are of other
            figures, and are left out.
        patterns: names and globs of the specs that the page shows beside the baseline; none for all. The table of
            exact figures, which is to be committed, has all specs, so that it is not written where some are chosen.

    Returns:
        The paths that were written, and how many results were left out.

    Raises:
        HarnessError: there are no results, none of the baseline, or none of a pattern.
    """
    from harness.report.exact import markdown
    from harness.report.page import html

    cells, models, left_out = current_results(folder, versions)
    if patterns:
        models = chosen_models(models, [*patterns, *([baseline] if baseline else [])])
        kept = {model.name for model in models}
        cells = [cell for cell in cells if cell.spec is None or cell.spec.name in kept]
    names = [model.name for model in models]
    if baseline is not None and baseline not in names:
        hint = nearest(baseline, names) or f"there are {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
        raise HarnessError(f"no results of the baseline {baseline!r} in {folder}; {hint}")
    chosen = baseline or (DEFAULT_BASELINE if DEFAULT_BASELINE in names else names[0])
    written = {folder / "index.html": html(cells, models, chosen)}
    if not patterns:
        written[folder / "exact.md"] = markdown(models)
    for path, text in written.items():
        write_atomically(path, text)
    return list(written), left_out


def current_results(folder: Path, versions: Mapping[str, int] | None = None) -> tuple[list[Cell], list[Model], int]:
    """The stored results of today's metrics, the models that they are of, and how many older ones are left out.

    Raises:
        HarnessError: there are none.
    """
    from harness.report.frames import models_of

    stored = read_cells(folder)
    cells = [cell for cell in stored if (versions or {}).get(cell.metric, cell.version) == cell.version]
    models = models_of(cells)
    older = len(stored) - len(cells)
    if not models:
        found = f"no results to report but {older} of older versions" if older else "no results to report"
        raise HarnessError(f"{folder}: {found}; `harness run` makes them")
    return cells, models, older


def chosen_models(models: Sequence[Model], patterns: Sequence[str]) -> list[Model]:
    """Those whose names match one of the patterns, in the order of the models.

    Raises:
        HarnessError: a pattern matches none.
    """
    names = [model.name for model in models]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            hint = nearest(pattern, names) or f"`harness run {pattern}` makes them"
            raise HarnessError(f"no results of {pattern!r}; {hint}")
    return [model for model in models if any(fnmatch.fnmatchcase(model.name, pattern) for pattern in patterns)]
