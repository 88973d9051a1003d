"""ERNIE 4.5 with experts."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.ernie4_5 import Ernie45
from harness.checkpoints.families.llama import NAMES
from harness.checkpoints.layout import Form, Rows, Templates
from harness.spec.model import Spec


@families.register("ernie4_5_moe")
class Ernie45Moe(Ernie45, called="ERNIE"):
    """ERNIE 4.5 21B-A3B and 300B-A47B."""

    source = ("transformers, models/ernie4_5_moe", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**Ernie45.defaults, "num_key_value_heads": 4, "head_dim": None}
    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """The dense models', with experts in some layers; no biases."""
        config.expect("use_bias", False)
        config.ignore("moe_norm_min")  # weights of at least 1 in E are far above it
        document = super().document(config)
        count = document["dims"]["num_layers"]
        first, interval = (
            config.take("moe_layer_start_index", default=1),
            config.take("moe_layer_interval", default=1),
        )
        last = config.take("moe_layer_end_index", default=-1)
        last = count - 1 if last == -1 else last
        sparse = [first <= layer <= last and (layer + 1) % interval == 0 for layer in range(count)]
        width = config.take("moe_intermediate_size", default=1536)
        shared = config.take("moe_num_shared_experts", default=2)
        experts = {
            "num_experts": config.take("moe_num_experts", default=64),
            "experts_per_token": config.take("moe_k", default=6),
            "normalised": True,
            "correction": True,
            **({"shared_size": shared * width} if shared else {}),
        }
        return with_experts(document, experts, width, sparse)

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's, with the experts; the correction is the only row of a matrix."""
        names: dict[str, str | tuple[tuple[str, ...], Form]] = {**NAMES, **expert_names(correction="")}
        names.pop("model.layers.{i}.mlp.")
        row = (("layers.{i}.mlp.correction",), Rows())
        return {**names, "model.layers.{i}.mlp.moe_statics.e_score_correction_bias": row}
