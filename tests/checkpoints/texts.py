"""Text models of transformers that stand only inside models that read more, and tiny configs of them."""

from __future__ import annotations

from typing import Any

from tests.checkpoints.tiny import BASE, QWEN_EXPERTS

MROPE = {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [1, 1, 2]}

TEXTS: dict[str, dict[str, Any]] = {
    "qwen2_vl_text": {**BASE, "rope_parameters": MROPE},
    "qwen2_5_vl_text": {**BASE, "rope_parameters": MROPE, "tie_word_embeddings": True},
    "qwen3_vl_text": {**BASE, "head_dim": 8, "rope_parameters": {**MROPE, "mrope_interleaved": True}},
    "qwen3_vl_moe_text": {**QWEN_EXPERTS, "head_dim": 8, "rope_parameters": {**MROPE, "mrope_interleaved": True}},
}
"""model_type of the text model -> its config."""
