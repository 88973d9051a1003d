"""GPT-J."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.families.gpt2 import transformer_templates
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

MLP = {"ln_1": "norm", "mlp.fc_in": "mlp.up", "mlp.fc_out": "mlp.down"}
OUTSIDE = {
    "transformer.wte.weight": "embedding.table.weight",
    "transformer.ln_f.weight": "final_norm.0.weight",
    "transformer.ln_f.bias": "final_norm.0.bias",
    "lm_head.weight": "head.out.weight",
    "lm_head.bias": "head.out.bias",
}


@families.register("gptj")
class GPTJ(Family, called="GPT-J"):
    """Sublayers side by side behind one norm; the first channels of each head rotate, in neighbouring pairs."""

    source = ("transformers, models/gptj", "https://github.com/huggingface/transformers")

    ignored: ClassVar[tuple[str, ...]] = (".attn.bias", ".attn.masked_bias")

    def document(self, config: Config) -> Document:
        """Biases on the MLP and on the head, none on attention."""
        config.expect("rotary", True)
        config.expect("scale_attn_weights", True)
        config.ignore("n_ctx")
        sizes = dims(config, "n_layer", "n_embd", "vocab_size", "n_positions")
        heads = config.take("n_head")
        return {
            "dims": sizes,
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "parallel",
                "position": {
                    "kind": "rope",
                    "theta": 10000.0,
                    "fraction": config.take("rotary_dim") / (sizes["hidden_size"] // heads),
                    "layout": "interleaved",
                },
                "mixer": {"kind": "softmax", "num_heads": heads, "bias": False},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "activation_function", default="gelu_new"),
                    "intermediate_size": config.take("n_inner", default=4 * sizes["hidden_size"]),
                    "bias": True,
                },
                "head": head(config, tied=False, bias=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """Four matrices of attention."""
        names = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"}
        attention = {f"attn.{released}": f"mixer.{own}" for released, own in names.items()}
        return {**transformer_templates({**MLP, **attention}, transposed=()), **OUTSIDE}
