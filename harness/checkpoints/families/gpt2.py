"""GPT-2."""

from __future__ import annotations

from harness.checkpoints.config import Config
from harness.checkpoints.families import PLAIN, Document, Family, activation, dims, families, head
from harness.checkpoints.layout import UNCHANGED, Form, Stacked, StackedTransposed, Templates, Transposed
from harness.choices.mixers.softmax import softmax_of
from harness.spec.model import Spec


def transformer_templates(block: dict[str, str], *, transposed: tuple[str, ...]) -> Templates:
    """Weights and biases of the modules of a block; those of the named modules are stored [in, out]."""
    templates: dict[str, str | tuple[tuple[str, ...], Form]] = {}
    for released, own in block.items():
        weight = f"layers.{{i}}.{own}.weight"
        templates[f"transformer.h.{{i}}.{released}.weight"] = ((weight,), Transposed()) if own in transposed else weight
        templates[f"transformer.h.{{i}}.{released}.bias"] = f"layers.{{i}}.{own}.bias"
    return templates


CONV1D = ("mixer.qkv", "mixer.out", "mlp.up", "mlp.down")
BLOCK = {
    "ln_1": "mixer_norm",
    "attn.c_attn": "mixer.qkv",
    "attn.c_proj": "mixer.out",
    "ln_2": "mlp_norm",
    "mlp.c_fc": "mlp.up",
    "mlp.c_proj": "mlp.down",
}


@families.register("gpt-sw3")
@families.register("gpt2")
class GPT2(Family, called="GPT"):
    """Pre-LN, learned positions, matrices stored [in, out]."""

    source = ("transformers, models/gpt2", "https://github.com/huggingface/transformers")

    ignored = (".attn.bias", ".attn.masked_bias")

    def document(self, config: Config) -> Document:
        """Everything is biased; the MLP is four times as wide where the config does not say.

        SantaCoder's own code, under this `model_type`, shares one head of keys and values.
        """
        config.expect("scale_attn_weights", True)
        config.expect("scale_attn_by_inverse_layer_idx", False)
        config.expect("add_cross_attention", False)
        config.ignore("reorder_and_upcast_attn", "n_ctx")
        shared = config.take("attention_head_type", default="multihead")
        if shared not in ("multihead", "multiquery"):
            config.refuse("attention_head_type", shared, "expected multihead or multiquery")
        one = {"num_kv_heads": 1} if shared == "multiquery" else {}
        sizes = dims(config, "n_layer", "n_embd", "vocab_size", "n_positions")
        return {
            "dims": sizes,
            "choices": {
                "norm": {"kind": "layernorm", "eps": config.take("layer_norm_epsilon", default=1e-5)},
                "residual": "pre",
                "position": "learned",
                "mixer": {"kind": "softmax", "num_heads": config.take("n_head"), **one, "bias": True},
                "pattern": "dense",
                "mlp": {
                    **activation(config, PLAIN, "activation_function", default="gelu_new"),
                    "intermediate_size": config.take("n_inner", default=4 * sizes["hidden_size"]),
                    "bias": True,
                },
                "head": head(config, tied=True),
                "objective": "causal_lm",
            },
        }

    def templates(self, spec: Spec) -> Templates:
        """Queries, keys and values in one matrix; SantaCoder's queries are in one of their own."""
        attention = softmax_of(spec.choices)
        one_matrix = attention.kv_heads == attention.num_heads
        block = {released: own for released, own in BLOCK.items() if one_matrix or own != "mixer.qkv"}
        separate: dict[str, tuple[tuple[str, ...], Form]] = {}
        for part, form in (("weight", StackedTransposed()), ("bias", Stacked())):
            layer, own = "transformer.h.{i}.attn.", "layers.{i}.mixer."
            query = Transposed() if part == "weight" else UNCHANGED
            separate[f"{layer}q_attn.{part}"] = ((f"{own}query.{part}",), query)
            separate[f"{layer}kv_attn.{part}"] = ((f"{own}key.{part}", f"{own}value.{part}"), form)
        return {
            **({} if one_matrix else separate),
            "transformer.wte.weight": "embedding.table.weight",
            "transformer.wpe.weight": "positions.0.table.weight",
            **transformer_templates(block, transposed=CONV1D),
            "transformer.ln_f.weight": "final_norm.0.weight",
            "transformer.ln_f.bias": "final_norm.0.bias",
            "lm_head.weight": "head.out.weight",
        }
