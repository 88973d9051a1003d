"""K-EXAONE: LLaMA's layout with EXAONE 4's attention, and experts behind the first layers."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import by_kinds, corrected, expert_names, with_experts
from harness.checkpoints.families import FURTHER, Document, Fields, families, with_choices, with_mtp
from harness.checkpoints.families.exaone4 import EXAONE4
from harness.checkpoints.families.llama import HEAD_NORMS, NAMES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("exaone_moe")
class EXAONEMoe(EXAONE4, called="EXAONE"):
    """K-EXAONE-236B-A23B."""

    source = ("transformers, models/exaone_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        **EXAONE4.defaults,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 1024,
        "num_experts": 64,
        "num_shared_experts": 1,
        "num_experts_per_tok": 8,
        "routed_scaling_factor": 2.5,
    }
    sizes: ClassVar[Fields] = {}
    ignored = (*EXAONE4.ignored, "mtp.")

    def document(self, config: Config) -> Document:
        """EXAONE 4's with the norms in front, and experts."""
        document = with_choices(super().document(config), residual="pre")
        document = with_mtp(document, config.take(*FURTHER, default=0))
        sparse = by_kinds(config, document["dims"]["num_layers"], config.take("first_k_dense_replace"))
        experts = corrected(config, normalised=True)
        return with_experts(document, experts, config.take("moe_intermediate_size"), sparse)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the norms and the experts."""
        return {**NAMES, **HEAD_NORMS, **expert_names(correction="e_score_correction_bias")}
