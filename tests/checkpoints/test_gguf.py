"""Files in GGUF: the model that they were written from."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from harness import HarnessError, load_checkpoint, params
from tests.checkpoints.tiny import BASE, config_of, random_model, save

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


Value = bool | int | float | str | list[int]


def write(
    model: PreTrainedModel,
    path: Path,
    quantised: gguf.GGMLQuantizationType | None = None,
    divisors: np.ndarray | None = None,
    **fields: Value,
) -> None:
    """The model as a file, with its matrices quantised, some fields added, and divisors of rotary frequencies."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    if "attention__head_count_kv" not in fields:
        writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    for name, value in fields.items():
        key = f"llama.{name.replace('__', '.')}"
        writer.add_array(key, value) if isinstance(value, list) else add[type(value)](key, value)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    tensors = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    for layer in range(config.num_hidden_layers):
        tensors |= {f"blk.{layer}.{ours}": f"model.layers.{layer}.{theirs}" for ours, theirs in LAYER.items()}
    for name, source in tensors.items():
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(name.split(".")[-1])
        for part in ("weight", "bias"):
            if (weight := state.get(f"{source}.{part}")) is None:
                continue
            weight = as_neighbours(weight, heads) if heads else weight
            if quantised is not None and weight.ndim == 2:
                writer.add_tensor(f"{name}.{part}", gguf.quants.quantize(weight, quantised), raw_dtype=quantised)
            else:
                writer.add_tensor(f"{name}.{part}", weight)
    if divisors is not None:
        writer.add_tensor("rope_freqs.weight", divisors.astype(np.float32))
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
    message = r"field 'llama\.expert_count' = 8 cannot be expressed by a spec; only 0 can"
    with pytest.raises(HarnessError, match=message):
        load_checkpoint(tmp_path / "tiny.gguf")


NOTHING: dict[str, Value] = {
    "expert_count": 0,
    "expert_used_count": 0,
    "rope__scaling__type": "none",
    "rope__scaling__factor": 4.0,  # llama.cpp never scales where the type is none
    "rope__scaling__finetuned": False,
    "rope__scaling__original_context_length": 64,
    "tensor_data_layout": "Meta AI original pth",
    "attention__causal": True,
    "attention__head_count_kv": [BASE["num_key_value_heads"]] * BASE["num_hidden_layers"],
}


def test_fields_that_decide_nothing_are_read(reference: PreTrainedModel, tmp_path: Path) -> None:
    write(reference, tmp_path / "tiny.gguf")
    write(reference, tmp_path / "more.gguf", divisors=np.ones(8), **NOTHING)
    plain, more = (load_checkpoint(tmp_path / name) for name in ("tiny.gguf", "more.gguf"))
    assert more.spec.hash == plain.spec.hash


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("rope__scaling__type", "longrope", "'longrope'"),
        ("attention__causal", False, "False cannot be expressed by a spec; only True can"),
        ("attention__scale", 0.5, "0.5"),
        ("attention__head_count_kv", [2, 1, 2], r"\[2, 1, 2\]; expected one whole number above 0"),
        ("attention__value_length", 4, "must be that of keys, 16"),
    ],
)
def test_fields_that_decide_something_are_refused_by_name(
    reference: PreTrainedModel, tmp_path: Path, field: str, value: Value, shown: str
) -> None:
    write(reference, tmp_path / "tiny.gguf", **{field: value})
    with pytest.raises(HarnessError, match=rf"llama\.{field.replace('__', '.')}'.*{shown}"):
        load_checkpoint(tmp_path / "tiny.gguf")


LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
SCALED: list[tuple[dict[str, object], dict[str, Value]]] = [
    ({"rope_type": "linear", "factor": 4.0}, {"rope__scaling__type": "linear", "rope__scaling__factor": 4.0}),
    ({"rope_type": "linear", "factor": 4.0}, {"rope__scaling__factor": 4.0}),
    ({"rope_type": "linear", "factor": 4.0}, {"rope__scale_linear": 4.0}),
    (
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
        {"rope__scaling__type": "yarn", "rope__scaling__factor": 4.0, "rope__scaling__original_context_length": 16},
    ),
    ({"rope_type": "llama3", "factor": 8.0, **LLAMA3}, {}),
    ({"rope_type": "llama3", "factor": 32.0, **LLAMA3, "original_max_position_embeddings": 4096}, {}),
    ({"rope_type": "llama3", "factor": 8.0, **LLAMA3, "high_freq_factor": 20.0}, {}),
]


