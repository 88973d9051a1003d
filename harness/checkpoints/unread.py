"""Fields of configs that no code of a model reads, and those that it reads for something else than its logits.

A config holds more than its model's code asks for: what training, generation, serving and other tools wrote into it,
and switches of other models that are off. A field that a family does not take decides nothing where

    its value is that of no field: null, false, 0, empty, or 1 for a factor, unless it is a switch that is on in
    every decoder;
    what it is an option of is switched off beside it (`cla_share_factor` where `use_cla` is false);
    it begins with an underscore, as the notes that transformers makes for itself do;
    its name speaks of how a model is run, trained or stored (`flash_attn`, `use_cache`, `attention_dropout`);
    its name speaks of what a model is called, and of no part of an architecture (`is_llama_config`, `unsloth_fixed`);
    it is another name of a field that is taken, with the same value (`rope_pct` beside `partial_rotary_factor`), or
    says what the translation says already (`harness.checkpoints.said`).

Anything else may mean that the release computes something that the family's code here does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

OFF: tuple[Any, ...] = (None, False, 0, "", [], {})
"""Values that switch nothing on, in the words of JSON."""

ON_IN_EVERY_DECODER = frozenset("causal causal_attention is_causal use_causal_mask scale_attn_weights use_rope".split())
"""Switches that are off only in what is no decoder, or none of its family."""

NEUTRAL_FACTOR = re.compile(r"(scale|scaling|multiplier|factor|ratio)$")
"""Ends of the names of what is multiplied by; 1 changes nothing."""

RUN = frozenset(
    # How it is computed and stored.
    "bf16 bits cache cached cpu cuda cudnn deepspeed device dtype eager fast flash float16 float32 fp16 fp32 fp8 fuse "
    "fused fusion gpu int4 int8 jit megatron onnx optimum paged parallelism precision "
    "quant quantisation quantise quantization quantize quantized safetensors sharded torch torchscript triton "
    "upcast xformers xla "
    # How it was trained, and heads for other tasks.
    "aux checkpointing classifier coef drop dropout dropped init initialisation initialization initializer label "
    "labels layerdrop learning loss lr optimizer pdrop penalty pretrain pretraining std summary train trained training "
    # Ids of tokens, and generation.
    "beam beams bos eod eos generation gmask pad padding prompt sampling sep tokenizer unk".split()
)
"""Words of names that speak of how a model is run, trained, stored or prompted."""

NOTES = frozenset(
    "architecture architectures author auto base class classes commit config context ctx custom data dataset date "
    "end experiment finetuned finetuning framework hash hf id id2label ids ignore impl implementation index "
    "inference info js label2id lang language len length lengths library license llama llm map max metadata "
    "model name named names neuron note notes org past path pool problem project release revision sdpa seed seq "
    "sequence source special start task tasks team template text timestamp token tokens transformers unsloth "
    "url user verbose version vocab wandb".split()
)
"""Words of names that say what a model is called, where it comes from and what goes into it."""

ARCHITECTURE = frozenset(
    "act activation activations adapter alibi attend attention attn bias biases bidirectional block blocks cap "
    "capping causal channel channels chunk cla clip clipping compress compressed compression conv convolution "
    "cross decay delta depth differential dim dims dual emb embd embed embedding embeddings encoder expand "
    "expansion expert experts extra factor ffn ffw fraction gate gated gates gating global glu gqa group groups "
    "head heads hidden hybrid indexer inner interleave interleaved intermediate interval kernel key keys kv "
    "lambda latent layer layernorm layers linear ln local logit logits logn lora mamba mask meta mix mixer "
    "mixture mla mlp moe mqa mrope mtp multi multiple multiplier multiquery n nope norm normalise normalised "
    "normalize normalized norms ntk num number parallel pattern peft pos position positional positions post pre "
    "prefix proj projection qk qkv queries query rank ratio recurrent relative rescale residual rms rmsnorm rnn "
    "rope rotary rotate routed router routing scale scaled scales scaling score scores shared shift sigmoid sink "
    "sinks size sizes skip sliding softcap softcapping softmax sparse ssm state states stride swa swiglu "
    "temperature theta tie tied topk value values width window windows xpos yoco".split()
)
"""Words of names that speak of a part of an architecture."""

BOOKKEEPING = frozenset(
    "adapters attention_implementation attn_impl attn_implementation chunk_size_feed_forward do_sample "
    "early_stopping encoder_no_repeat_ngram_size is_decoder logits_to_keep n_special no_repeat_ngram_size "
    "num_logits_to_keep num_return_sequences output_attentions output_hidden_states output_router_logits "
    "output_scores prefix remove_invalid_values return_dict return_dict_in_generate router_jitter_noise "
    "temperature top_k top_p typical_p use_bfloat16".split()
)
"""Fields that transformers keeps for every model, and that nothing reads which computes logits."""

EXPERTS = ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts")
"""Fields that say how many experts there are."""

QUANTISED = ("quantization_config", "compression_config", "quantization", "quantization_bit")
"""Fields that say how stored weights are rounded: of loading, not of the architecture."""

SECOND_NAMES = tuple(
    frozenset(names.split())
    for names in (
        "hidden_size n_embd n_embed d_model dim embed_dim embedding_size model_dim",
        "num_hidden_layers n_layer n_layers num_layers",
        "num_attention_heads n_head n_heads num_heads attention_heads",
        "num_key_value_heads num_kv_heads n_kv_heads n_head_kv kv_heads multi_query_group_num num_query_groups",
        "intermediate_size ffn_hidden_size inner_hidden_size n_inner ffn_dim dff d_ff",
        "head_dim kv_channels head_size attention_head_size attention_head_dim d_kv",
        "max_position_embeddings n_positions n_ctx max_seq_len seq_length",
        "rms_norm_eps layer_norm_eps layer_norm_epsilon layernorm_epsilon norm_eps norm_epsilon",
        "hidden_act hidden_activation activation_function activation afn mlp_hidden_act",
        "rope_theta rotary_emb_base rope_base rotary_base",
        "partial_rotary_factor rotary_pct rope_pct rotary_percent rotary_percentage rope_percentage rope_percent",
        "attention_bias qkv_bias use_qkv_bias add_qkv_bias use_bias bias",
        "sliding_window sliding_window_size window_size attention_window_size",
        "tie_word_embeddings tie_embeddings tied_embeddings",
        "vocab_size padded_vocab_size",
    )
)
"""Names that releases have for the same thing."""


def decides_nothing(name: str, value: Any, fields: Mapping[str, Any], strict: bool = False) -> bool:
    """Whether a field that no family's code takes changes nothing that is computed.

    Args:
        name: the field.
        value: what it holds.
        fields: those beside it: what `use_sliding_window` switches off decides nothing, whatever its size.
        strict: whether all of them speak of the architecture, so that only their values count.
    """
    if name in ON_IN_EVERY_DECODER:
        return value is True
    neutral = any(value == off and isinstance(value, bool) == isinstance(off, bool) for off in OFF)
    neutral = neutral or (NEUTRAL_FACTOR.search(name) is not None and value == 1 and value is not True)
    if strict or neutral:
        return neutral
    if name.startswith("_") or name in BOOKKEEPING or name in QUANTISED:
        return True
    words = _words(name)
    of_something_off = any(switch <= words for switch in _switched_off(fields))
    return of_something_off or bool(words & RUN) or (bool(words & NOTES) and not words & ARCHITECTURE)


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def _switched_off(fields: Mapping[str, Any]) -> list[set[str]]:
    """Words of the names of what `use_...` switches off, and of what there are none of."""
    off = [_words(name.removeprefix("use_")) for name, value in fields.items() if name[:4] == "use_" and value is False]
    if any(name in fields for name in EXPERTS) and not any(fields.get(name) for name in EXPERTS):
        off += [{word} for word in ("moe", "expert", "experts", "router", "routed", "topk")]
    return [switch for switch in off if switch - {"attention", "bias", "norm", "scale"}] + (
        [{"window"}] if fields.get("use_sliding_window") is False else []
    )


def expected(name: str) -> str:
    """What an unknown field would have to hold."""
    if name in EXPERTS:
        return "it holds a mixture of experts"
    off = "true" if name in ON_IN_EVERY_DECODER else "null, false"
    return f"its meaning is not known: expected {off} or no such field"


def quantised(fields: Mapping[str, Any]) -> str | None:
    """What a config says of weights that are stored rounded; None where it says nothing."""
    for name in QUANTISED:
        if stated := fields.get(name):
            return f"{name} = {json.dumps(stated)}"
    return None
