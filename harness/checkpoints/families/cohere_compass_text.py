"""Cohere Compass without its eyes: Cohere's layout with rotary positions, or none, by kind of layer."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, in_blocks, with_windows
from harness.checkpoints.families.cohere import Cohere
from harness.checkpoints.rotary import rotary

KINDS = {"full_attention": "full", "sliding_attention": "window"}


@families.register("cohere_compass_text")
class CohereCompassText(Cohere, called="Cohere"):
    """The text model of North Micro Vision, and text models in its layout."""

    source = ("transformers, models/cohere_compass", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"tie_word_embeddings": True, "sliding_window": 4096}
    sizes: ClassVar[Fields] = {
        "vocab_size": 256000,
        "hidden_size": 8192,
        "intermediate_size": 22528,
        "num_hidden_layers": 40,
        "num_attention_heads": 64,
        "max_position_embeddings": 8192,
    }
    layout = "half_split"

    def document(self, config: Config) -> Document:
        """Cohere's, with windows and positions as the config says of each kind of layer."""
        config.expect("rope_theta")
        config.expect("rope_scaling")
        config.expect("head_dim", config.take("hidden_size") // config.take("num_attention_heads"))
        config.ignore("pooling")  # of a head for another task
        given = config.mapping("rope_parameters")
        scale = config.take("logit_scale", default=1.0)
        document = super().document(config.with_parts(rope_parameters={}).with_fields(logit_scale=scale))
        document = with_windows(document, config, ["full_attention"] * document["dims"]["num_layers"])
        given.expect("rope_type", "default")
        config = config.with_fields(rope_theta=given.take("rope_theta", default=10000.0))
        kinds = {kind: name for kind, name in KINDS.items() if name in document["blocks"]}
        positions = {name: self._position(config, given, kind) for kind, name in kinds.items()}
        return in_blocks(document, "position", **positions)

    def _position(self, config: Config, given: Config, kind: str) -> dict[str, Any]:
        """Those of a kind of layer; null stands for none. The sections of images mean nothing for text."""
        if kind in given.nulls:
            return {"kind": "none"}
        if kind not in given.names:
            config.refuse("rope_parameters", given.as_stated, "expected parameters for each kind of layer")
        parameters = given.mapping(kind)
        parameters.ignore("mrope_interleaved")
        return rotary(config, parameters, layout=self.layout, by_kind=True)
