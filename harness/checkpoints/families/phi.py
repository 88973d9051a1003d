"""Phi-1 and Phi-2."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import rope
from harness.spec.model import Spec

MODULES = {
    "input_layernorm": "norm",
    "self_attn.q_proj": "mixer.query",
    "self_attn.k_proj": "mixer.key",
    "self_attn.v_proj": "mixer.value",
    "self_attn.q_layernorm": "mixer.query_norm",
    "self_attn.k_layernorm": "mixer.key_norm",
    "self_attn.dense": "mixer.out",
    "mlp.fc1": "mlp.up",
    "mlp.fc2": "mlp.down",
}


@families.register("phi")
class Phi(Family, called="Phi"):
    """Sublayers side by side behind one norm; a part of each head rotates; a bias everywhere, even on the head."""

    source = ("transformers, models/phi", "https://github.com/huggingface/transformers")

    ignored: ClassVar[tuple[str, ...]] = (".rotary_emb.inv_freq",)

    def document(self, config: Config) -> Document:
        """Grouped queries, which may be normalised head by head."""
        heads = config.take("num_attention_heads")
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)},
                "residual": "parallel",
                "position": rope(config, fraction=0.5),
                "mixer": {
                    "kind": "softmax",
                    "num_heads": heads,
                    "num_kv_heads": config.take("num_key_value_heads", default=heads),
                    "head_dim": config.take("head_dim", default=None),
                    "bias": True,
                    "qk_norm": "head" if config.take("qk_layernorm", default=False) else None,
                },
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "hidden_act", default="gelu_new"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": True,
                },
                "head": head(config, tied=False, bias=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """As transformers names them."""
        templates = {"model.embed_tokens.weight": "embedding.table.weight"}
        for part in ("weight", "bias"):
            for released, own in MODULES.items():
                templates[f"model.layers.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
            templates[f"model.final_layernorm.{part}"] = f"final_norm.0.{part}"
            templates[f"lm_head.{part}"] = f"head.out.{part}"
        return templates


OWN_MODULES = {
    "ln": "norm",
    "mixer.Wqkv": "mixer.qkv",
    "mixer.out_proj": "mixer.out",
    "mlp.fc1": "mlp.up",
    "mlp.fc2": "mlp.down",
}


@families.register("phi-msft")
class PhiMSFT(Phi, called="Phi"):
    """Phi 1.5 and 2 in the layout of their own code, which fuses queries, keys and values."""

    source = ("microsoft/phi-2, modeling_phi.py", "https://huggingface.co/microsoft/phi-2")

    ignored = (".rotary_emb.inv_freq", ".inner_attn.mask")

    def document(self, config: Config) -> Document:
        """The same under other names."""
        hidden, heads = config.take("n_embd"), config.take("n_head")
        renamed = {
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "num_hidden_layers": config.take("n_layer"),
            "num_key_value_heads": config.take("n_head_kv", default=heads),
            "max_position_embeddings": config.take("n_positions"),
            "intermediate_size": config.take("n_inner", default=4 * hidden),
            "layer_norm_eps": config.take("layer_norm_epsilon", default=1e-5),
            "hidden_act": config.take("activation_function", default="gelu_new"),
            "partial_rotary_factor": config.take("rotary_dim", default=32) / (hidden // heads),
        }
        return super().document(config.with_fields(**renamed))

    def templates(self, spec: Spec) -> Templates:
        """The norm in front of the head belongs to the head."""
        templates = {"transformer.embd.wte.weight": "embedding.table.weight"}
        for part in ("weight", "bias"):
            for released, own in OWN_MODULES.items():
                templates[f"transformer.h.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
            templates[f"lm_head.ln.{part}"] = f"final_norm.0.{part}"
            templates[f"lm_head.linear.{part}"] = f"head.out.{part}"
        return templates
