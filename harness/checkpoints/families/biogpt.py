"""BioGPT."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.families.opt import fairseq_templates
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("biogpt")
class BioGPT(Family, called="BioGPT"):
    """OPT's layout with GELU and token vectors that are scaled."""

    source = ("transformers, models/biogpt", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """The code has its own epsilon, whatever `layer_norm_eps` says."""
        config.ignore("layer_norm_eps")
        scale = "sqrt(D)" if config.take("scale_embedding", default=True) else 1.0
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "embedding": {"kind": "table", "scale": scale},
                "norm": {"kind": "layernorm", "eps": 1e-5},
                "residual": "pre",
                "position": {"kind": "learned", "unused": 2},
                "mixer": {"kind": "softmax", "num_heads": config.take("num_attention_heads"), "bias": True},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "hidden_act", default="gelu"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": True,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """As OPT's, under other names."""
        return fairseq_templates("biogpt", "layer_norm", "output_projection")
