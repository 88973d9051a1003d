"""The tables that the page holds without any script: all models with their choices, and the published figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from harness.report.frames import FIGURE_METRIC, Model, claims_frame, models_frame
from harness.report.sheets import shown_figure
from harness.report.wording import exact, percent, printed, web_address


@dataclass(frozen=True)
class Column:
    """A column of the table of models; `group` is the heading over its neighbours, `tip` says more than the label."""

    key: str
    label: str
    group: str
    tip: str = ""
    number: bool = False


FIRST = "at a glance"
"""The group of columns that is shown before a reader asks for others."""

COLUMNS = (
    Column("released", "released", FIRST),
    Column("params", "params", FIRST, "trainable parameters; shared matrices once", True),
    Column(
        "attention", "mixer", FIRST, "MHA, GQA, MQA: whether query heads share keys and values; or what is no attention"
    ),
    Column("position", "position", FIRST),
    Column("norm", "norm", FIRST),
    Column("cache", "cache", FIRST, "bytes kept of the context: keys and values, or states", True),
    Column("decode", "decode", FIRST, "FLOPs of the token behind the context, causal", True),
    Column("family", "family", "model"),
    Column("provenance", "known by", "model", "how the architecture is known: see the legend"),
    Column("active", "active", "size", "parameters that one token uses: of experts those that it is routed to", True),
    Column("non_embedding", "non-emb.", "size", "without tables of tokens and positions, and without the head", True),
    Column("layers", "layers", "shape", "", True),
    Column("hidden", "hidden", "shape", "hidden size", True),
    Column("heads", "heads/KV", "shape", "query heads / key-value heads", True),
    Column("channels", "ch.", "shape", "channels of one head", True),
    Column("width", "width", "shape", "intermediate size of the MLP", True),
    Column("vocab", "vocab.", "shape", "rows of the table of tokens", True),
    Column("max_length", "max. len.", "shape", "the longest sequence that the model is made for, in tokens", True),
    Column("mlp", "MLP", "choices"),
    Column("experts", "experts", "choices", "through how many of how many networks of that size a token goes"),
    Column("residual", "residual", "choices", "where the norms stand"),
    Column("pattern", "pattern", "choices", "which keys a query sees; with how many layers, where they differ"),
    Column("head", "head", "choices", "whether the head shares the table of tokens"),
    Column("objective", "objective", "choices"),
    Column("kv", "KV B/token", "cost", "bytes that one more token adds to an fp16 cache", True),
    Column("state", "state B", "cost", "bytes that a sequence takes however short it is: states", True),
    Column("weights", "weights", "cost", "bytes of all parameters", True),
    Column("memory", "memory", "cost", "weights and cache, no activations; marked where the device has less", True),
    Column("prefill", "prefill", "cost", "FLOPs a token over the context, causal", True),
    Column("train", "train", "cost", "FLOPs a token over the context, causal, forward and backward", True),
)


@dataclass(frozen=True)
class Cell:
    """One cell: what it shows, and for its tooltip all digits or the reason why there are none."""

    text: str
    title: str = ""
    missing: bool = False


@dataclass(frozen=True)
class Row:
    """One model."""

    name: str
    title: str
    cells: dict[str, Cell]


def models_table(models: Sequence[Model], length: int) -> list[Row]:
    """A row a model, a cell a column, in order of release; those without a date come last.

    Args:
        models: what to show.
        length: tokens of the context that costs are of.
    """
    frame = models_frame(models, length)
    rows = []
    for model in sorted(models, key=lambda model: (not model.record.released, model.record.released, model.name)):
        values = frame.loc[model.name]
        cells = {column.key: _cell(model, column, values[column.key]) for column in COLUMNS}
        rows.append(Row(model.name, model.record.title, cells))
    return rows


def _cell(model: Model, column: Column, value: Any) -> Cell:
    if column.key in FIGURE_METRIC:
        return _figure_cell(model, column.key, value)
    return Cell(exact(value) if isinstance(value, int) else str(value))


def _figure_cell(model: Model, key: str, value: Fraction | None) -> Cell:
    shown = shown_figure(key, value)
    if shown is None:
        reason = model.why(FIGURE_METRIC[key])
        if not reason:
            return Cell(f"max. {exact(model.max_length)}", "not made for as many tokens", missing=True)
        return Cell(f"n/a ({reason})", title=reason, missing=True)
    return Cell(shown[0], shown[1])


@dataclass(frozen=True)
class Claim:
    """One published figure against the computed one."""

    name: str
    model: str
    metric: str
    published: str
    computed: str
    relative: str
    agrees: bool
    provenance: str
    source: str
    url: str
    at: str


def claims_table(models: Sequence[Model]) -> list[Claim]:
    """Figures that differ first."""
    return [
        Claim(
            name=row["name"],
            model=row["title"],
            metric=row["metric"].replace("_", " "),
            published=printed(row["published"], row["digits"]),
            computed=f"at most {exact(row['computed'])}" if row["bound"] else exact(row["computed"]),
            relative="n/a" if row["relative"] is None else percent(row["relative"]),
            agrees=row["agrees"],
            provenance=row["provenance"],
            source=row["source"],
            url=web_address(row["url"]),
            at=row["at"],
        )
        for row in claims_frame(models).to_dict("records")
    ]
