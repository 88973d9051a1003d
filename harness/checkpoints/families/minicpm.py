"""MiniCPM: LLaMA's layout with factors on the embeddings, the sublayers and the logits."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.llama import Llama


@families.register("minicpm")
class MiniCPM(Llama, called="MiniCPM"):
    """MiniCPM 1B and 2B, and MiniCPM4 without its sparse attention."""

    source = ("openbmb/MiniCPM-2B-sft-bf16, modeling_minicpm.py", "https://huggingface.co/openbmb")

    defaults: ClassVar[Fields] = {"tie_word_embeddings": True}
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with the factors."""
        config.ignore("mup_denominator")  # of training
        document = super().document(config)
        sizes, head = document["dims"], document["choices"]["head"]
        base, depth = config.take("dim_model_base", default=1.0), config.take("scale_depth", default=1.0)
        return with_choices(
            document,
            embedding={"kind": "table", "scale": config.take("scale_emb", default=1.0)},
            residual={"kind": "pre", "scale": depth / sizes["num_layers"] ** 0.5},
            head={**head, "scale": base / sizes["hidden_size"]},
        )
