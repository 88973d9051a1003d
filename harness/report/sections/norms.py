"""RMSNorm against LayerNorm, pairing by pairing, and what the claim about them comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.cells import Cell
from harness.report.sections import Section, Table, between, noise
from harness.report.wording import exact

CLAIMED_LESS = (0.07, 0.64)
"""The share of time that RMSNorm is said to save: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467."""


def norms(cells: Sequence[Cell]) -> Section:
    """Verdicts on the claim, and every pair that was timed."""
    rows = [(cell.settings["dtype"], row) for cell in most_shapes(cells) for row in cell.values["rows"]]
    return Section(tables={"verdicts": _verdicts(rows), "pairs": _pairs(rows)})


def most_shapes(cells: Sequence[Cell]) -> list[Cell]:
    """Of each implementation and number format the result of the most shapes."""
    most: dict[tuple[int, str], Cell] = {}
    for cell in sorted(cells, key=lambda cell: (len(cell.settings["shapes"]), cell.created)):
        most[_order(cell)] = cell
    return [cell for _, cell in sorted(most.items())]


def _verdicts(rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    """What the claim comes to for each pairing, over the shapes that were timed."""
    heads = ["compared", "numbers", "pass", "shapes", "time, RMSNorm / LayerNorm", "faster", "slower", "no difference"]
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for dtype, row in rows:
        groups.setdefault((f"{row['of']} / {row['to']}", dtype, row["pass"]), []).append(row)
    texts = []
    for key, of_key in groups.items():
        ratios = [row["ratio"]["mid"] for row in of_key]
        verdicts = [row["verdict"] for row in of_key]
        counts = [str(verdicts.count(word)) for word in ("faster", "slower", "no significant difference")]
        claims = [claim(row) for row in of_key]
        said = ", ".join(f"{word} in {claims.count(word)}" for word in dict.fromkeys(claims))
        texts.append([*key, str(len(of_key)), f"{min(ratios):.2f} to {max(ratios):.2f}", *counts, said])
    return Table([*heads, "7 % to 64 % less time"], texts, words=2)


def _pairs(rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    heads = ["compared", "numbers", "tokens", "width", "pass", "time, RMSNorm / LayerNorm", "noise", "verdict", "claim"]
    texts = [
        [
            f"{row['of']} / {row['to']}",
            dtype,
            exact(row["tokens"]),
            exact(row["width"]),
            row["pass"],
            between(row["ratio"]),
            noise(row),
            row["verdict"],
            claim(row),
            ", ".join(f"{share['mid']:.2f}" for share in row.get("share_of_copy", {}).values()),
        ]
        for dtype, row in rows
    ]
    return Table([*heads, "share of copying"], texts, words=2)


def _order(cell: Cell) -> tuple[int, str]:
    return ["textbook", "native", "compiled", "model"].index(cell.settings["implementation"]), cell.settings["dtype"]


def claim(row: dict[str, Any]) -> str:
    """Whether RMSNorm saves as much time as it is said to: decided where the interval lies on one side."""
    if row["verdict"] == "no significant difference":
        return "not seen"
    if row["verdict"] == "slower":
        return "contradicted"
    least, most = (1 - share for share in reversed(CLAIMED_LESS))
    low, high = row["ratio"]["low"], row["ratio"]["high"]
    if least <= low and high <= most:
        return "as claimed"
    return "another saving" if high < least or low > most else "undecided"
