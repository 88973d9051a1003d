"""GPT-NeoX Japanese."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.families.gpt_neox import neox_templates
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import neox_rope
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec


@families.register("gpt_neox_japanese")
class GPTNeoXJapanese(Family, called="GPT-NeoX"):
    """GPT-NeoX with one sublayer after the other and no biases, but one out of the heads of the last layer."""

    source = ("transformers, models/gpt_neox_japanese", "https://github.com/huggingface/transformers")

    ignored = (".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq")

    def document(self, config: Config) -> Document:
        """The last layer is a block of its own."""
        config.expect("is_decoder", False, True)
        sizes = dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings")
        attention = {
            "kind": "softmax",
            "num_heads": config.take("num_attention_heads"),
            "bias": False,
        }
        width = config.take("intermediate_multiple_size", default=4) * sizes["hidden_size"]
        lower = ["lower"] * (sizes["num_layers"] - 1)
        return {
            "dims": sizes,
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_eps", default=1e-5)},
                "residual": "pre",
                "position": neox_rope(config, fraction=1.0),
                "mixer": attention,
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "hidden_act", default="gelu"),
                    "intermediate_size": width,
                    "bias": False,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
            "blocks": {name: {} for name in lower[:1]} | {"last": {"mixer": {**attention, "bias": "out"}}},
            "layers": [*lower, "last"],
        }

    def templates(self, spec: Spec) -> Templates:
        """The bias has a name of its own."""
        layer = "gpt_neox_japanese.layers.{i}.attention"
        templates = neox_templates("gpt_neox_japanese", softmax_of(spec.choices).num_heads)
        templates[f"{layer}.dense_bias"] = templates.pop(f"{layer}.dense.bias")
        return templates
