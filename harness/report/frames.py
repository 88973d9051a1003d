"""Stored cells as pandas frames. Exact integers stay Python ints, in columns of objects: no digit is lost to floats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from harness.cells import Cell, SpecRecord
from harness.report.architecture import by_block, described, summary

SHOWN = ("params", "flops", "kv_cache", "attention_pairs", "claims")
"""Metrics that the pages show; one that a spec lacks is told as missing."""
COMPONENTS = ("embedding", "position", "mixer", "mlp", "norm", "head")
PHASES = ("prefill", "decode", "train")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Model:
    """One spec with the result of each metric that counts."""

    record: SpecRecord
    cells: dict[str, Cell]

    @property
    def name(self) -> str:
        """The spec's name, unique in a report."""
        return self.record.name

    @property
    def family(self) -> str:
        """What it is grouped under; an imported config stands apart from the specs of its family."""
        record = self.record
        return f"{record.family} (imported)" if record.provenance == "imported" else record.family

    def values(self, metric: str) -> dict[str, Any] | None:
        """What the metric returned, or None; `why` then says why."""
        cell = self.cells.get(metric)
        return cell.values if cell and cell.status == "ok" else None

    def why(self, metric: str) -> str:
        """Why there is no result of a metric; empty where there is one."""
        cell = self.cells.get(metric)
        if cell is None:
            return NOT_MEASURED
        return "" if cell.status == "ok" else f"failed: {cell.reason or 'no reason was stored'}"

    @property
    def max_length(self) -> int:
        """The longest sequence that the model is made for."""
        return int(self.record.architecture["dims"]["max_seq_len"])

    def steps(self, length: int | None = None) -> dict[str, dict[str, int]]:
        """FLOPs of one whole step, by phase and `full` or `causal`; empty where missing.

        Args:
            length: tokens of the sequence; None for the longest that the model is made for.
        """
        points = (self.values("flops") or {}).get("points", [])
        return next((point for point in points if point["seq_len"] == (length or self.max_length)), {})

    def costs(self) -> dict[int, dict[str, int]]:
        """Causal FLOPs of each phase and bytes of the fp16 cache, of one sequence, by its length."""
        found: dict[int, dict[str, int]] = {}
        for point in (self.values("flops") or {}).get("points", []):
            found[point["seq_len"]] = {phase: point[phase]["causal"] for phase in PHASES}
        for point in (self.values("kv_cache") or {}).get("points", []):
            found.setdefault(point["seq_len"], {})["cache"] = point["bytes"]
        return found

    def figures(self, length: int | None = None) -> dict[str, Fraction | None]:
        """What models are compared by: scalars, bytes of cache and weights in fp16, and causal FLOPs a token.

        Args:
            length: tokens of the sequence; None for the longest that the model is made for. What depends on it is None
                where the model is not made for as many.
        """
        params, cache, steps = self.values("params"), self.values("kv_cache"), self.steps(length)
        kept = self.costs().get(length or self.max_length, {}).get("cache")
        found: dict[str, Fraction | None] = {
            "params": Fraction(params["total"]) if params else None,
            "active": Fraction(params["active"]) if params else None,
            "non_embedding": Fraction(params["non_embedding"]) if params else None,
            "kv": Fraction(cache["bytes_per_token"]["fp16"]) if cache else None,
            "state": Fraction(cache["constant_bytes"]["fp16"]) if cache else None,
            "cache": None if kept is None else Fraction(kept),
            "weights": Fraction(2 * params["total"]) if params else None,
            "memory": Fraction(2 * params["total"] + kept) if params and kept is not None else None,
        }
        for phase in ("decode", "prefill", "train"):
            tokens = 1 if phase == "decode" else length or self.max_length
            found[phase] = Fraction(steps[phase]["causal"], tokens) if steps else None
        return found


FIGURE_METRIC = {
    "params": "params",
    "active": "params",
    "non_embedding": "params",
    "kv": "kv_cache",
    "state": "kv_cache",
    "cache": "kv_cache",
    "weights": "params",
    "memory": "kv_cache",
    "decode": "flops",
    "prefill": "flops",
    "train": "flops",
}
"""Which metric a figure of `Model.figures` comes from."""


def models_of(cells: Iterable[Cell]) -> list[Model]:
    """One model a spec, by family, then size, then name.

    Of results for several settings that of the most seeds counts, and of those the newest. A spec that was changed has
    a new hash: only results of its newest form count.
    """
    by_name: dict[str, list[tuple[SpecRecord, Cell]]] = {}
    for cell in cells:
        if cell.spec:
            by_name.setdefault(cell.spec.name, []).append((cell.spec, cell))
    return sorted(map(_model, by_name.values()), key=_order)


def _model(cells: Sequence[tuple[SpecRecord, Cell]]) -> Model:
    in_time = sorted(cells, key=lambda of: (of[1].created, of[1].metric, json.dumps(of[1].settings, sort_keys=True)))
    record, _ = in_time[-1]
    best = {
        cell.metric: cell for cell in sorted((cell for spec, cell in in_time if spec.hash == record.hash), key=_worth)
    }
    return Model(record, dict(sorted(best.items())))


def _worth(cell: Cell) -> tuple[int, int]:
    """What counts more than being new: to be of the metric as it is now, and of more seeds."""
    return cell.version, len(cell.settings.get("seeds", ()))


