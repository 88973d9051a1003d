"""GPT-Neo."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head, with_windows
from harness.checkpoints.families.gpt2 import BLOCK, transformer_templates
from harness.checkpoints.layout import Templates
from harness.spec.model import Spec

KINDS = {"global": "full_attention", "local": "sliding_attention"}


@families.register("gpt_neo")
class GPTNeo(Family, called="GPT-Neo"):
    """GPT-2 with windows in every other layer, scores that are not scaled, and a bias only out of the heads."""

    source = ("transformers, models/gpt_neo", "https://github.com/huggingface/transformers")

    ignored = (".attention.bias", ".attention.masked_bias")

    def document(self, config: Config) -> Document:
        """`attention_types` repeats groups of kinds; `attention_layers` is the same written out."""
        sizes = dims(config, "num_layers", "hidden_size", "vocab_size", "max_position_embeddings")
        groups = config.take("attention_types", default=[[["global", "local"], sizes["num_layers"] // 2]])
        count = sum(len(group) * times for group, times in groups)
        if count != sizes["num_layers"] or {kind for group, _ in groups for kind in group} - set(KINDS):
            config.refuse("attention_types", groups, f"expected {sizes['num_layers']} layers of {', '.join(KINDS)}")
        kinds = [kind for group, times in groups for _ in range(times) for kind in group]
        config.expect("attention_layers", kinds)
        document = {
            "dims": sizes,
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                "position": "learned",
                "mixer": {
                    "kind": "softmax",
                    "num_heads": config.take("num_heads"),
                    "bias": "out",
                    "scale": 1.0,
                },
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "activation_function", default="gelu_new"),
                    "intermediate_size": config.take("intermediate_size", default=4 * sizes["hidden_size"]),
                    "bias": True,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }
        window = config.take("window_size", default=256)
        return with_windows(document, config.with_fields(sliding_window=window), [KINDS[kind] for kind in kinds])

    def templates(self, spec: Spec) -> Templates:
        """GPT-2's, with four matrices of attention, stored [out, in]."""
        names = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"}
        attention = {f"attn.attention.{released}": f"mixer.{own}" for released, own in names.items()}
        rest = {released: own for released, own in BLOCK.items() if not own.startswith("mixer.")}
        return {
            "transformer.wte.weight": "embedding.table.weight",
            "transformer.wpe.weight": "positions.0.table.weight",
            **transformer_templates({**rest, **attention}, transposed=()),
            "transformer.ln_f.weight": "final_norm.0.weight",
            "transformer.ln_f.bias": "final_norm.0.bias",
            "lm_head.weight": "head.out.weight",
        }
