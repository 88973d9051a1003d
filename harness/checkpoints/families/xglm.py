"""XGLM."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.families.opt import fairseq_templates
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("xglm")
class XGLM(Family, called="XGLM"):
    """OPT's layout with scaled token vectors and sinusoidal positions, of which the first two are not used."""

    source = ("transformers, models/xglm", "https://github.com/huggingface/transformers")

    ignored = (".embed_positions.weights",)

    def document(self, config: Config) -> Document:
        """The code has no position under the number of the padding token; in the unused rows it changes nothing."""
        config.expect("add_cross_attention", False)
        config.expect("pad_token_id", 0, 1)
        scale = "sqrt(D)" if config.take("scale_embedding", default=True) else 1.0
        return {
            "dims": dims(config, "num_layers", "d_model", "vocab_size", "max_position_embeddings"),
            "choices": {
                "embedding": {"kind": "table", "scale": scale},
                "norm": {"kind": "layernorm", "eps": 1e-5},
                "residual": "pre",
                "position": {
                    "kind": "sinusoidal",
                    "theta": 10000.0,
                    "steps": "D/2-1",
                    "layout": "half_split",
                    "offset": 2,
                },
                "mixer": {"kind": "softmax", "num_heads": config.take("attention_heads"), "bias": True},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "activation_function", default="gelu"),
                    "intermediate_size": config.take("ffn_dim"),
                    "bias": True,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """As OPT's."""
        return fairseq_templates("model", "layer_norm", "lm_head")
