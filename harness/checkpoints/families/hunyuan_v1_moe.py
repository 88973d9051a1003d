"""Hunyuan with experts, and an MLP beside them."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, with_experts
from harness.checkpoints.families import Document, Fields, families
from harness.checkpoints.families.hunyuan_v1_dense import HunyuanDense
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("hunyuan_v1_moe")
class HunyuanMoe(HunyuanDense, called="Hunyuan"):
    """Hunyuan-A13B."""

    source = ("transformers, models/hunyuan_v1_moe", "https://github.com/huggingface/transformers")

    sizes: ClassVar[Fields] = {}

    def document(self, config: Config) -> Document:
        """The dense models', with experts of the same width as the MLP beside them."""
        chosen, width = _same(config, "moe_topk"), config.take("intermediate_size")
        config.ignore("num_shared_expert", "moe_intermediate_size")  # not read: one, as wide as the MLP
        experts = {
            "num_experts": _same(config, "num_experts"),
            "experts_per_token": chosen,
            "normalised": True,
            "shared_size": width,
        }
        document = super().document(config)
        return with_experts(document, experts, width, [True] * document["dims"]["num_layers"])

    def templates(self, spec: Spec) -> Templates:
        """The dense models', with the experts."""
        return {**super().templates(spec), **expert_names(router="gate.wg", shared="shared_mlp")}


def _same(config: Config, name: str) -> int:
    """A number, or one a layer that are all the same."""
    found = config.as_stated.get(name)
    if isinstance(found, list) and len(set(found)) == 1:
        return int(config.take(name, of=list)[0])
    number: int = config.take(name, default=1)
    return number
