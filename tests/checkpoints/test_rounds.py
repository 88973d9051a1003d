"""Layers that repeat are imported as one round, so that small models have their period."""

from __future__ import annotations

import pytest

from harness import import_config
from tests.checkpoints.tiny import BASE, WINDOW

PERIODS = [
    ({"model_type": "gemma2", **WINDOW, "num_hidden_layers": 7, "head_dim": 8}, 2),
    ({"model_type": "gemma3_text", **WINDOW, "num_hidden_layers": 16, "head_dim": 8}, 6),
    ({"model_type": "olmo3", **WINDOW, "num_hidden_layers": 32}, 4),
    ({"model_type": "smollm3", **BASE, "num_hidden_layers": 36}, 4),
    ({"model_type": "cohere2", **WINDOW, "num_hidden_layers": 3}, 1),
]


@pytest.mark.parametrize(("fields", "period"), PERIODS)
def test_one_round(fields: dict[str, object], period: int) -> None:
    spec = import_config(fields)
    assert len(spec.layers) == period
    assert spec.scaled().dims.num_layers == max(2, period)
