"""BERT for generation, as a decoder by itself."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

MODULES = {
    "attention.self.query": "mixer.query",
    "attention.self.key": "mixer.key",
    "attention.self.value": "mixer.value",
    "attention.output.dense": "mixer.out",
    "attention.output.LayerNorm": "mixer_norm",
    "intermediate.dense": "mlp.up",
    "output.dense": "mlp.down",
    "output.LayerNorm": "mlp_norm",
}


@families.register("bert-generation")
class BertGeneration(Family, called="BERT"):
    """Post-LN with normalised embeddings and a bias on the tied head; no token types."""

    source = ("transformers, models/bert_generation", "https://github.com/huggingface/transformers")

    ignored = (".embeddings.position_ids", "lm_head.decoder.bias")

    def document(self, config: Config) -> Document:
        """Where `is_decoder` is not set, tokens see later ones."""
        if not config.take("is_decoder", default=False):
            config.refuse("is_decoder", False)
        config.expect("add_cross_attention", False)
        config.expect("position_embedding_type", "absolute")
        # An untied head has two biases, one of which is not used.
        config.expect("tie_word_embeddings", True)
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "embedding": {"kind": "table", "norm": True},
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-12)},
                "residual": "post",
                "position": "learned",
                "mixer": {"kind": "softmax", "num_heads": config.take("num_attention_heads"), "bias": True},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "hidden_act", default="gelu"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": True,
                },
                "head": "tied_bias",
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """What BERT calls them."""
        templates = {
            "bert.embeddings.word_embeddings.weight": "embedding.table.weight",
            "bert.embeddings.position_embeddings.weight": "positions.0.table.weight",
            "lm_head.decoder.weight": "head.out.weight",
            "lm_head.bias": "head.out.bias",
        }
        for part in ("weight", "bias"):
            for released, own in MODULES.items():
                templates[f"bert.encoder.layer.{{i}}.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
            templates[f"bert.embeddings.LayerNorm.{part}"] = f"embedding.norm.{part}"
        return templates
