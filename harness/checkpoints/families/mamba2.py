"""Mamba-2: layers that are a recurrence alone."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import TRAINED_LENGTH, mamba2_names, unlimited
from harness.spec.model import Spec

BACKBONE: dict[str, str] = {
    "backbone.embeddings.weight": "embedding.table.weight",
    "backbone.layers.{i}.norm.weight": "layers.{i}.mixer_norm.weight",
    "backbone.norm_f.weight": "final_norm.0.weight",
    "lm_head.weight": "head.out.weight",
}


@families.register("mamba2")
class Mamba2(Family, called="Mamba"):
    """Mamba-2 and Mamba-Codestral."""

    source = ("transformers, models/mamba2", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """Pre-RMSNorm and nothing but mixers."""
        config.expect("hidden_act", "silu")
        unlimited(config)
        config.ignore("time_step_min", "time_step_max", "time_step_floor", "time_step_rank", "chunk_size")
        config.ignore(
            "residual_in_fp32", "norm_before_gate", "rms_norm", "layer_types", "rescale_prenorm_residual"
        )  # of precision, or not read
        heads, channels = config.take("num_heads", default=128), config.take("head_dim", default=64)
        hidden = config.take("hidden_size")
        config.expect("expand", heads * channels / hidden)
        groups, bias = config.take("n_groups", default=8), config.take("use_bias", default=False)
        sized = config.with_fields(max_position_embeddings=TRAINED_LENGTH)
        return {
            "dims": dims(sized, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "rmsnorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                "mixer": {
                    "kind": "mamba2",
                    "num_heads": heads,
                    "head_dim": channels,
                    "state_size": config.take("state_size", default=128),
                    "groups": groups,
                    "norm_groups": groups,
                    "taps": config.take("conv_kernel", default=4),
                    "convolution_bias": config.take("use_conv_bias", default=True),
                    "bias": bias,
                },
                "mlp": "none",
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """The only norm of a layer stands in front of its mixer."""
        return {**BACKBONE, **mamba2_names("backbone.layers.{i}.mixer.")}
