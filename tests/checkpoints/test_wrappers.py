"""The text model of a model that reads more: its config with the class's own defaults, its weights, its logits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CONFIG_MAPPING, AutoModelForImageTextToText

from harness import HarnessError, import_config, load_checkpoint, params
from harness.checkpoints.families import families
from harness.checkpoints.wrappers import FLAT, WRAPPERS
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.test_older_configs import explicit
from tests.checkpoints.test_saving import assert_comes_back
from tests.checkpoints.texts import TEXTS
from tests.checkpoints.tiny import BASE, GROWING, LINEAR, WINDOW

CLIP = {
    "model_type": "clip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
}
QWEN_EYES = {"depth": 1, "hidden_size": 32, "embed_dim": 32, "num_heads": 2, "out_hidden_size": 32, "patch_size": 14}
PIXTRAL = {**CLIP, "model_type": "pixtral", "head_dim": 16}
GEMMA3 = {
    **WINDOW,
    "num_hidden_layers": 7,
    "head_dim": 12,
    "query_pre_attn_scalar": 20,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
}

WHOLES: dict[str, dict[str, Any]] = {
    "gemma3": {"text_config": GEMMA3, "vision_config": {**CLIP, "model_type": "siglip_vision_model"}},
    "llava": {"text_config": {**BASE, "model_type": "llama", "rope_parameters": LINEAR}, "vision_config": CLIP},
    "mistral3": {"text_config": {**WINDOW, "model_type": "mistral"}, "vision_config": PIXTRAL},
    "mistral3-ministral3": {
        "text_config": {**BASE, "model_type": "ministral3", "head_dim": 8, "rope_parameters": GROWING},
        "vision_config": PIXTRAL,
    },
    "qwen2_vl": {"text_config": TEXTS["qwen2_vl_text"], "vision_config": QWEN_EYES},
    "qwen2_5_vl": {"text_config": TEXTS["qwen2_5_vl_text"], "vision_config": QWEN_EYES, "tie_word_embeddings": True},
    "qwen3_vl": {"text_config": TEXTS["qwen3_vl_text"], "vision_config": {**QWEN_EYES, "deepstack_visual_indexes": []}},
    "qwen3_vl_moe": {
        "text_config": TEXTS["qwen3_vl_moe_text"],
        "vision_config": {**QWEN_EYES, "deepstack_visual_indexes": []},
    },
}
"""model_type, and behind a dash that of the text model, -> a config with tiny parts."""

TOKENS = {f"{of}_{what}": 98 for of in ("image", "video", "vision_start", "vision_end") for what in ("token_id",)}


def as_released(file: Path) -> None:
    """Swap the last two dimensions of the experts, which transformers reads either way and writes as it holds them."""
    swapped = {
        name: tensor.transpose(1, 2).contiguous() if ".experts." in name else tensor
        for name, tensor in load_file(file).items()
    }
    save_file(swapped, file, {"format": "pt"})


@pytest.mark.parametrize("name", WHOLES)
def test_logits_are_those_of_the_whole_for_a_text(name: str, tmp_path: Path) -> None:
    config = CONFIG_MAPPING[name.partition("-")[0]](**WHOLES[name], **TOKENS)
    reference = AutoModelForImageTextToText.from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in reference.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * 0.1 + (parameter if parameter.dim() == 1 else 0))
    reference.save_pretrained(tmp_path / "release")
    if name == "qwen3_vl_moe":
        as_released(tmp_path / "release" / "model.safetensors")
    model = load_checkpoint(tmp_path / "release")
    tokens = torch.randint(0, 90, (2, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, got = reference(input_ids=tokens).logits, model(tokens)
    assert (got - expected).abs().max() < TOLERANCE
    of_text = dict(reference.model.language_model.named_parameters())
    head = 0 if config.tie_word_embeddings else reference.lm_head.weight.numel()
    assert params(model.spec) == sum(parameter.numel() for parameter in of_text.values()) + head
    assert "is left out" in model.spec.about
    assert_comes_back(tmp_path / "release", tmp_path / "saved")


@pytest.mark.parametrize("kind", [kind for kind in families.names() if "sizes" in vars(families[kind])])
def test_sizes_that_a_part_leaves_out_are_those_of_the_class(kind: str) -> None:
    if kind in CONFIG_MAPPING:
        config = CONFIG_MAPPING[kind]()
        assert {name: getattr(config, name) for name in families[kind].sizes} == families[kind].sizes


@pytest.mark.parametrize("kind", sorted({text for text, _ in WRAPPERS.values()}))
def test_a_part_that_says_nothing_is_the_default_of_its_class(kind: str) -> None:
    """Of every text model that a whole assumes where its part does not say which."""
    if kind in ("internlm2", "kimi_k2"):
        pytest.skip("transformers does not hold it")
    whole = next(name for name, (text, _) in WRAPPERS.items() if text == kind)
    stated = {"rope_parameters": COMPASS} if kind == "cohere_compass_text" else {}
    empty = import_config({"model_type": whole, "text_config": stated})
    written = import_config({**CONFIG_MAPPING[kind](**stated).to_dict(), "model_type": kind})
    assert explicit(empty) == explicit(written)


COMPASS = {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}


def test_a_config_whose_text_fields_stand_beside_the_eyes() -> None:
    flat = {**BASE, "model_type": "qwen2_vl", "vision_config": {"depth": 2}, "image_token_id": 5}
    spec = import_config({**flat, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}, "rope_theta": 1e4})
    assert spec.hash == import_config({**BASE, "model_type": "qwen2", "rope_theta": 1e4, "rms_norm_eps": 1e-5}).hash
    assert spec.about == "The text model of a config of qwen2_vl; what reads images and video is left out."
    assert set(FLAT) - set(WRAPPERS) == {"llava_llama", "llava_mistral", "phi3_v"}


def test_fields_of_a_part_are_named_by_their_path() -> None:
    text = {**BASE, "model_type": "llama", "rope_scaling": {"type": "cubic"}, "num_experts": 2}
    with pytest.raises(HarnessError) as error:
        import_config({"model_type": "llava", "text_config": text})
    assert "field 'text_config.rope_scaling.type' = \"cubic\"" in str(error.value)
    assert "field 'text_config.num_experts' = 2" in str(error.value)


def test_quantised_weights_are_refused_but_not_their_spec(tmp_path: Path) -> None:
    fields = {**BASE, "model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}}
    (tmp_path / "config.json").write_text(json.dumps(fields), encoding="utf-8")
    assert import_config(tmp_path).hash == import_config({**BASE, "model_type": "llama"}).hash
    with pytest.raises(HarnessError, match=r'weights are quantised, quantization_config = .*"gptq"'):
        load_checkpoint(tmp_path)