def _order(model: Model) -> tuple[str, bool, int, str]:
    params = model.values("params")
    return model.family.casefold(), params is None, params["total"] if params else 0, model.name


def models_frame(models: Sequence[Model], length: int | None = None) -> pd.DataFrame:
    """A row a model: what it is, its choices, and its figures at a length, see `Model.figures`."""
    rows = [
        {
            "name": model.name,
            "title": model.record.title,
            "family": model.family,
            "provenance": model.record.provenance,
            "released": model.record.released,
            **summary(model.record.architecture),
            **model.figures(length),
        }
        for model in models
    ]
    return _frame(rows, ["name"]).set_index("name")


def breakdown_frame(models: Sequence[Model]) -> pd.DataFrame:
    """Parameters, in scalars: a row a model, a column a component."""
    rows = [{"name": model.name, **values["breakdown"]} for model, values in _with(models, "params")]
    return _frame(rows, ["name", *COMPONENTS]).set_index("name")


def flops_frame(models: Sequence[Model]) -> pd.DataFrame:
    """FLOPs of one step, by model, phase, seq_len and pairs (`full` or `causal`)."""
    rows = [
        {"name": model.name, "phase": phase, "pairs": pairs, "seq_len": point["seq_len"], "flops": point[phase][pairs]}
        for model, values in _with(models, "flops")
        for point in values["points"]
        for phase in PHASES
        for pairs in ("causal", "full")
    ]
    return _frame(rows, ["name", "phase", "pairs", "seq_len", "flops"])


def cache_frame(models: Sequence[Model]) -> pd.DataFrame:
    """Bytes of the fp16 key-value cache of one sequence, by model and seq_len."""
    rows = [
        {"name": model.name, "seq_len": point["seq_len"], "bytes": point["bytes"]}
        for model, values in _with(models, "kv_cache")
        for point in values["points"]
    ]
    return _frame(rows, ["name", "seq_len", "bytes"])


def contexts_frame(models: Sequence[Model]) -> pd.DataFrame:
    """The longest context beside the weights, by model, budget_gb and weights; None where nothing bounds it."""
    rows = [
        {"name": model.name, **row} for model, values in _with(models, "kv_cache") for row in values["longest_context"]
    ]
    return _frame(rows, ["name", "budget_gb", "weights", "tokens"])


def pairs_frame(models: Sequence[Model]) -> pd.DataFrame:
    """Visible query-key pairs over all layers, and those of dense causal attention, by model and seq_len."""
    rows = [
        {"name": model.name, "seq_len": point["seq_len"], "visible": point["pairs"], "dense": point["dense"]}
        for model, values in _with(models, "attention_pairs")
        for point in values["points"]
    ]
    return _frame(rows, ["name", "seq_len", "visible", "dense"])


def patterns_frame(models: Sequence[Model]) -> pd.DataFrame:
    """Visible pairs of one layer, and those of a dense one, for every pattern that occurs, by seq_len."""
    rows = []
    for model, values in _with(models, "attention_pairs"):
        layers = model.record.architecture["dims"]["num_layers"]
        for block, options in by_block(model.record.architecture, "pattern").items():
            for point in values["points"]:
                dense = point["dense"] // layers
                row = {"seq_len": point["seq_len"], "visible": point["blocks"][block], "dense": dense}
                rows.append({"pattern": described(options), **row})
    frame = _frame(rows, ["pattern", "seq_len", "visible", "dense"])
    return frame.drop_duplicates().sort_values(["pattern", "seq_len"], kind="stable", ignore_index=True)


def claims_frame(models: Sequence[Model]) -> pd.DataFrame:
    """Published figures against computed ones: those that differ first, then in order of the models.

    `relative` is (computed - published) / published; `digits` how many digits are meant, None for those before the
    trailing zeros. `relative` is None where the published figure is 0, and where the computed one is a bound.
    """
    rows = [
        {
            "name": model.name,
            "title": model.record.title,
            "provenance": model.record.provenance,
            "digits": None,
            **claim,
            "relative": None if claim["bound"] else _relative(claim["published"], claim["computed"]),
        }
        for model, values in _with(models, "claims")
        for claim in values["claims"]
    ]
    columns = [
        "name",
        "title",
        "provenance",
        "metric",
        "published",
        "digits",
        "computed",
        "bound",
        "agrees",
        "relative",
    ]
    frame = _frame(rows, [*columns, "source", "url", "at"])
    return frame.sort_values("agrees", kind="stable", ignore_index=True)


def _relative(published: float, computed: int) -> Fraction | None:
    return computed / Fraction(str(published)) - 1 if published else None


def problems_frame(models: Sequence[Model]) -> pd.DataFrame:
    """Results that failed, or that were never stored, with the reason."""
    rows = [
        {"name": model.name, "title": model.record.title, "metric": metric, "reason": model.why(metric)}
        for model in models
        for metric in dict.fromkeys((*SHOWN, *model.cells))
        if model.why(metric)
    ]
    return _frame(rows, ["name", "title", "metric", "reason"])


def _with(models: Sequence[Model], metric: str) -> Iterable[tuple[Model, dict[str, Any]]]:
    for model in models:
        values = model.values(metric)
        if values is not None:
            yield model, values


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Objects as they are: pandas would turn a column of ints with a gap into floats."""
    return pd.DataFrame(rows, columns=columns if not rows else None, dtype=object)
