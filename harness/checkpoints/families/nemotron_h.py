"""Nemotron-H where it has attention and MLPs alone: each is a layer of its own there, and two of them one here."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, Fields, activation, dims, families, head
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

LETTERS = {"*": "full_attention", "-": "mlp", "M": "linear_attention", "E": "moe"}
OLDER = {"attention": "full_attention", "mamba": "linear_attention"}

MODULES = {
    "norm": "mixer_norm",
    "mixer.q_proj": "mixer.query",
    "mixer.k_proj": "mixer.key",
    "mixer.v_proj": "mixer.value",
    "mixer.o_proj": "mixer.out",
}
MLP = {"norm": "mlp_norm", "mixer.up_proj": "mlp.up", "mixer.down_proj": "mlp.down"}


@families.register("nemotron_h")
class NemotronH(Family, called="Nemotron"):
    """The models of Nemotron-H that hold neither experts nor state-space layers; they have no positions."""

    source = ("transformers, models/nemotron_h", "https://github.com/huggingface/transformers")

    ignored: ClassVar[tuple[str, ...]] = ()

    defaults: ClassVar[Fields] = {"num_key_value_heads": 8, "mlp_hidden_act": "relu2"}

    def document(self, config: Config) -> Document:
        """Attention and an MLP by turns; the fields of layers that are not there are not read."""
        pattern = config.take("hybrid_override_pattern", default="")
        written = [LETTERS.get(letter, letter) for letter in pattern]
        stated = config.take("layers_block_type", "layer_types", default=written)
        kinds = [OLDER.get(kind, kind) for kind in stated]
        if not kinds or kinds != ["full_attention", "mlp"] * (len(kinds) // 2):
            field = next((name for name in ("layers_block_type", "layer_types") if name in config.names), "")
            reasons = {"linear_attention": "state-space layers", "moe": "a mixture of experts"}
            held = [reason for kind, reason in reasons.items() if kind in kinds]
            why = f"no spec has {' or '.join(held)}" if held else "no spec has other orders"
            config.refuse(field or "hybrid_override_pattern", stated if field else pattern, f"expected *-*-...: {why}")
        config.ignore("num_hidden_layers", *(name for name in config.names if name.startswith(("mamba_", "moe_"))))
        config.ignore("ssm_state_size", "n_groups", "conv_kernel", "expand", "chunk_size", "time_step_min", "n_group")
        config.ignore("time_step_max", "time_step_limit", "time_step_floor", "time_step_rank", "use_conv_bias")
        config.ignore("n_routed_experts", "n_shared_experts", "num_experts_per_tok", "routed_scaling_factor")
        config.ignore("topk_group", "norm_topk_prob", "residual_in_fp32", "rescale_prenorm_residual", "rms_norm_eps")
        config.ignore("use_mamba_kernels", "use_bias", "sliding_window", "mtp_layers_block_type", "num_local_experts")
        config.expect("num_nextn_predict_layers", 0)
        config.expect("attention_bias", False)  # the family's own code and transformers' do not agree on it
        heads = config.take("num_attention_heads")
        sized = config.with_fields(num_hidden_layers=len(kinds) // 2)
        return {
            "dims": dims(sized, "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
            "choices": {
                "norm": {"kind": "rmsnorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                "position": "none",
                "mixer": {
                    "kind": "softmax",
                    "num_heads": heads,
                    "num_kv_heads": config.take("num_key_value_heads", default=heads),
                    "head_dim": config.take("head_dim", "attention_head_dim", default=128),
                    "bias": False,
                },
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "mlp_hidden_act", default="relu2"),
                    "intermediate_size": config.take("intermediate_size"),
                    "bias": config.take("mlp_bias", default=False),
                },
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """Of the layers there, every other one is attention; the numbers are written out."""
        templates = {
            "backbone.embeddings.weight": "embedding.table.weight",
            "backbone.norm_f.weight": "final_norm.0.weight",
            "lm_head.weight": "head.out.weight",
        }
        for index in range(spec.dims.num_layers):
            for place, modules in ((2 * index, MODULES), (2 * index + 1, MLP)):
                for released, own in modules.items():
                    for part in ("weight", "bias"):
                        templates[f"backbone.layers.{place}.{released}.{part}"] = f"layers.{index}.{own}.{part}"
        return templates
