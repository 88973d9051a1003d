"""EXAONE 3: LLaMA's layout under names of its own."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.llama import Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

MODULES = {
    "ln_1": "mixer_norm",
    "attn.attention.q_proj": "mixer.query",
    "attn.attention.k_proj": "mixer.key",
    "attn.attention.v_proj": "mixer.value",
    "attn.attention.out_proj": "mixer.out",
    "ln_2": "mlp_norm",
    "mlp.c_fc_0": "mlp.gate",
    "mlp.c_fc_1": "mlp.up",
    "mlp.c_proj": "mlp.down",
}


@families.register("exaone")
class EXAONE(Llama, called="EXAONE"):
    """EXAONE 3.0, 3.5 and Deep."""

    source = (
        "LGAI-EXAONE/EXAONE-3.0-7.8B-Instruct, modeling_exaone.py",
        "https://huggingface.co/LGAI-EXAONE/EXAONE-3.0-7.8B-Instruct",
    )

    ignored = (".rotary.inv_freq", ".rotary_emb.inv_freq")

    defaults: ClassVar[Fields] = {"tie_word_embeddings": True}
    absent = ("attention_bias", "mlp_bias")

    def document(self, config: Config) -> Document:
        """LLaMA's, whose fields have other names."""
        layers = config.take("num_layers", "num_hidden_layers")
        activation = config.take("activation_function", "hidden_act", default="silu")
        eps = config.take("layer_norm_epsilon", default=1e-5)
        hidden = config.take("hidden_size")
        width = config.take("intermediate_size", default=4 * hidden)
        return super().document(
            config.with_fields(
                num_hidden_layers=layers, hidden_act=activation, rms_norm_eps=eps, intermediate_size=width
            )
        )

    def templates(self, spec: Spec) -> Templates:
        """GPT-2's words around LLaMA's matrices."""
        return {
            "transformer.wte.weight": "embedding.table.weight",
            **{f"transformer.h.{{i}}.{name}.weight": f"layers.{{i}}.{own}.weight" for name, own in MODULES.items()},
            "transformer.ln_f.weight": "final_norm.0.weight",
            "lm_head.weight": "head.out.weight",
        }
