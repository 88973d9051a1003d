"""CTRL."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

MODULES = {
    "layernorm1": "mixer_norm",
    "multi_head_attention.Wq": "mixer.query",
    "multi_head_attention.Wk": "mixer.key",
    "multi_head_attention.Wv": "mixer.value",
    "multi_head_attention.dense": "mixer.out",
    "layernorm2": "mlp_norm",
    "ffn.0": "mlp.up",
    "ffn.2": "mlp.down",
}


@families.register("ctrl")
class CTRL(Family, called="CTRL"):
    """Pre-LN with scaled token vectors, sinusoidal positions, and a bias even on the tied head."""

    source = ("transformers, models/ctrl", "https://github.com/huggingface/transformers")

    ignored = ("transformer.pos_encoding",)

    def document(self, config: Config) -> Document:
        """Of the norms, the config decides the epsilon of the last only; the others have 1e-6."""
        config.expect("layer_norm_epsilon", 1e-6)
        return {
            "dims": dims(config, "n_layer", "n_embd", "vocab_size", "n_positions"),
            "choices": {
                "embedding": {"kind": "table", "scale": "sqrt(D)"},
                "norm": {"kind": "layernorm", "eps": 1e-6},
                "residual": "pre",
                "position": {
                    "kind": "sinusoidal",
                    "theta": 10000.0,
                    "steps": "D/2",
                    "layout": "half_split",
                    "offset": 0,
                },
                "mixer": {"kind": "softmax", "num_heads": config.take("n_head"), "bias": True},
                "pattern": "dense",
                "mlp": {"kind": "relu", "intermediate_size": config.take("dff"), "bias": True},
                "head": head(config, tied=True, bias=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """All matrices have biases."""
        templates = {"transformer.w.weight": "embedding.table.weight"}
        for part in ("weight", "bias"):
            for released, own in MODULES.items():
                templates[f"transformer.h.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
            templates[f"transformer.layernorm.{part}"] = f"final_norm.0.{part}"
            templates[f"lm_head.{part}"] = f"head.out.{part}"
        return templates
