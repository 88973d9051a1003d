"""Mamba: layers that are a recurrence alone."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.families.mamba2 import BACKBONE
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import TRAINED_LENGTH, mamba_names, rank_of
from harness.spec.model import Spec


@families.register("mamba")
class Mamba(Family, called="Mamba"):
    """Mamba 130M to 2.8B."""

    source = ("transformers, models/mamba", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """Pre-RMSNorm and nothing but mixers."""
        config.expect("hidden_act", "silu")
        config.ignore("time_step_scale", "time_step_min", "time_step_max", "time_step_init_scheme", "time_step_floor")
        config.ignore("residual_in_fp32", "rescale_prenorm_residual", "layer_types", "use_mambapy")
        config.ignore("use_falcon_mambapy", "use_associative_scan", "d_model", "d_inner", "ssm_cfg", "rms_norm")
        config.ignore("fused_add_norm", "pad_vocab_size_multiple", "time_step_init_scheme")
        hidden = config.take("hidden_size")
        inner = config.take("intermediate_size", default=int(config.take("expand", default=2) * hidden))
        config.expect("expand", inner / hidden)
        sized = config.with_fields(max_position_embeddings=TRAINED_LENGTH)
        mixer: dict[str, Any] = {
            "kind": "mamba",
            "inner_size": inner,
            "state_size": config.take("state_size", default=16),
            "rank": rank_of(config, "time_step_rank"),
            "taps": config.take("conv_kernel", default=4),
            "convolution_bias": config.take("use_conv_bias", default=True),
            "bias": config.take("use_bias", default=False),
            **self.inner_norms(config),
        }
        return {
            "dims": dims(sized, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "rmsnorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                "mixer": mixer,
                "mlp": "none",
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def inner_norms(self, config: Config) -> dict[str, Any]:
        """None inside the mixer."""
        return {}

    def templates(self, spec: Spec) -> Templates:
        """The only norm of a layer stands in front of its mixer."""
        return {**BACKBONE, **mamba_names("backbone.layers.{i}.mixer.")}


@families.register("falcon_mamba")
class FalconMamba(Mamba, called="Falcon"):
    """Falcon-Mamba 7B."""

    source = ("transformers, models/falcon_mamba", "https://github.com/huggingface/transformers")

    def inner_norms(self, config: Config) -> dict[str, Any]:
        """Without gains."""
        config.expect("mixer_rms_eps", 1e-6)
        return {"inner_norms": "plain"}
