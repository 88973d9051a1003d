"""nanochat: LLaMA's layout with norms that learn nothing, a plain MLP, and rotary positions that turn backwards."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Fields, families, with_choices
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Form, HalvesSwapped, Templates
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec


@families.register("nanochat")
class NanoChat(Llama, called="nanochat"):
    """Pairs that turn backwards are pairs in the other order that turn forwards: rows of queries and keys change."""

    source = ("transformers, models/nanochat", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"hidden_act": "relu2", "final_logit_softcapping": 15.0}
    activations = PLAIN
    absent = ("mlp_bias",)

    def document(self, config: Config) -> Document:
        """LLaMA's, with embeddings that are normalised and logits that are capped."""
        document = super().document(config)
        softcap = config.take("final_logit_softcapping", default=None, of=float)
        return with_choices(
            document,
            embedding={"kind": "table", "norm": True},
            norm={**document["choices"]["norm"], "kind": "plain_rmsnorm"},
            head={**document["choices"]["head"], "softcap": softcap},
        )

    def attention(self, config: Config) -> dict[str, Any]:
        """Each head of the queries and keys normalised after it is rotated."""
        return {**super().attention(config), "qk_norm": "rotated"}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's names, but in the MLP."""
        templates: dict[str, str | tuple[tuple[str, ...], Form]] = {
            name.replace("up_proj", "fc1").replace("down_proj", "fc2"): own for name, own in NAMES.items()
        }
        heads = {"q": ("query", softmax_of(spec.choices).num_heads), "k": ("key", softmax_of(spec.choices).kv_heads)}
        for released, (own, count) in heads.items():
            for part in ("weight", "bias"):
                name = f"model.layers.{{i}}.self_attn.{released}_proj.{part}"
                templates[name] = ((f"layers.{{i}}.mixer.{own}.{part}",), HalvesSwapped(count))
        return templates
