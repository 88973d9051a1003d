"""Throughput of whole models and of single layers, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.cells import Cell
from harness.report.sections import Section, Table, noise_times_faster, times_faster
from harness.report.wording import exact, short, short_bytes


def throughput(cells: Sequence[Cell]) -> Section:
    """A table for each set of models."""
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        reference = cell.values["exact"]["models"][0]["name"]
        groups.setdefault((cell.settings["models"], reference), []).append(cell)
    most = [max(group, key=lambda cell: (len(cell.settings["specs"]), cell.created)) for group in groups.values()]
    return Section(tables={_models_in_words(cell): _models(cell) for cell in sorted(most, key=_kind)})


def _kind(cell: Cell) -> tuple[int, str]:
    return ["matched", "whole", "block"].index(cell.settings["models"]), cell.values["exact"]["models"][0]["name"]


def _models_in_words(cell: Cell) -> str:
    settings, models = cell.settings, cell.values["exact"]["models"]
    words = {"whole": f"{models[0]['name']} at full size", "block": "One layer at full size"}.get(settings["models"])
    if words is None:
        wanted = settings["size"]["params"]
        off = max(abs(model["params"] / wanted - 1) for model in models)
        words = f"Models of {short(wanted)} parameters, within {off:.2%}"
    return (
        f"{words}: a prefill of {exact(settings['seq_len'])} tokens and {settings['new_tokens']} tokens behind it, "
        f"{settings['dtype']}, {cell.values['conditions']['device']}"
    )


def _models(cell: Cell) -> Table:
    models = cell.values["exact"]["models"]
    of = {(row["model"], row["phase"]): row for row in cell.values["rows"]}
    against = [f"times faster than {models[0]['name']}", "noise", "verdict"] if len(models) > 1 else []
    heads = ["model", "stands also for", "parameters"]
    for phase, share in (("prefill", "share of peak"), ("decoding", "share of reading")):
        heads += [f"{phase}, tokens a second", *against, share]
    texts = [
        [
            model["name"],
            ", ".join(model["stands_for"][1:]),
            exact(model["params"]),
            *_speed(of[model["name"], "prefill"], len(against)),
            *_speed(of[model["name"], "decode"], len(against)),
            *(short_bytes(model[f"{what}_bytes"]) for what in ("weight", "cache", "peak")),
        ]
        for model in models
    ]
    return Table([*heads, "weights", "cache", "peak memory"], texts, words=2)


def _speed(row: dict[str, Any], against: int) -> list[str]:
    """Tokens a second, as many cells on what it is compared with as there are heads for them, and the share."""
    compared = [times_faster(row["ratio"]), noise_times_faster(row), row["verdict"]]
    if row["to"] in ("matrix product", "read"):
        compared = [""] * 3
    tokens = row["tokens_per_s"]
    interval = f"{tokens['mid']:,.0f} ({tokens['low']:,.0f} to {tokens['high']:,.0f})"
    return [interval, *compared[:against], f"{row['share']['mid']:.2f}"]
