"""MPT."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Family, dims, families, head
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

SETTLED = {
    "attn_type": "multihead_attention",
    "prefix_lm": False,
    "qk_ln": False,
    "attn_uses_sequence_id": False,
    "alibi": True,
}
"""The only values of `attn_config` that transformers and the release agree on."""


@families.register("mpt")
class MPT(Family, called="MPT"):
    """Linear biases, LayerNorm with gains only, no bias anywhere, queries, keys and values in one matrix."""

    source = ("transformers, models/mpt", "https://github.com/huggingface/transformers")

    def document(self, config: Config) -> Document:
        """With linear biases, `learned_pos_emb` adds nothing.

        The release reads `alibi_bias_max`; transformers takes 8 whatever it says.
        """
        config.expect("no_bias", True)
        config.expect("expansion_ratio", 4)
        config.expect("logit_scale")
        config.expect("embedding_fraction", 1.0, 1)
        config.expect("norm_type", "low_precision_layernorm")
        for name in ("learned_pos_emb", "init_device", "init_config", "tokenizer_name", "verbose"):
            config.ignore(name)
        inner = config.mapping("attn_config")
        for name, value in SETTLED.items():
            inner.expect(name, value)
        inner.ignore("attn_impl", "model_type")
        clip, scale = (inner.take(name, default=None, of=float) for name in ("clip_qkv", "softmax_scale"))
        steepest = inner.take("alibi_bias_max", default=8)
        sizes = dims(config, "n_layers", "d_model", "vocab_size", "max_seq_len")
        return {
            "dims": sizes,
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5), "bias": False},
                "residual": "pre",
                "position": "alibi" if steepest == 8 else {"kind": "alibi", "bias_max": steepest},
                "mixer": {
                    "kind": "softmax",
                    "num_heads": config.take("n_heads"),
                    "bias": False,
                    "scale": scale,
                    "clip": clip or None,
                },
                "pattern": "dense",
                "mlp": {
                    "kind": "gelu",
                    "approximate": "none",
                    "intermediate_size": 4 * sizes["hidden_size"],
                    "bias": False,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """All queries, then all keys, then all values."""
        return {
            "transformer.wte.weight": "embedding.table.weight",
            "transformer.blocks.{i}.norm_1.weight": "layers.{i}.mixer_norm.weight",
            "transformer.blocks.{i}.attn.Wqkv.weight": "layers.{i}.mixer.qkv.weight",
            "transformer.blocks.{i}.attn.out_proj.weight": "layers.{i}.mixer.out.weight",
            "transformer.blocks.{i}.norm_2.weight": "layers.{i}.mlp_norm.weight",
            "transformer.blocks.{i}.ffn.up_proj.weight": "layers.{i}.mlp.up.weight",
            "transformer.blocks.{i}.ffn.down_proj.weight": "layers.{i}.mlp.down.weight",
            "transformer.norm_f.weight": "final_norm.0.weight",
            "lm_head.weight": "head.out.weight",
        }
