"""GPT-1."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.families.gpt2 import BLOCK, CONV1D, transformer_templates
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("openai-gpt")
class OpenAIGPT(Family, called="GPT"):
    """Post-LN, learned positions, matrices stored [in, out]."""

    source = ("transformers, models/openai", "https://github.com/huggingface/transformers")

    ignored = (".attn.bias",)

    def document(self, config: Config) -> Document:
        """As GPT-2, with the norms behind the sublayers; what this family calls gelu is the approximation by tanh."""
        config.ignore("n_ctx", "predict_special_tokens", "n_special")
        sizes = dims(config, "n_layer", "n_embd", "vocab_size", "n_positions")
        kinds = {"gelu": PLAIN["gelu_new"], "relu": PLAIN["relu"]}
        return {
            "dims": sizes,
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "post",
                "position": "learned",
                "mixer": {"kind": "softmax", "num_heads": config.take("n_head"), "bias": True},
                "pattern": "dense",
                "mlp": {
                    **activation(config, kinds, "afn", default="gelu"),
                    "intermediate_size": 4 * sizes["hidden_size"],
                    "bias": True,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """There is no final norm."""
        return {
            "transformer.tokens_embed.weight": "embedding.table.weight",
            "transformer.positions_embed.weight": "positions.0.table.weight",
            **transformer_templates(BLOCK, transposed=CONV1D),
            "lm_head.weight": "head.out.weight",
        }
