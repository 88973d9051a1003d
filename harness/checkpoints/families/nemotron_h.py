"""Nemotron-H: layers that are Mamba-2, attention, an MLP or experts alone."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.experts import expert_names, grouped
from harness.checkpoints.families import PLAIN, Document, Family, Fields, activation, dims, families, head
from harness.checkpoints.layout import Templates
from harness.checkpoints.recurrent import ATTENTION, LINEAR, OLDER, in_kinds, in_layers_of, mamba2_names
from harness.spec.model import Spec

MLP, MOE = "mlp", "moe"
LETTERS = {"*": ATTENTION, "-": MLP, "M": LINEAR, "E": MOE}

MODULES = {"q_proj": "mixer.query", "k_proj": "mixer.key", "v_proj": "mixer.value", "o_proj": "mixer.out"}
PERCEPTRON = {"up_proj": "mlp.up", "down_proj": "mlp.down"}


@families.register("nemotron_h")
class NemotronH(Family, called="Nemotron"):
    """Nemotron-H and Nemotron 3; they have no positions. Layers that predict further tokens are left aside."""

    source = ("transformers, models/nemotron_h", "https://github.com/huggingface/transformers")

    ignored: ClassVar[tuple[str, ...]] = ("mtp.",)

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "mlp_hidden_act": "relu2"}

    def document(self, config: Config) -> Document:
        """A block for each kind of layer."""
        pattern = config.take("hybrid_override_pattern", default="")
        written = [LETTERS.get(letter, letter) for letter in pattern]
        stated = config.take("layers_block_type", "layer_types", default=written)
        kinds = [OLDER.get(kind, kind) for kind in stated]
        if not kinds or set(kinds) - {ATTENTION, LINEAR, MLP, MOE}:
            field = next((name for name in ("layers_block_type", "layer_types") if name in config.names), "")
            known = "of M, *, - and E" if not field else f"of {ATTENTION}, {LINEAR}, {MLP} and {MOE}"
            config.refuse(field or "hybrid_override_pattern", stated if field else pattern, f"expected a list {known}")
        config.ignore("num_hidden_layers", "mtp_layers_block_type", "mtp_hybrid_override_pattern")
        config.ignore("num_nextn_predict_layers", "residual_in_fp32", "rescale_prenorm_residual", "rms_norm_eps")
        config.ignore("use_mamba_kernels", "mamba_proj_bias", "sliding_window", "chunk_size", "mamba_ssm_cache_dtype")
        config.ignore("expand", "mamba_expand", "moe_shared_expert_overlap")  # the heads say it, or nothing reads it
        config.ignore(*(name for name in config.names if name.startswith(("time_step_", "mamba_dt_"))))
        heads = config.take("num_attention_heads")
        attention = {
            "kind": "softmax",
            "num_heads": heads,
            "num_kv_heads": config.take("num_key_value_heads", default=heads),
            "head_dim": config.take("head_dim", "attention_head_dim", default=128),
            "bias": False,
        }
        config.expect("attention_bias", False)  # the family's own code and transformers' do not agree on it
        mlp: dict[str, Any] = {
            **activation(config, PLAIN, "mlp_hidden_act", default="relu2"),
            "intermediate_size": config.take("intermediate_size", default=21504),
            "bias": config.take("mlp_bias", default=False),
        }
        blocks = {ATTENTION: {"mlp": "none"}, MLP: {"mixer": "none"}, LINEAR: self._recurrent(config, kinds), MOE: {}}
        blocks[MOE] = self._experts(config, mlp, kinds)
        sized = config.with_fields(num_hidden_layers=len(kinds))
        document = {
            "dims": dims(sized, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "rmsnorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                **({"position": "none", "pattern": "dense"} if ATTENTION in kinds else {}),
                "mixer": attention,
                "mlp": mlp,
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }
        return in_kinds(document, kinds, blocks)

    def _recurrent(self, config: Config, kinds: list[str]) -> dict[str, Any]:
        names = ("mamba_num_heads", "mamba_head_dim", "ssm_state_size", "n_groups", "conv_kernel")
        if LINEAR not in kinds:
            config.ignore(*names, "mamba_n_groups", "mamba_d_conv", "use_conv_bias", "use_bias", "mamba_hidden_act")
            config.ignore("mamba_conv_bias")
            return {}
        config.ignore("time_step_limit")  # transformers has the least dt that was drawn for training in its place
        config.expect("mamba_hidden_act", "silu")
        least = config.take("time_step_min", "mamba_dt_min", default=0.001)
        groups = config.take("n_groups", "mamba_n_groups", default=8)
        mixer = {
            "kind": "mamba2",
            "num_heads": config.take("mamba_num_heads", default=128),
            "head_dim": config.take("mamba_head_dim", default=64),
            "state_size": config.take("ssm_state_size", default=128),
            "groups": groups,
            "norm_groups": groups,
            "taps": config.take("conv_kernel", "mamba_d_conv", default=4),
            **({"dt_min": least} if least else {}),
            "convolution_bias": config.take("use_conv_bias", "mamba_conv_bias", default=True),
            "bias": config.take("use_bias", default=False),
        }
        return {"mixer": mixer, "mlp": "none"}

    def _experts(self, config: Config, mlp: dict[str, Any], kinds: list[str]) -> dict[str, Any]:
        if MOE not in kinds:
            config.ignore(*(name for name in config.names if name.startswith("moe_")))
            config.ignore("n_routed_experts", "n_shared_experts", "num_experts_per_tok", "routed_scaling_factor")
            config.ignore("n_group", "topk_group", "norm_topk_prob", "num_local_experts")
            return {}
        config.expect("moe_latent_size")
        config.ignore("n_shared_experts")  # of whatever number, their width is a field of its own
        experts = {
            "kind": "top_k",
            "num_experts": config.take("n_routed_experts", "num_local_experts", default=8),
            "experts_per_token": config.take("num_experts_per_tok", default=2),
            "score": "sigmoid",
            "normalised": config.take("norm_topk_prob", default=True),
            "scale": config.take("routed_scaling_factor", default=1.0, of=float),
            "correction": True,
            "shared_size": config.take("moe_shared_expert_intermediate_size", default=7688),
            **grouped(config),
        }
        width = config.take("moe_intermediate_size", default=7688)
        return {"mixer": "none", "mlp": {**mlp, "intermediate_size": width}, "experts": experts}

    def templates(self, spec: Spec) -> Templates:
        """The norm of a layer stands in front of whatever it is."""
        layer = "backbone.layers.{i}."
        names: dict[str, Any] = {
            "backbone.embeddings.weight": "embedding.table.weight",
            "backbone.norm_f.weight": "final_norm.0.weight",
            "lm_head.weight": "head.out.weight",
        }
        for released, own in {**MODULES, **PERCEPTRON}.items():
            for part in ("weight", "bias"):
                names[f"{layer}mixer.{released}.{part}"] = f"layers.{{i}}.{own}.{part}"
        names |= in_layers_of(spec, "mamba2", mamba2_names(f"{layer}mixer."))
        experts = expert_names(stem="mixer", projections=("gate_proj", "up_proj", "down_proj"))
        names |= {name.replace("model.layers", "backbone.layers"): own for name, own in experts.items()}
        for index in range(spec.dims.num_layers):
            norm = "mixer_norm" if spec.layer(index).mixer.present else "mlp_norm"
            names[f"backbone.layers.{index}.norm.weight"] = f"layers.{index}.{norm}.weight"
        return names
