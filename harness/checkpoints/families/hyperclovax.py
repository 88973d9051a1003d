"""HyperCLOVA X: Granite with norms behind the sublayers too."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.granite import Granite
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("hyperclovax")
class HyperCLOVAX(Granite, called="HyperCLOVA X"):
    """The text models of HyperCLOVA X SEED."""

    source = ("transformers, models/hyperclovax", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = Granite.sizes

    def document(self, config: Config) -> Document:
        """Granite's, with norms on both sides where `use_post_norm` is set."""
        document = super().document(config)
        kind = "sandwich" if config.take("use_post_norm", default=True) else "pre"
        return with_choices(document, residual={**document["choices"]["residual"], "kind": kind})

    def logit_scale(self, config: Config) -> float:
        """Logits are multiplied by the field."""
        return float(config.take("logits_scaling", default=1.0))

    def attention(self, config: Config) -> dict[str, Any]:
        """The factor of the scores is the usual one where the config does not say."""
        return {**Llama.attention(self, config), "scale": config.take("attention_multiplier", default=None, of=float)}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms behind the sublayers."""
        behind = {"post_norm1": "mixer_out_norm", "post_norm2": "mlp_out_norm"}
        return {
            **NAMES,
            **{f"model.layers.{{i}}.{name}.weight": f"layers.{{i}}.{own}.weight" for name, own in behind.items()},
        }
