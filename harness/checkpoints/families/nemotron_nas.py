"""Nemotron models that a search made of LLaMA's: each layer has its own MLP, and attention or none."""

from __future__ import annotations

from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, families
from harness.checkpoints.families.llama import Llama

MULTIPLE = 256
"""Of which the width of an MLP is a multiple: 2/3 of `ffn_mult` times the hidden size, rounded up."""


@families.register("nemotron-nas")
class NemotronNAS(Llama, called="Nemotron"):
    """Llama 3.1 Nemotron 51B and Ultra 253B, and Llama 3.3 Nemotron Super 49B."""

    source = (
        "nvidia/Llama-3_3-Nemotron-Super-49B-v1, modeling_decilm.py",
        "https://huggingface.co/nvidia/Llama-3_3-Nemotron-Super-49B-v1",
    )

    def document(self, config: Config) -> Document:
        """LLaMA's, with a block for each combination that its layers are of."""
        listed = config.take("block_configs", of=list)
        heads = config.take("num_attention_heads")
        for name in ("num_key_value_heads", "intermediate_size"):
            config.expect(name)
        stated = config.with_fields(num_key_value_heads=heads, intermediate_size=MULTIPLE)
        document = super().document(stated)
        if len(listed) != document["dims"]["num_layers"]:
            config.refuse("block_configs", len(listed), "expected as many as num_hidden_layers")
        mlp, attention = document["choices"]["mlp"], document["choices"]["mixer"]
        blocks: dict[str, dict[str, Any]] = {}
        layers = []
        for index, fields in enumerate(listed):
            part = Config(fields, config.file, f"block_configs.{index}.")
            width, group = (
                _width(part.mapping("ffn"), document["dims"]["hidden_size"]),
                _group(part.mapping("attention")),
            )
            for obstacle in part.unread():
                raise obstacle
            block: dict[str, Any] = {"mlp": {**mlp, "intermediate_size": width}}
            if group:
                block["mixer"] = {**attention, "num_kv_heads": heads // group}
            else:
                block["mixer"] = "none"
            layers.append(f"{f'groups_of_{group}' if group else 'no_attention'}_{width}")
            blocks[layers[-1]] = block
        return {**document, "blocks": blocks, "layers": layers}


def _width(part: Config, hidden: int) -> int:
    """Of the MLP of a layer."""
    part.strict = True
    for name in ("no_op", "replace_with_linear"):
        part.expect(name, False)
    part.expect("sparsify")
    return -(-int(2 * part.take("ffn_mult", of=float) * hidden / 3) // MULTIPLE) * MULTIPLE


def _group(part: Config) -> int:
    """How many query heads of a layer share a key-value head; 0 where the layer has no attention."""
    part.strict = True
    part.expect("replace_with_linear", False)
    for name in ("sparsify", "window_length", "num_sink_tokens"):
        part.expect(name)
    part.ignore("unshifted_sink", "use_prefill_window_in_sink_attention")
    if part.take("no_op", default=False):
        part.ignore("n_heads_in_group")
        return 0
    group: int = part.take("n_heads_in_group")
    return group