@pytest.mark.parametrize(("scaling", "fields"), SCALED)
def test_scaled_positions_are_those_of_the_model(
    tmp_path: Path, scaling: dict[str, object], fields: dict[str, Value]
) -> None:
    """By fields, or by a tensor of divisors as llama.cpp's converter writes it, of the frequencies of transformers."""
    wide = {**FIELDS, "head_dim": 64}
    reference = random_model(config_of("llama", {**wide, "rope_parameters": {"rope_theta": 10000.0, **scaling}}))
    folder = tmp_path / "release"
    save(reference, folder)
    divisors = None
    if not fields:
        whole = 10000.0 ** -(np.arange(32) / 32)
        divisors = whole / reference.model.rotary_emb.inv_freq.double().numpy()
    write(reference, tmp_path / "tiny.gguf", divisors=divisors, attention__key_length=64, **fields)
    model = load_checkpoint(tmp_path / "tiny.gguf")
    assert model.spec.hash == load_checkpoint(folder).spec.hash
    tokens = torch.arange(40)[None]
    with torch.no_grad():
        assert (model(tokens) - reference(tokens).logits).abs().max() < 1e-5


def test_divisors_of_no_known_scaling_are_refused(reference: PreTrainedModel, tmp_path: Path) -> None:
    for divisors, shown in (
        (np.linspace(1, 8, 8), "for no scaling that is known gives its divisors"),
        (np.full(8, 0.5), None),
        (np.linspace(0.5, 1, 8), "for no scaling that is known gives its divisors"),
        (np.ones(5), r"has shape \(5,\), not \(8,\)"),
    ):
        write(reference, tmp_path / "tiny.gguf", divisors=divisors)
        if shown is None:
            assert load_checkpoint(tmp_path / "tiny.gguf").spec.choices.position.scaling.factor == 0.5
            continue
        with pytest.raises(HarnessError, match=f"tensor 'rope_freqs.weight'.*{shown}"):
            load_checkpoint(tmp_path / "tiny.gguf")
    write(reference, tmp_path / "tiny.gguf", divisors=np.full(8, 2.0), rope__scaling__factor=2.0)
    with pytest.raises(HarnessError, match="beside a scaling by fields"):
        load_checkpoint(tmp_path / "tiny.gguf")


@pytest.mark.parametrize("biased", [{"attention_bias": True}, {"mlp_bias": True}])
def test_biases_are_read(biased: dict[str, bool], tmp_path: Path) -> None:
    reference = random_model(config_of("llama", {**FIELDS, **biased}))
    save(reference, tmp_path / "release")
    write(reference, tmp_path / "tiny.gguf")
    model = load_checkpoint(tmp_path / "tiny.gguf")
    assert model.spec.hash == load_checkpoint(tmp_path / "release").spec.hash
    tokens = torch.arange(17)[None]
    with torch.no_grad():
        assert (model(tokens) - reference(tokens).logits).abs().max() < 1e-5


@pytest.mark.parametrize("quantised", [None, gguf.GGMLQuantizationType.Q8_0])
def test_a_head_that_is_a_copy_of_the_table_is_tied(
    tmp_path: Path, quantised: gguf.GGMLQuantizationType | None
) -> None:
    reference = random_model(config_of("llama", {**FIELDS, "tie_word_embeddings": True}))
    write(reference, tmp_path / "tied.gguf", quantised)  # its state has the head too
    tied = load_checkpoint(tmp_path / "tied.gguf")
    assert tied.spec.choices.head.kind == "tied"
    assert params(tied.spec) == sum(parameter.numel() for parameter in reference.parameters())


@pytest.mark.parametrize("length", [0, 3, 1000])
def test_a_damaged_file_is_told(reference: PreTrainedModel, tmp_path: Path, length: int) -> None:
    write(reference, tmp_path / "tiny.gguf")
    whole = (tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[:length])
    with pytest.raises(HarnessError, match=r"cut\.gguf: damaged or no GGUF file"):
        load_checkpoint(tmp_path / "cut.gguf")


def test_a_text_that_is_not_utf8_is_told_by_its_field(reference: PreTrainedModel, tmp_path: Path) -> None:
    write(reference, tmp_path / "tiny.gguf")
    whole = (tmp_path / "tiny.gguf").read_bytes()
    assert whole.count(b"llama") > 1
    name = whole.index(b"general.architecture") + len(b"general.architecture")
    at = whole.index(b"llama", name)
    (tmp_path / "bad.gguf").write_bytes(whole[:at] + b"\xcd" + whole[at + 1 :])
    with pytest.raises(HarnessError, match=r"bad\.gguf: field 'general\.architecture' is not UTF-8 text: "):
        load_checkpoint(tmp_path / "bad.gguf")
