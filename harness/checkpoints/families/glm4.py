"""GLM-4-0414: GLM-4 with norms on both sides of the sublayers."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families, with_choices
from harness.checkpoints.families.glm import GLM, GLM_NAMES
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec


@families.register("glm4")
class GLM4(GLM, called="GLM"):
    """GLM-4-0414 and GLM-Z1."""

    source = ("transformers, models/glm4", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """GLM's, with more norms."""
        return with_choices(super().document(config), residual="sandwich")

    def templates(self, spec: Spec) -> Templates:
        """GLM's, with the norms behind the sublayers."""
        return {
            **GLM_NAMES,
            "model.layers.{i}.post_self_attn_layernorm.weight": "layers.{i}.mixer_out_norm.weight",
            "model.layers.{i}.post_mlp_layernorm.weight": "layers.{i}.mlp_out_norm.weight",
        }
