"""SmolLM3: LLaMA's layout, every fourth layer without positions."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_windows
from harness.checkpoints.families.llama import Llama


@families.register("smollm3")
class SmolLM3(Llama, called="SmolLM"):
    """In `no_rope_layers` a layer with positions is a 1."""

    source = ("transformers, models/smollm3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 4, "rope_theta": 2000000.0, "tie_word_embeddings": True}

    def document(self, config: Config) -> Document:
        """LLaMA's, in blocks with and without positions and windows."""
        document = super().document(config)
        count = document["dims"]["num_layers"]
        period = config.take("no_rope_layer_interval", default=4)
        rotated = config.take("no_rope_layers", default=[int((i + 1) % period != 0) for i in range(count)])
        if len(rotated) < count:
            config.refuse("no_rope_layers", rotated)
        windows = config.take("use_sliding_window", default=False) and config.take("sliding_window", default=None)
        assumed = ["sliding_attention" if windows and not rotated[i] else "full_attention" for i in range(count)]
        windowed = with_windows(document, config, assumed)
        layers, blocks = [], {}
        for kind, turns in zip(windowed["layers"], rotated[:count], strict=True):
            layers.append(kind if turns else f"{kind}_without_positions")
            blocks[layers[-1]] = {**windowed["blocks"][kind], **({} if turns else {"position": "none"})}
        return {**document, "blocks": blocks, "layers": layers}
