"""Synthetic results: a tiny model with round figures, and what can be wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.cells import Cell, SpecRecord, write_cell
from harness.metrics.kv_cache import BITS

ENVIRONMENT = {
    "packages": {"python": "3.12.0", "torch": "2.13.0"},
    "hardware": {"machine": "x86_64", "processor": "abacus", "cores": 2},
}
HOSTILE = "</script><img src=x onerror=alert(1)><b>&amp;"
LENGTHS = (256, 512, 1024)


def architecture(**choices: Any) -> dict[str, Any]:
    """Two blocks, dense and banded, on four layers; `choices` replaces whole axes."""
    model = {
        "embedding": {"kind": "table", "norm": False},
        "position": {"kind": "rope", "theta": 10000.0},
        "residual": {"kind": "pre"},
        "norm": {"kind": "rmsnorm", "eps": 1e-6},
        "mixer": {"kind": "softmax", "num_heads": 8, "num_kv_heads": 2, "head_dim": 64, "bias": False},
        "pattern": {"kind": "dense"},
        "mlp": {"kind": "swiglu", "intermediate_size": 2048, "bias": False},
        "head": {"kind": "untied", "bias": False},
        "objective": {"kind": "causal_lm"},
    }
    return {
        "dims": {"num_layers": 4, "hidden_size": 512, "vocab_size": 32000, "max_seq_len": 1024},
        "choices": {**model, **choices},
        "blocks": {"dense": {}, "banded": {"pattern": {"kind": "banded", "window": 256}}},
        "layers": ["dense", "banded"],
        "heads": {key: {"query": 8, "key_value": 2, "channels": 64} for key in ("dense", "banded")},
    }


def spec_record(name: str, **changes: Any) -> SpecRecord:
    """The record of a spec named `name`, with `changes` to its fields."""
    fields = {
        "name": name,
        "hash": f"hash of {name}",
        "title": name.upper(),
        "family": "Toy",
        "provenance": "released",
        "about": "",
        "released": "2024-01-01",
        "training": ["on nothing"],
        "sources": {"paper": {"title": "A paper", "url": "https://example.org/paper"}},
        "architecture": architecture(),
    }
    return SpecRecord(**{**fields, **changes})


def values(scale: int = 1) -> dict[str, dict[str, Any]]:
    """What each metric returns for the tiny model, times `scale`."""
    breakdown = {"embedding": 1000, "position": 0, "mixer": 4000, "mlp": 8000, "norm": 40, "head": 1000}
    dense = {n: n * (n + 1) // 2 for n in LENGTHS}
    banded = {n: 256 * n - 256 * 255 // 2 for n in LENGTHS}
    return {
        "params": {
            "total": 14040 * scale,
            "active": 14040 * scale,
            "non_embedding": 12040 * scale,
            "breakdown": {part: size * scale for part, size in breakdown.items()},
            "layers": {block: {"mixer": 1000, "mlp": 2000, "norm": 10} for block in ("dense", "banded")},
            "layer_counts": {"dense": 2, "banded": 2},
            "checked": {"modules on the meta device": 14040 * scale},
        },
        "flops": {
            "points": [
                {
                    "seq_len": n,
                    "prefill": {"full": 3 * n * scale, "causal": 2 * n * scale + 1},
                    "decode": {"full": 3 * scale, "causal": 2 * scale},
                    # More than a float holds: the last digit must survive.
                    "train": {"full": 9_007_199_254_740_993, "causal": 9_007_199_254_740_991},
                }
                for n in LENGTHS
            ],
            "checked": [
                {"phase": "decode", "batch_size": 2, "seq_len": 129, "full": 3, "counters": ["a counter", "another"]}
            ],
        },
        "kv_cache": {
            "bytes_per_token": {dtype: 128 * bits * scale for dtype, bits in BITS.items()},
            "constant_bytes": dict.fromkeys(BITS, 0),
            "points": [{"seq_len": n, "bytes": 2048 * n * scale} for n in LENGTHS],
            "longest_context": [
                {"budget_gb": 6, "weights": "fp16", "tokens": 0},
                {"budget_gb": 24, "weights": "fp16", "tokens": 20071},
                {"budget_gb": 80, "weights": "fp16", "tokens": None},
            ],
            "checked": [{"batch_size": 1, "seq_len": 1024, "bytes": 2048 * 1024 * scale}],
        },
        "attention_pairs": {
            "points": [
                {
                    "seq_len": n,
                    "pairs": 2 * dense[n] + 2 * banded[n],
                    "dense": 4 * dense[n],
                    "blocks": {"dense": dense[n], "banded": banded[n]},
                }
                for n in LENGTHS
            ],
            "checked": [1, 129],
        },
        "claims": {"claims": [claim(14e3, 14040 * scale, agrees=scale == 1)]},
    }


def claim(published: float, computed: int, *, agrees: bool, **changes: Any) -> dict[str, Any]:
    """One row of the metric `claims`."""
    row = {
        "metric": "params",
        "published": published,
        "computed": computed,
        "bound": False,
        "agrees": agrees,
        "source": "A paper",
        "url": "https://example.org/paper",
        "at": "Table 1",
    }
    return {**row, **changes}


def cell(spec: SpecRecord, metric: str, result: dict[str, Any] | None, **changes: Any) -> Cell:
    """A result; a failed one where `result` is None."""
    fields = {
        "spec": spec,
        "metric": metric,
        "version": 1,
        "settings": {},
        "environment": ENVIRONMENT,
        "status": "failed" if result is None else "ok",
        "reason": "the counters disagree" if result is None else "",
        "values": result or {},
        "created": "2025-02-03T04:05:06+00:00",
        "seconds": 0.5,
    }
    return Cell(**{**fields, **changes})


def cells_of(name: str, scale: int = 1, **changes: Any) -> list[Cell]:
    """All results of one spec."""
    spec = spec_record(name, **changes)
    return [cell(spec, metric, result) for metric, result in values(scale).items()]


def store(folder: Path, cells: list[Cell]) -> Path:
    """Write cells as a run does."""
    for each in cells:
        write_cell(folder, each)
    return folder
