"""OLMo 3: OLMo 2 with windows."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, in_blocks, with_choices, with_windows
from harness.checkpoints.families.gemma3_text import rotary_by_kind
from harness.checkpoints.families.olmo2 import OLMo2


@families.register("olmo3")
class OLMo3(OLMo2, called="OLMo"):
    """Three layers with a window, then one without."""

    source = ("transformers, models/olmo3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {**OLMo2.defaults, "sliding_window": 4096}

    def document(self, config: Config) -> Document:
        """OLMo 2's, with the rotary positions of each kind of layer."""
        local, everywhere = rotary_by_kind(config, local=5e5, everywhere=5e5)
        document = super().document(config.with_parts(rope_parameters={}, rope_scaling={}))
        layers = range(1, document["dims"]["num_layers"] + 1)
        assumed = ["sliding_attention" if layer % 4 else "full_attention" for layer in layers]
        document = with_windows(with_choices(document, position=local), config, assumed)
        return in_blocks(document, "position", full=everywhere)
