"""MiniCPM: LLaMA's layout with factors on the embeddings, the sublayers and the logits."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("minicpm")
class MiniCPM(Llama, called="MiniCPM"):
    """MiniCPM 1B and 2B, MiniCPM-MoE-8x2B, and MiniCPM4 without its sparse attention."""

    source = ("openbmb/MiniCPM-2B-sft-bf16, modeling_minicpm.py", "https://huggingface.co/openbmb")

    defaults: ClassVar[Fields] = {"tie_word_embeddings": True}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with the factors, and experts where the config has some."""
        config.ignore("mup_denominator")  # of training
        document = super().document(config)
        if count := config.take("num_experts", default=0):
            experts = {
                "num_experts": count,
                "experts_per_token": config.take("num_experts_per_tok"),
                "normalised": True,
            }
            width = document["choices"]["mlp"]["intermediate_size"]
            document = with_experts(document, experts, width, [True] * document["dims"]["num_layers"])
        sizes, head = document["dims"], document["choices"]["head"]
        base, depth = config.take("dim_model_base", default=1.0), config.take("scale_depth", default=1.0)
        return with_choices(
            document,
            embedding={"kind": "table", "scale": config.take("scale_emb", default=1.0)},
            residual={"kind": "pre", "scale": depth / sizes["num_layers"] ** 0.5},
            head={**head, "scale": base / sizes["hidden_size"]},
        )

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with experts where there are some."""
        return {**NAMES, **expert_names(projections=("w1", "w3", "w2"))}
