"""Multi-token prediction of releases: part of their specs, and left aside where their weights are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.checkpoints.load import import_config, load_checkpoint
from harness.errors import HarnessError
from tests.checkpoints.tiny import TINY, config_of, random_model, save

STATED = [
    ("deepseek_v3", {"num_nextn_predict_layers": 1}, 1),
    ("deepseek_v3", {"num_nextn_predict_layers": 0}, 0),
    ("glm4_moe", {"num_nextn_predict_layers": 1}, 1),
    ("glm4_moe_lite", {"num_nextn_predict_layers": 1}, 1),
    ("minimax_m2", {"use_mtp": True, "num_mtp_modules": 3, "mtp_transformer_layers": 1}, 3),
    ("minimax_m2", {"use_mtp": False, "num_mtp_modules": 3}, 0),
    ("qwen3_5_text", {"mtp_num_hidden_layers": 1, "mtp_use_dedicated_embeddings": False}, 1),
]


def config(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {**config_of(kind, TINY[kind][0]).to_dict(), **fields}


@pytest.mark.parametrize(("kind", "fields", "modules"), STATED)
def test_a_config_states_how_many_modules_there_are(kind: str, fields: dict[str, Any], modules: int) -> None:
    assert import_config(config(kind, fields)).choices.mtp.depth == modules


def test_only_a_model_that_has_modules_has_another_hash() -> None:
    with_one, with_none = (import_config(config("deepseek_v3", {"num_nextn_predict_layers": n})) for n in (1, 0))
    assert with_one.hash != with_none.hash
    without = {name: value for name, value in with_one.architecture["choices"].items() if name != "mtp"}
    assert with_none.architecture["choices"] == without


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("minimax_m2", {"use_mtp": True, "num_mtp_modules": 1, "mtp_transformer_layers": 2}, "mtp_transformer_layers"),
        ("qwen3_5_text", {"mtp_num_hidden_layers": 2}, "mtp_num_hidden_layers.*expected 0 or 1"),
        ("qwen3_5_text", {"mtp_use_dedicated_embeddings": True}, "mtp_use_dedicated_embeddings"),
        ("deepseek_v3", {"num_nextn_predict_layers": -1}, "modules"),
    ],
)
def test_what_a_spec_cannot_say_is_refused(kind: str, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        import_config(config(kind, fields))


@pytest.mark.parametrize("stated", [1, 2])
def test_weights_of_modules_are_left_aside(stated: int, tmp_path: Path) -> None:
    reference = random_model(config_of("deepseek_v3", {**TINY["deepseek_v3"][0], "num_nextn_predict_layers": stated}))
    save(reference, tmp_path)
    file = next(tmp_path.glob("*.safetensors"))
    last = reference.config.num_hidden_layers
    beside = {f"model.layers.{last + module}.eh_proj.weight": torch.ones(2, 4) for module in range(stated)}
    save_file({**load_file(file), **beside}, file, {"format": "pt"})
    model = load_checkpoint(tmp_path)
    assert (model.spec.choices.mtp.depth, len(model.mtp)) == (stated, 0)
    tokens = torch.arange(9)[None]
    with torch.no_grad():
        assert (model(tokens) - reference(tokens).logits).abs().max() < 1e-5
