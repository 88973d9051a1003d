"""Configs of models that read more than text, whose text model stands in a part of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PARTS = ("text_config", "llm_config", "language_config")
"""What releases call the part."""

IMAGES = "images"
AND_VIDEO = "images and video"
SOUND = "sound"

WRAPPERS: dict[str, tuple[str, str]] = {
    "aya_vision": ("cohere2", IMAGES),
    "cohere2_vision": ("cohere2", IMAGES),
    "cohere_compass": ("cohere_compass_text", IMAGES),
    "deepseek_vl": ("llama", IMAGES),
    "deepseek_vl_hybrid": ("llama", IMAGES),
    "exaone4_5": ("exaone4", IMAGES),
    "fast_vlm": ("qwen2", IMAGES),
    "gemma3": ("gemma3_text", IMAGES),
    "got_ocr2": ("qwen2", IMAGES),
    "granite_speech": ("granite", SOUND),
    "hyperclovax_vision_v2": ("hyperclovax", IMAGES),
    "idefics2": ("mistral", IMAGES),
    "idefics3": ("llama", IMAGES),
    "internvl": ("qwen2", IMAGES),
    "internvl_chat": ("internlm2", IMAGES),
    "janus": ("llama", IMAGES),
    "kimi_k25": ("kimi_k2", AND_VIDEO),
    "lighton_ocr": ("qwen3", IMAGES),
    "llama4": ("llama4_text", IMAGES),
    "llava": ("llama", IMAGES),
    "llava_next": ("llama", IMAGES),
    "llava_next_video": ("llama", AND_VIDEO),
    "llava_onevision": ("qwen2", AND_VIDEO),
    "llava_qwen2": ("qwen2", IMAGES),
    "ministral3": ("ministral3", IMAGES),
    "mistral3": ("mistral", IMAGES),
    "ovis2": ("qwen2", IMAGES),
    "perception_lm": ("llama", AND_VIDEO),
    "qianfan_ocr": ("qwen3", IMAGES),
    "qwen2_5_vl": ("qwen2_5_vl_text", AND_VIDEO),
    "qwen2_audio": ("qwen2", SOUND),
    "qwen2_vl": ("qwen2_vl_text", AND_VIDEO),
    "qwen3_5": ("qwen3_5_text", AND_VIDEO),
    "qwen3_5_moe": ("qwen3_5_moe_text", AND_VIDEO),
    "qwen3_vl_moe": ("qwen3_vl_moe_text", AND_VIDEO),
    "qwen3_vl": ("qwen3_vl_text", AND_VIDEO),
    "shieldgemma2": ("gemma3_text", IMAGES),
    "smolvlm": ("llama", AND_VIDEO),
    "ultravox": ("llama", SOUND),
    "video_llama_3": ("qwen2", AND_VIDEO),
    "video_llava": ("llama", AND_VIDEO),
    "vipllava": ("llama", IMAGES),
    "voxtral": ("llama", SOUND),
}
"""model_type of a whole -> that of its text model where the part does not say, and what else the whole reads."""

FLAT = {
    "llava_llama": ("llama", IMAGES),
    "llava_mistral": ("mistral", IMAGES),
    "phi3_v": ("phi3", IMAGES),
    "qwen2_5_vl": WRAPPERS["qwen2_5_vl"],
    "qwen2_vl": WRAPPERS["qwen2_vl"],
}
"""The same of wholes whose text model's fields stand beside the other parts."""


@dataclass(frozen=True)
class Text:
    """The text model of a config.

    Attributes:
        fields: of its config.
        part: the field in which they stand; empty where they are the whole config, or stand beside other parts.
        about: what is left out, as a sentence; empty where nothing is.
    """

    fields: dict[str, Any]
    part: str = ""
    about: str = ""

    @property
    def path(self) -> str:
        """Where the fields stand in the config."""
        return f"{self.part}." if self.part else ""


def text_of(fields: dict[str, Any]) -> Text:
    """The text model of a config; the config itself where it is one of text alone, or not known."""
    kind = fields.get("model_type")
    if not isinstance(kind, str):
        return Text(fields)
    part = next((name for name in PARTS if isinstance(fields.get(name), dict)), "")
    if kind in WRAPPERS and part:
        own, reads = WRAPPERS[kind]
        inner = {"model_type": own, **fields[part]}
        if "tie_word_embeddings" in fields:  # the head belongs to the whole
            inner["tie_word_embeddings"] = fields["tie_word_embeddings"]
        return Text(inner, part, _left_out(kind, reads))
    if kind in FLAT or "visual" in fields:
        own, reads = FLAT.get(kind, (kind, IMAGES))  # Qwen-VL's model_type is Qwen's
        return Text({**_without_parts(fields), "model_type": own}, about=_left_out(kind, reads))
    return Text(fields, about=_left_out(kind, IMAGES) if fields.get("vision_config") else "")


def _left_out(kind: str, reads: str) -> str:
    return f"The text model of a config of {kind}; what reads {reads} is left out."


def _without_parts(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields but for those of parts that read something else than text."""
    others = ("vision", "visual", "audio", "img", "image", "video", "mm_", "embd_layer")
    return {name: value for name, value in fields.items() if not name.startswith(others)}
