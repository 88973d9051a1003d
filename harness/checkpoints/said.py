"""What a translated config says, by the names that releases have for it: a field that says it too decides nothing."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.unread import SECOND_NAMES

NORMS = {
    "rmsnorm": "rms rmsnorm rms_norm RMSNorm",
    "plain_rmsnorm": "rms rmsnorm rms_norm RMSNorm",
    "layernorm": "layernorm layer_norm LayerNorm layer low_precision_layernorm",
}
POSITIONS = {
    "rope": "rope rotary RoPE rotary_embedding",
    "alibi": "alibi ALiBi",
    "learned": "absolute learned learned_absolute",
    "sinusoidal": "sinusoidal",
    "none": "none nope",
}
"""Kinds of a spec -> words of configs."""


def said(document: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Names of fields, and the values that agree with a spec as plain data."""
    dims, choices = document["dims"], document["choices"]
    attention, position = _options(choices["mixer"]), _kind(choices.get("position", "none"))
    parallel = _kind(choices["residual"]).startswith("parallel")
    gated, tied = _kind(choices["mlp"]) in ("swiglu", "geglu"), _kind(choices["head"]).startswith("tied")
    softcap = choices["head"].get("softcap") if isinstance(choices["head"], dict) else None
    facts: dict[str, tuple[Any, ...]] = {
        "qk_norm use_qk_norm qk_layernorm": (bool(attention.get("qk_norm")),),
        "norm_type normalization normalization_function normalization_type layernorm_type": tuple(
            NORMS[_kind(choices["norm"])].split()
        ),
        "position_embedding_type positional_embedding pos_emb_type": tuple(POSITIONS.get(position, "").split()),
        "rotary use_rotary use_rotary_pos_emb use_rope": (position == "rope",),
        "alibi use_alibi": (position == "alibi",),
        "parallel_attn parallel_residual use_parallel_block use_parallel_residual": (parallel,),
        "gated_mlp glu use_gated_activation use_glu": (gated,),
        "activation activation_type mlp_type": (_kind(choices["mlp"]),),
        "share_embeddings tie_embeddings tied_embeddings use_embedding_sharing": (tied,),
        "final_logit_softcapping logit_softcap logits_soft_cap": (softcap,),
    }
    sizes = {
        "hidden_size": dims["hidden_size"],
        "num_hidden_layers": dims["num_layers"],
        "num_attention_heads": attention.get("num_heads"),
        "head_dim": channels(document),
        "intermediate_size": _options(choices["mlp"]).get("intermediate_size"),
    }
    by_name: dict[str, tuple[Any, ...]] = {}
    for group in SECOND_NAMES:
        values = tuple(size for name, size in sizes.items() if name in group)
        by_name.update(dict.fromkeys(group, values))
    for names, values in facts.items():
        by_name.update({name: by_name.get(name, ()) + values for name in names.split()})
    return by_name


def channels(document: dict[str, Any]) -> int | None:
    """Channels of a head; None where there are no heads."""
    attention = _options(document["choices"]["mixer"])
    found = attention.get("head_dim"), attention.get("num_heads")
    return found[0] or (document["dims"]["hidden_size"] // found[1] if found[1] else None)


def _options(choice: Any) -> dict[str, Any]:
    return choice if isinstance(choice, dict) else {"kind": choice}


def _kind(choice: Any) -> str:
    return str(choice["kind"] if isinstance(choice, dict) else choice)
