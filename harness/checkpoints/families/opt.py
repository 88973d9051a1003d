"""OPT."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

MODULES = {
    "self_attn.q_proj": "mixer.query",
    "self_attn.k_proj": "mixer.key",
    "self_attn.v_proj": "mixer.value",
    "self_attn.out_proj": "mixer.out",
    "self_attn_layer_norm": "mixer_norm",
    "fc1": "mlp.up",
    "fc2": "mlp.down",
    "final_layer_norm": "mlp_norm",
}


def fairseq_templates(trunk: str, final_norm: str, head_name: str) -> dict[str, str]:
    """Names as in fairseq, under a trunk."""
    templates = {
        f"{trunk}.embed_tokens.weight": "embedding.table.weight",
        f"{trunk}.embed_positions.weight": "positions.0.table.weight",
        f"{head_name}.weight": "head.out.weight",
    }
    for part in ("weight", "bias"):
        for released, own in MODULES.items():
            templates[f"{trunk}.layers.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
        templates[f"{trunk}.{final_norm}.{part}"] = f"final_norm.0.{part}"
    return templates


@families.register("opt")
class OPT(Family, called="OPT"):
    """Pre-LN, or post-LN; learned positions behind two rows that are not used."""

    source = ("transformers, models/opt", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """The table of OPT-350M is narrower than the model. Galactica's configs say that its positions are learned."""
        config.expect("_remove_final_layer_norm", False)
        sizes = dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings")
        config.ignore("output_projection")  # not read
        config.expect("learned_embeddings", True)
        config.expect("scale_embeddings", False)
        width = config.take("word_embed_proj_dim", default=sizes["hidden_size"])
        narrow = {} if width == sizes["hidden_size"] else {"width": width}
        bias = config.take("enable_bias", default=True)
        affine = config.take("layer_norm_elementwise_affine", default=True)
        return {
            "dims": sizes,
            "choices": {
                "embedding": {"kind": "table", **narrow},
                "norm": {"kind": "layernorm", "eps": 1e-5, "gain": affine, "bias": affine},
                "residual": "pre" if config.take("do_layer_norm_before", default=True) else "post",
                "position": {"kind": "learned", "unused": 2},
                "mixer": {"kind": "softmax", "num_heads": config.take("num_attention_heads"), "bias": bias},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "activation_function", default="relu"),
                    "intermediate_size": config.take("ffn_dim"),
                    "bias": bias,
                },
                "head": {**head(config, tied=True), **narrow},
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """Where the norms stand behind the sublayers, there is no final one."""
        return {
            **fairseq_templates("model.decoder", "final_layer_norm", "lm_head"),
            "model.decoder.project_in.weight": "embedding.onto.weight",
            "model.decoder.project_out.weight": "head.onto.weight",
        }
