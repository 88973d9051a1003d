"""Synthetic results of in-context learning: round figures of a tiny scaled model."""

from __future__ import annotations

from typing import Any

from harness.cells import Cell, SpecRecord
from tests.report.cells import architecture, cell, spec_record

SETTINGS = {
    "seeds": [0, 1],
    "recipe": {"steps": 1500, "batch_size": 32},
    "params": 110_000,
    "documents": 2000,
    "rates": [0.001, 0.003],
    "longer": [],
}
WAYS = {"in context": 1_000_000, "in context, read once": 500_000, "fine-tuning": 3_000_000}
"""Their FLOPs."""


def trained(name: str, accuracy: float = 0.75, *, kv_heads: int = 2, params: int = 109_926, **choices: Any) -> Cell:
    """A result of `icl` over two seeds, 0.125 apart."""
    small = architecture(**choices)
    small["heads"] = {block: {"query": 8, "key_value": kv_heads, "channels": 16} for block in ("dense", "banded")}
    result = {
        "rate": 0.003,
        "rates": [{"rate": 0.001, "held_out": None}, {"rate": 0.003, "held_out": 1.25}],
        "model": {**small, "params": params, "target": 110_000, "state_bytes": 12_800 * kv_heads},
        "classification": {"shots": [0, 16], "chance": 0.125, "ceiling": [0.125, 0.99], **_over([0.125, accuracy])},
        "recall": {"keys": [1, 16], "chance": 0.0156, **_over([1.0, accuracy / 2])},
        "adaptation": [
            {"way": way, "shots": 4, "accuracy": accuracy, "standard_error": 0.02, "flops": flops, "core_seconds": 0.25}
            for way, flops in WAYS.items()
        ],
        "seeds": [_seed(0, accuracy - 0.0625, 839), _seed(1, accuracy + 0.0625, None)],
        "longer": [],
    }
    return cell(spec_record(name), "icl", result, settings=SETTINGS)


def _over(accuracy: list[float]) -> dict[str, Any]:
    return {"accuracy": accuracy, "standard_error": [0.0, 0.0625]}


def _seed(seed: int, accuracy: float, steps: int | None) -> dict[str, Any]:
    return {
        "seed": seed,
        "classification": [0.125, accuracy],
        "recall": [1.0, accuracy / 2],
        "steps_to_threshold": steps,
        "losses": [4.0 + seed, 2.0],
        "smoothed_steps": 50,
        "core_seconds": 33.25,
        "expert_loads": [],
    }


def released(spec: SpecRecord, task: str = "capital") -> Cell:
    """A result of `icl_weights` on one task."""
    none = {"shots": 0, "accuracy": 0.25, "deviation": None, "seeds": 1}
    five = {"shots": 5, "accuracy": 0.5, "deviation": 0.0625, "seeds": 3}
    cost = {"requested": 12_000, "computed": 3000, "padding": 10, "seconds": 1.5}
    result = {
        "runs": [],
        "tasks": [{"task": task, "chance": 0.25, **row} for row in (none, five)],
        "means": [none, five],
        "costs": [{"shots": shots, "seed": 0, **cost} for shots in (0, 5)],
    }
    return cell(spec, "icl_weights", result, settings={"shots": [0, 5], "seeds": [0, 1, 2], "questions": 90})


def wide(name: str, above: float = 0.0, *, seeds: int = 2) -> Cell:
    """A result of `icl_wide`, so much above the best predictors; two seeds are alike."""
    small = {"model": {**architecture(), "params": 110_036}, "rate": 0.003, "rates": []}
    entropy = _estimate([1.375 + above, 1.25 + above], seeds)
    error = _estimate([1.0, above], seeds)
    result = {
        "markov": {
            **small,
            "known": [1, 32],
            "cross_entropy": entropy,
            "accuracy": _estimate([0.25, 0.5], seeds),
            "bayes": {"cross_entropy": [1.375, 1.25], "accuracy": [0.25, 0.5]},
            "unigram": {"cross_entropy": [1.4375, 1.3125], "accuracy": [0.25, 0.375]},
            "chance": {"cross_entropy": 1.386, "accuracy": 0.25},
            "seeds": [{"seed": seed, "cross_entropy": entropy, "core_seconds": 33.25} for seed in range(seeds)],
        },
        "regression": {
            **small,
            "examples": [0, 3],
            "error": error,
            "least_squares": [1.0, 0.0],
            "zero": [1.0, 0.96875],
            "seeds": [{"seed": seed, "error": error, "core_seconds": 22.25} for seed in range(seeds)],
        },
    }
    settings = {
        "seeds": list(range(seeds)),
        "recipe": {"steps": 1500, "batch_size": 32},
        "params": 110_000,
        "documents": 2000,
        "markov": {"states": 4, "length": 34},
        "regression": {"dimensions": 3, "pairs": 13},
    }
    return cell(spec_record(name), "icl_wide", result, settings=settings)


def _estimate(mean: list[float], seeds: int) -> dict[str, list[float] | None]:
    return {"mean": mean, "standard_error": [0.0, 0.0625] if seeds > 1 else None}
