"""Every field that transformers' code of a family reads is read here too, or known to decide nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import CONFIG_MAPPING
from transformers.models.auto.configuration_auto import model_type_to_module_name

from harness.checkpoints.config import Config
from harness.checkpoints.translate import import_config
from harness.checkpoints.unread import decides_nothing
from tests.checkpoints.test_older_configs import explicit
from tests.checkpoints.tiny import TINY, config_of

MODELS = Path(transformers.__file__).parent / "models"

EYES = "depth in_channels num_heads num_position_embeddings out_hidden_size patch_size spatial_merge_size "
OF_ABSENT_LAYERS = {
    "cohere_compass_text": f"{EYES} deepstack_visual_indexes temporal_patch_size",
    "llama4_text": "image_size num_channels patch_size pixel_shuffle_ratio projector_input_dim projector_output_dim",
    "qwen3_5_text": f"{EYES} deepstack_visual_indexes temporal_patch_size",
    "qwen3_5_moe_text": f"{EYES} deepstack_visual_indexes temporal_patch_size",
}
"""Fields of layers that models which are imported do not hold; the families pass over those that are there."""
OF_ROTATION = {"falcon", "gpt_neox", "gpt_neox_japanese", "persimmon"}
"""Families whose rotary positions, and nothing else, ask for a `head_dim`, which only the sizes decide."""
OF_WHOLES = {
    "to_dict",
    "get_text_config",
    "standardize_rope_params",
    "rope_parameters",
    "base_config_key",
    "is_encoder_decoder",
}
"""What is called, what stands for parts, and what is refused everywhere but where it is false."""


@pytest.mark.parametrize("kind", sorted(TINY))
def test_what_is_read_there_is_read_here(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    for method in ("take", "expect", "mapping", "ignore"):
        original = getattr(Config, method)

        def noted(self: Config, *names: Any, _original: Any = original, **options: Any) -> Any:
            asked.update(name for name in names if isinstance(name, str))
            return _original(self, *names, **options)

        monkeypatch.setattr(Config, method, noted)
    for fields in TINY[kind]:
        import_config(config_of(kind, fields).to_dict())
    folder = MODELS / model_type_to_module_name(kind)
    code = "".join(file.read_text(encoding="utf-8") for file in folder.glob("modeling_*.py"))
    named = CONFIG_MAPPING[kind].attribute_map
    read = set(re.findall(r"config\.(\w+)|getattr\((?:self\.)?config, \"(\w+)\"", code))
    names = {named.get(name, name) for pair in read for name in pair if name} - OF_WHOLES
    names -= set(OF_ABSENT_LAYERS.get(kind, "").split()) | ({"head_dim"} if kind in OF_ROTATION else set())
    assert {name for name in names - asked if not decides_nothing(name, 2, {})} == set()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [pytest.param(kind, fields, id=f"{kind}-{i}") for kind in sorted(TINY) for i, fields in enumerate(TINY[kind])],
)
def test_what_transformers_saves_again_is_the_same(kind: str, fields: dict[str, Any], tmp_path: Path) -> None:
    config = config_of(kind, fields)
    config.save_pretrained(tmp_path)
    saved = explicit(import_config(tmp_path))
    assert saved == explicit(import_config(config.to_dict()))
    if kind != "xglm":  # its sizes have to be stated, and the tiny configs leave one to the class
        assert saved == explicit(import_config({"model_type": kind, **fields}))
