"""FlexOlmo: OLMo 2's layout with OLMoE's experts."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.olmo2 import REORDERED, OLMo2
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("flex_olmo")
class FlexOlmo(OLMo2, called="OLMo"):
    """FlexOlmo-7x7B."""

    source = ("transformers, models/flex_olmo", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"rms_norm_eps": 1e-6, "rope_theta": 5e5}
    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """OLMo 2's, with experts in every layer."""
        document = super().document(config)
        experts = {
            "num_experts": config.take("num_experts", default=7),
            "experts_per_token": config.take("num_experts_per_tok", default=5),
            "normalised": config.take("norm_topk_prob", default=False),
        }
        width = document["choices"]["mlp"]["intermediate_size"]
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def templates(self, spec: Spec) -> Templates:
        """OLMo 2's, with the experts."""
        return {**REORDERED, **expert_names()}
