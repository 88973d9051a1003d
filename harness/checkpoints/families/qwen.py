"""Qwen, the first series."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import Templates
from harness.checkpoints.rotary import neox_rope
from harness.spec.model import Spec


@families.register("qwen")
class Qwen(Family, called="Qwen"):
    """Fused queries, keys and values with a bias; a config whose MLP width is twice the real one.

    Dynamic scaling of the rotary base and of the scores sets in beyond `seq_length`; the spec ends there.
    """

    source = ("Qwen/Qwen-7B, modeling_qwen.py", "https://huggingface.co/Qwen/Qwen-7B")

    ignored = (".rotary_emb.inv_freq", ".attn.masked_bias", ".attn.bias")

    def document(self, config: Config) -> Document:
        """Pre-RMSNorm, rotary positions, multi-head attention, SwiGLU."""
        config.expect("no_bias", True)
        config.expect("scale_attn_weights", True)
        for name in ("use_dynamic_ntk", "use_logn_attn", "onnx_safe", "max_position_embeddings"):
            config.ignore(name)
        for name in ("use_cache_quantization", "use_cache_kernel", "softmax_in_fp32"):
            config.expect(name, False)
        heads = config.take("num_attention_heads")
        return {
            "dims": dims(config, "num_hidden_layers", "hidden_size", "vocab_size", "seq_length"),
            "choices": {
                "norm": {"kind": "rmsnorm", "eps": config.take("layer_norm_epsilon", of=float)},
                "residual": "pre",
                "position": neox_rope(config, fraction=1.0),
                "mixer": {
                    "kind": "softmax",
                    "num_heads": heads,
                    "head_dim": config.take("kv_channels", default=None),
                    "bias": "qkv",
                },
                "pattern": "dense",
                "mlp": {"kind": "swiglu", "intermediate_size": config.take("intermediate_size") // 2, "bias": False},
                "head": head(config, tied=False),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """The gate is w2: c_proj(w1(x) * silu(w2(x)))."""
        return {
            "transformer.wte.weight": "embedding.table.weight",
            "transformer.h.{i}.ln_1.weight": "layers.{i}.mixer_norm.weight",
            "transformer.h.{i}.attn.c_attn.weight": "layers.{i}.mixer.qkv.weight",
            "transformer.h.{i}.attn.c_attn.bias": "layers.{i}.mixer.qkv.bias",
            "transformer.h.{i}.attn.c_proj.weight": "layers.{i}.mixer.out.weight",
            "transformer.h.{i}.ln_2.weight": "layers.{i}.mlp_norm.weight",
            "transformer.h.{i}.mlp.w1.weight": "layers.{i}.mlp.up.weight",
            "transformer.h.{i}.mlp.w2.weight": "layers.{i}.mlp.gate.weight",
            "transformer.h.{i}.mlp.c_proj.weight": "layers.{i}.mlp.down.weight",
            "transformer.ln_f.weight": "final_norm.0.weight",
            "lm_head.weight": "head.out.weight",
        }
