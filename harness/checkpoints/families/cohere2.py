"""Cohere's Command R7B: windows with rotary positions, and layers that see everything and have no positions."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, in_blocks, with_windows
from harness.checkpoints.families.cohere import Cohere


@families.register("cohere2")
class Cohere2(Cohere, called="Cohere"):
    """Command R7B, Command A and Aya."""

    source = ("transformers, models/cohere2", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"tie_word_embeddings": True, "sliding_window": 4096}

    sizes: ClassVar[Fields] = {
        "vocab_size": 256000,
        "hidden_size": 8192,
        "intermediate_size": 22528,
        "num_hidden_layers": 40,
        "num_attention_heads": 64,
        "max_position_embeddings": 8192,
    }

    def document(self, config: Config) -> Document:
        """Cohere's, with every fourth layer seeing everything where the config does not say which."""
        config.expect("cache_implementation", "hybrid")
        config.expect("order_of_interleaved_layers", "local_attn_first")
        config.expect("position_embedding_type", "rope_gptj")
        config.expect("rotary_pct", 1.0)
        for name in ("use_gated_activation", "use_parallel_block", "use_embedding_sharing"):
            config.expect(name, True)
        config.ignore("use_parallel_embedding")
        config.expect("head_dim", config.take("hidden_size") // config.take("num_attention_heads"))
        document = super().document(config)
        period = config.take("sliding_window_pattern", default=4)
        if config.take("layer_types", default=None, of=list) is None:
            config.expect("layer_switch", period)
        for name in ("layer_switch", "_sliding_window_pattern"):  # neither is read
            config.ignore(name)
        layers = range(1, document["dims"]["num_layers"] + 1)
        assumed = ["sliding_attention" if layer % period else "full_attention" for layer in layers]
        return in_blocks(with_windows(document, config, assumed), "position", full="none")
