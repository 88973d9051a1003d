"""Fact sheets: everything that is known of each model, as the page's scripts read it.

Exact figures are text: JSON's numbers lose digits above 2^53, and a training step has more.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from harness.report.architecture import block_counts, defaults_of
from harness.report.frames import COMPONENTS, FIGURE_METRIC, PHASES, SHOWN, Model
from harness.report.wording import TIMES, exact, short, short_bytes, short_flops, web_address
from harness.spec.diff import called, flattened

FIGURES = {
    "params": "parameters",
    "active": "parameters that a token uses",
    "non_embedding": "non-embedding parameters",
    "kv": "cache bytes a token, fp16",
    "state": "bytes of state from the start, fp16",
    "cache": "cache, bytes",
    "weights": "weights, bytes",
    "memory": "weights and cache, bytes",
    "decode": "decode FLOPs a token",
    "prefill": "prefill FLOPs a token",
    "train": "training FLOPs a token",
}
"""What models are compared by; see `Model.figures`."""

Sheet = dict[str, Any]


def sheets(models: Sequence[Model]) -> list[Sheet]:
    """One sheet a model, ready for JSON."""
    same: dict[str, list[str]] = {}
    for model in models:
        same.setdefault(model.record.hash, []).append(model.name)
    return [_sheet(model, [name for name in same[model.record.hash] if name != model.name]) for model in models]


def _sheet(model: Model, same: list[str]) -> Sheet:
    record = model.record
    flat = flattened(record.architecture)
    return {
        "name": model.name,
        "title": record.title,
        "family": model.family,
        "provenance": record.provenance,
        "about": record.about,
        "released": record.released,
        "training": record.training,
        "sources": [[source["title"], web_address(source["url"])] for source in record.sources.values()],
        "same": same,
        "options": {key: _option(value) + called(key, flat) for key, value in flat.items()},
        "defaults": sorted(defaults_of(record.architecture) & flat.keys()),
        "blocks": [[block, count] for block, count in block_counts(record.architecture).items()],
        "figures": {key: shown_figure(key, value) for key, value in model.figures().items()},
        "maxLength": model.max_length,
        "costs": {n: {key: str(value) for key, value in costs.items()} for n, costs in model.costs().items()},
        "missing": {metric: model.why(metric) for metric in SHOWN if model.why(metric)},
        "params": _params(model),
        "steps": [[phase, exact(step["full"]), exact(step["causal"])] for phase, step in _phases(model)],
        "cache": _cache(model),
        "checks": list(_checks(model)),
    }


def shown_figure(key: str, value: Fraction | None) -> list[Any] | None:
    """A figure as [short text, exact text, number for ratios]; a quotient that is not whole keeps three places."""
    if value is None:
        return None
    in_short = {"params": short, "kv_cache": short_bytes, "flops": short_flops}[FIGURE_METRIC[key]]
    in_short = short_bytes if key == "weights" else in_short
    in_full = exact(value.numerator) if value.denominator == 1 else f"{float(value):,.3f}"
    return [in_short(value), in_full, float(value)]


def _option(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else exact(value) if isinstance(value, int) else str(value)


def _params(model: Model) -> Sheet | None:
    values = model.values("params")
    if values is None:
        return None
    return {
        "total": exact(values["total"]),
        "breakdown": [
            [part, exact(values["breakdown"][part]), values["breakdown"][part] / values["total"]] for part in COMPONENTS
        ],
        "mtp": exact(values["mtp"]) if "mtp" in values else None,
        "layers": [
            [block, values["layer_counts"][block], [[part, exact(size)] for part, size in parts.items()]]
            for block, parts in values["layers"].items()
        ],
    }


def _phases(model: Model) -> list[tuple[str, dict[str, int]]]:
    steps, values = model.steps(), model.values("flops") or {}
    beside = [("train, beside it for multi-token prediction", values["mtp"])] if "mtp" in values else []
    return [(phase, steps[phase]) for phase in PHASES if steps] + beside


def _cache(model: Model) -> Sheet | None:
    values = model.values("kv_cache")
    if values is None:
        return None
    return {
        "perToken": [[dtype, exact(size)] for dtype, size in values["bytes_per_token"].items()],
        "constant": values["constant_bytes"],
        "contexts": [
            [row["budget_gb"], row["weights"], context(row["tokens"], model.max_length)]
            for row in values["longest_context"]
        ],
    }


def context(tokens: int | None, limit: int) -> str:
    """The longest context in words; one past what the model is made for says both."""
    if tokens == 0:
        return "does not fit"
    if tokens is not None and tokens <= limit:
        return exact(tokens)
    room = "any number" if tokens is None else exact(tokens)
    return f"all {exact(limit)} that the model is made for (room for {room})"


def _checks(model: Model) -> Any:
    """[what was computed, by what it was held against, the figure] of every check of an exact figure."""
    for counter, count in ((model.values("params") or {}).get("checked") or {}).items():
        yield ["parameters", counter, exact(count)]
    for row in (model.values("flops") or {}).get("checked", []):
        what = f"FLOPs, {row['phase']}, {row['batch_size']} {TIMES} {exact(row['seq_len'])} tokens, full"
        yield [what, " and ".join(row["counters"]), exact(row["full"])]
    for row in (model.values("kv_cache") or {}).get("checked", []):
        what = f"cache bytes, {row['batch_size']} {TIMES} {exact(row['seq_len'])} tokens"
        yield [what, "tensors of a filled cache", exact(row["bytes"])]
    lengths = (model.values("attention_pairs") or {}).get("checked", [])
    if lengths:
        yield ["visible pairs", "sums of masks", f"at {', '.join(map(exact, lengths))} tokens"]
