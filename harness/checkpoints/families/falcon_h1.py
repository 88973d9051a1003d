"""Falcon-H1: attention and Mamba-2 side by side in every layer, and fixed factors nearly everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import SILU, Document, Fields, families, with_choices
from harness.checkpoints.families.bamba import RENAMED
from harness.checkpoints.families.llama import NAMES, Llama
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import mamba2_by_prefix, mamba2_names
from harness.spec.model import Spec

RELEASED_MIXER, OWN = "model.layers.{i}.mamba.", "layers.{i}.mixer."


@families.register("falcon_h1")
class FalconH1(Llama, called="Falcon"):
    """Falcon-H1 0.5B, 1.5B, 1.5B-Deep, 3B, 7B and 34B."""

    source = ("transformers, models/falcon_h1", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "rms_norm_eps": 1e-5}
    sizes: ClassVar[Fields] = {}
    activations: ClassVar[Mapping[str, dict[str, str]]] = SILU

    def document(self, config: Config) -> Document:
        """LLaMA's with a mixer of two, and the factors where the release multiplies by them."""
        config.ignore("num_logits_to_keep", "mlp_expansion_factor")
        config.expect("mamba_use_mlp", True)
        document = super().document(config)
        kinds = ["hybrid"] * document["dims"]["num_layers"]
        config.expect("layer_types", kinds)
        config.expect("layers_block_type", kinds)
        choices = document["choices"]
        gate, down = _factors(config, "mlp_multipliers", 2)
        mixer = {
            "kind": "parallel",
            "attention": choices["mixer"],
            "recurrence": self.recurrence(config),
            "attention_in_scale": _factor(config, "attention_in_multiplier"),
            "attention_out_scale": _factor(config, "attention_out_multiplier"),
            "recurrence_in_scale": _factor(config, "ssm_in_multiplier"),
            "recurrence_out_scale": _factor(config, "ssm_out_multiplier"),
        }
        return with_choices(
            document,
            embedding={"kind": "table", "scale": _factor(config, "embedding_multiplier")},
            mixer=mixer,
            mlp={**choices["mlp"], "gate_scale": gate, "scale": down},
            head={**choices["head"], "scale": _factor(config, "lm_head_multiplier")},
        )

    def attention(self, config: Config) -> dict[str, Any]:
        """LLaMA's. The keys' factor is one of the scores, for turning them changes no length."""
        attention = super().attention(config)
        channels = attention["head_dim"] or config.take("hidden_size") // attention["num_heads"]
        factor = _factor(config, "key_multiplier")
        return attention if factor == 1 else {**attention, "scale": factor * channels**-0.5}

    def recurrence(self, config: Config) -> dict[str, Any]:
        """Mamba-2 with a width of its own, and a norm only where the config asks for one."""
        usual = config.take("mamba_expand", default=2) * config.take("hidden_size")
        inner = config.take("mamba_d_ssm", default=usual if "mamba_d_ssm" in config.nulls else 1024)
        mixer = mamba2_by_prefix(config, inner)
        config.expect("projectors_bias", mixer["bias"])
        if mixer["bias"] and "projectors_bias" not in config.names:
            config.refuse("mamba_proj_bias", True, "expected the value of 'projectors_bias', which is false")
        gates_last = config.take("mamba_norm_before_gate", default=True)
        if not config.take("mamba_rms_norm", default=False):
            mixer["norm_groups"] = None
        elif gates_last:
            mixer["norm_first"] = True
        parts = ("gate", "x", "b", "c", "dt")
        return {**mixer, "factors": dict(zip(parts, _factors(config, "ssm_multipliers", len(parts)), strict=True))}

    def templates(self, spec: Spec) -> Templates:
        """LLaMA's in other words, and Mamba-2's beside them."""
        names: dict[str, Any] = {name: own.replace(OWN, f"{OWN}attention.") for name, own in NAMES.items()}
        for ours, theirs in RENAMED.items():
            names = {name.replace(ours, theirs): own for name, own in names.items()}
        return {**names, **mamba2_names(RELEASED_MIXER, f"{OWN}recurrence.")}


def _factor(config: Config, name: str) -> float:
    factor: float = config.take(name, default=1.0)
    return factor


def _factors(config: Config, name: str, count: int) -> list[float]:
    """So many numbers that are multiplied by; each 1 where nothing is said."""
    factors: list[float] = config.take(name, default=[1.0] * count)
    if len(factors) != count or any(isinstance(each, bool) or not isinstance(each, int | float) for each in factors):
        config.refuse(name, factors, f"expected {count} numbers")
    return factors
