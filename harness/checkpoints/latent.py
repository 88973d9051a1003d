"""What families with latent attention share: its widths, the factor of its scores, and the names of its tensors."""

from __future__ import annotations

import math
from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.rotary import kind_of, parameters_of

EPS = 1e-6
"""Of the norms of latents, whatever a config says of the others."""

LATENT_NAMES: dict[str, str] = {
    **{name: own for name, own in NAMES.items() if "self_attn" not in name},
    **{
        f"model.layers.{{i}}.self_attn.{released}.{part}": f"layers.{{i}}.mixer.{own}.{part}"
        for released, own in (
            ("q_proj", "query"),
            ("q_a_proj", "query_down"),
            ("q_a_layernorm", "query_norm"),
            ("q_b_proj", "query"),
            ("kv_a_proj_with_mqa", "latent"),
            ("kv_a_layernorm", "latent_norm"),
            ("kv_b_proj", "key_value"),
            ("o_proj", "out"),
        )
        for part in ("weight", "bias")
    },
}
"""With a rank of queries or without, whose last product has another name then."""


def latent_names(query_rank: int | None) -> dict[str, str]:
    """Names of the tensors of a model whose queries have this rank, or none."""
    absent = ".q_proj." if query_rank else ".q_b_proj."
    return {name: own for name, own in LATENT_NAMES.items() if absent not in name}


def latent(config: Config) -> dict[str, Any]:
    """The mixer."""
    heads = config.take("num_attention_heads")
    own, turned = config.take("qk_nope_head_dim"), config.take("qk_rope_head_dim")
    config.expect("num_key_value_heads", heads)
    config.expect("qk_head_dim", own + turned)
    config.expect("head_dim", turned)
    stretch = _stretch(parameters_of(config))
    return {
        "kind": "latent",
        "num_heads": heads,
        "query_rank": config.take("q_lora_rank", default=None),
        "kv_rank": config.take("kv_lora_rank"),
        "head_dim": own,
        "rope_dim": turned,
        "value_dim": config.take("v_head_dim"),
        "bias": config.take("attention_bias", default=False),
        **({"norm_eps": EPS} if config.take("rms_norm_eps", default=EPS) != EPS else {}),
        **({"scale": (own + turned) ** -0.5 * stretch**2} if stretch != 1 else {}),
    }


def _stretch(parameters: Config) -> float:
    """What a rotary scaling with `mscale_all_dim` multiplies queries, and keys, by."""
    exponent, factor = (parameters.take(name, default=0.0, of=float) for name in ("mscale_all_dim", "factor"))
    if kind_of(parameters) == "default" or not exponent or factor <= 1:
        return 1.0
    return 0.1 * float(exponent) * math.log(factor) + 1.0
