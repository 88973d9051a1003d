"""Families that transformers does not hold, against the logits of the code that they were released with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness import params
from harness.checkpoints.load import load_checkpoint
from harness.modules.decoder import Decoder
from harness.modules.positions import Places
from harness.modules.positions.rope_2d import two_dimensional_ids
from harness.tuning import ROWS, Tuning, tuned
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.tiny import BASE, config_of, random_model, save
from tests.kernels.rows import onednn

GOLDEN = Path(__file__).parent.parent / "golden"
PREFIX, CONTEXT = "chatglm-6b", 10
CONTEXTS = {"baichuan-13b": 0, PREFIX: CONTEXT, "chatglm3-6b": 0, "qwen-7b": 0}


def logits_of(model: Decoder, tokens: Tensor, context: int = 0) -> Tensor:
    with torch.no_grad():
        return model(tokens, context=context)


def stepwise(model: Decoder, tokens: Tensor, context: int) -> Tensor:
    """Logits with a cache: the context at once, or five tokens, then one by one."""
    first = context or 5
    cache = model.new_cache()
    with torch.no_grad():
        parts = [model(tokens[:, :first], context=context, cache=cache)]
        parts += [model(token, context=context, cache=cache) for token in tokens[:, first:].split(1, 1)]
    return torch.cat(parts, 1)


@pytest.fixture(scope="module")
def prefix_reference() -> dict[str, Tensor]:
    return load_file(GOLDEN / PREFIX / "reference.safetensors")


@pytest.mark.parametrize("row", [*ROWS.values(), onednn()], ids=[*ROWS, "all by onednn"])
@pytest.mark.parametrize("name", CONTEXTS)
def test_logits_are_those_of_the_release(name: str, row: Tuning) -> None:
    reference = load_file(GOLDEN / name / "reference.safetensors")
    model = load_checkpoint(GOLDEN / name)
    expected, tokens = reference["logits"], reference["input_ids"]
    with tuned(row):
        got, by_steps = logits_of(model, tokens, CONTEXTS[name]), stepwise(model, tokens, CONTEXTS[name])
    assert (got - expected).abs().max() < TOLERANCE
    assert torch.equal(got.argmax(-1), expected.argmax(-1))
    assert (by_steps - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize("name", CONTEXTS)
def test_every_released_parameter_is_used(name: str) -> None:
    tensors = load_file(GOLDEN / name / "model.safetensors")
    released = sum(tensor.numel() for tensor in tensors.values())
    buffers = sum(tensor.numel() for name, tensor in tensors.items() if name.endswith("inv_freq"))
    assert params(load_checkpoint(GOLDEN / name).spec) == released - buffers


def test_context_ends_where_generation_begins(prefix_reference: dict[str, Tensor]) -> None:
    config = json.loads((GOLDEN / PREFIX / "config.json").read_text())
    assert prefix_reference["input_ids"][0].tolist().index(config["bos_token_id"]) == CONTEXT


def test_positions_are_those_of_the_release(prefix_reference: dict[str, Tensor]) -> None:
    length = prefix_reference["input_ids"].shape[1]
    ids = two_dimensional_ids(Places(torch.arange(length), length, CONTEXT))
    assert torch.equal(torch.stack(ids), prefix_reference["position_ids"][0])


def test_given_positions_are_used(prefix_reference: dict[str, Tensor]) -> None:
    model = load_checkpoint(GOLDEN / PREFIX)
    with torch.no_grad():
        got = model(
            prefix_reference["input_ids"], context=CONTEXT, position_ids=prefix_reference["position_ids"].long()
        )
    assert (got - prefix_reference["logits"]).abs().max() < TOLERANCE


def test_mask_is_that_of_the_release(prefix_reference: dict[str, Tensor]) -> None:
    pattern = load_checkpoint(GOLDEN / PREFIX).spec.choices.pattern
    places = torch.arange(prefix_reference["input_ids"].shape[1])
    visible = pattern.visible(places[:, None], places[None, :], CONTEXT)
    assert torch.equal(visible, ~prefix_reference["mask"][0, 0].bool())


def test_stored_head_is_used_although_the_config_ties_it() -> None:
    head = load_checkpoint(GOLDEN / PREFIX).spec.choices.head
    assert head.kind == "untied"


def test_head_equal_to_the_table_is_tied(tmp_path: Path, prefix_reference: dict[str, Tensor]) -> None:
    shutil.copy(GOLDEN / PREFIX / "config.json", tmp_path)
    tensors = load_file(GOLDEN / PREFIX / "model.safetensors")
    table = tensors["transformer.word_embeddings.weight"]
    save_file({**tensors, "lm_head.weight": table.clone()}, tmp_path / "model.safetensors")
    tied = load_checkpoint(tmp_path)
    assert tied.spec.choices.head.kind == "tied"
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    tokens = prefix_reference["input_ids"]
    assert torch.equal(logits_of(tied, tokens, CONTEXT), logits_of(load_checkpoint(tmp_path), tokens, CONTEXT))


def test_baichuan_7b_is_llama_with_fused_attention(tmp_path: Path) -> None:
    reference = random_model(config_of("llama", {**BASE, "num_key_value_heads": BASE["num_attention_heads"]}))
    save(reference, tmp_path)
    config = {
        "model_type": "baichuan",
        **{name: BASE[name] for name in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers")},
        **{name: BASE[name] for name in ("num_attention_heads", "max_position_embeddings")},
        "hidden_act": "silu",
        "rms_norm_eps": reference.config.rms_norm_eps,
        "tie_word_embeddings": False,
    }
    tensors = load_file(tmp_path / "model.safetensors")
    for layer in range(reference.config.num_hidden_layers):
        start = f"model.layers.{layer}.self_attn."
        parts = [tensors.pop(f"{start}{part}_proj.weight") for part in ("q", "k", "v")]
        tensors[f"{start}W_pack.weight"] = torch.cat(parts)
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "model.safetensors")
    model = load_checkpoint(tmp_path)
    tokens = torch.randint(0, 99, (2, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = reference(tokens).logits
    assert (logits_of(model, tokens) - expected).abs().max() < TOLERANCE
    assert (stepwise(model, tokens, 0) - expected).abs().max() < TOLERANCE
    assert params(model.spec) == sum(p.numel() for p in reference.parameters())
