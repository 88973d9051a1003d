"""Granite: LLaMA's layout with factors on embeddings, scores, sublayers and logits."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import Llama


@families.register("granite")
class Granite(Llama, called="Granite"):
    """The dense models of Granite 3."""

    source = ("transformers, models/granite", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = Llama.sizes

    def document(self, config: Config) -> Document:
        """LLaMA's, with the factors."""
        document = super().document(config)
        return with_choices(
            document,
            embedding={"kind": "table", "scale": config.take("embedding_multiplier", default=1.0)},
            residual={"kind": "pre", "scale": config.take("residual_multiplier", default=1.0)},
            head={**document["choices"]["head"], "scale": self.logit_scale(config)},
        )

    def logit_scale(self, config: Config) -> float:
        """Logits are divided by the field."""
        return float(1 / config.take("logits_scaling", default=1.0))

    def attention(self, config: Config) -> dict[str, Any]:
        """The scores have a factor of their own."""
        return {**super().attention(config), "scale": config.take("attention_multiplier", default=1.0)}
