"""Files in GGUF: the model that they were written from."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from harness import HarnessError, load_checkpoint, params
from tests.checkpoints.tiny import BASE, config_of, random_model

FIELDS = {**BASE, "hidden_size": 64, "intermediate_size": 96, "tie_word_embeddings": False}
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def as_neighbours(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows so that the two channels of a rotary pair lie side by side, as llama.cpp's converter writes them."""
    half = weight.shape[0] // heads // 2
    rows = [head * 2 * half + part * half + i for head in range(heads) for i in range(half) for part in range(2)]
    return weight[rows]


def write(
    model: PreTrainedModel, path: Path, quantised: gguf.GGMLQuantizationType | None = None, **fields: int
) -> None:
    """The model as a file, with its matrices quantised and some fields added."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    for name, value in fields.items():
        writer.add_uint32(f"llama.{name}", value)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    tensors = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    for layer in range(config.num_hidden_layers):
        tensors |= {f"blk.{layer}.{ours}": f"model.layers.{layer}.{theirs}" for ours, theirs in LAYER.items()}
    for name, source in tensors.items():
        weight = state[f"{source}.weight"]
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(name.split(".")[-1])
        weight = as_neighbours(weight, heads) if heads else weight
        if quantised is not None and weight.ndim == 2:
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(weight, quantised), raw_dtype=quantised)
        else:
            writer.add_tensor(f"{name}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def reference() -> PreTrainedModel:
    return random_model(config_of("llama", FIELDS))


def test_logits_are_those_of_the_model_that_was_written(reference: PreTrainedModel, tmp_path: Path) -> None:
    write(reference, tmp_path / "tiny.gguf")
    model = load_checkpoint(tmp_path / "tiny.gguf")
    tokens = torch.arange(17)[None]
    with torch.no_grad():
        assert (model(tokens) - reference(tokens).logits).abs().max() < 1e-5  # float32, sums in another order
    assert params(model.spec) == sum(parameter.numel() for parameter in reference.parameters())


def test_quantised_weights_are_expanded(reference: PreTrainedModel, tmp_path: Path) -> None:
    kind = gguf.GGMLQuantizationType.Q8_0
    write(reference, tmp_path / "tiny.gguf", kind)
    model = load_checkpoint(tmp_path / "tiny.gguf")
    weight = reference.get_parameter("model.layers.0.mlp.down_proj.weight").detach().numpy()
    expanded = gguf.quants.dequantize(gguf.quants.quantize(weight, kind), kind)
    assert np.array_equal(model.get_parameter("layers.0.mlp.down.weight").detach().numpy(), expanded)


def test_a_field_that_no_spec_can_express_is_refused(reference: PreTrainedModel, tmp_path: Path) -> None:
    write(reference, tmp_path / "tiny.gguf", expert_count=8)
    with pytest.raises(HarnessError, match=r"field 'llama\.expert_count' cannot be expressed by a spec"):
        load_checkpoint(tmp_path / "tiny.gguf")


@pytest.mark.parametrize("length", [0, 3, 1000])
def test_a_damaged_file_is_told(reference: PreTrainedModel, tmp_path: Path, length: int) -> None:
    write(reference, tmp_path / "tiny.gguf")
    whole = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[:length])
    with pytest.raises(HarnessError, match=r"cut\.gguf: damaged or no GGUF file"):
        load_checkpoint(tmp_path / "cut.gguf")
