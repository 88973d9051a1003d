"""Checkpoints in GGUF, llama.cpp's format, of the LLaMA family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.checkpoints.layout import Form, HalvesInterleaved, Templates
from harness.errors import HarnessError
from harness.spec.check import spec_from_tree
from harness.spec.model import Spec
from harness.spec.tree import tree_of

NAMES = {
    "token_embd.weight": "embedding.table.weight",
    "blk.{i}.attn_norm.weight": "layers.{i}.attention_norm.weight",
    "blk.{i}.attn_v.weight": "layers.{i}.attention.value.weight",
    "blk.{i}.attn_output.weight": "layers.{i}.attention.out.weight",
    "blk.{i}.ffn_norm.weight": "layers.{i}.mlp_norm.weight",
    "blk.{i}.ffn_gate.weight": "layers.{i}.mlp.gate.weight",
    "blk.{i}.ffn_up.weight": "layers.{i}.mlp.up.weight",
    "blk.{i}.ffn_down.weight": "layers.{i}.mlp.down.weight",
    "output_norm.weight": "final_norm.0.weight",
    "output.weight": "head.out.weight",
}


class GGUFFile:
    """Fields and tensors of a file; a tensor is expanded from its quantised form when it is asked for.

    Raises:
        HarnessError: the package `gguf` is not installed, or the file is damaged or none of this format.
    """

    def __init__(self, path: Path) -> None:
        try:
            import gguf
        except ImportError:
            raise HarnessError(f"{path}: reading GGUF needs the package gguf: pip install 'harness[gguf]'") from None
        self.where = str(path)
        self._expand = gguf.quants.dequantize
        try:
            reader = gguf.GGUFReader(path)
            self._tensors = {tensor.name: tensor for tensor in reader.tensors}
            self._fields = dict(reader.fields)
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise HarnessError(f"{path}: damaged or no GGUF file: {error}") from None

    @property
    def names(self) -> list[str]:
        """Names of all tensors."""
        return list(self._tensors)

    def stored(self, name: str) -> str | None:
        """The name itself, or None."""
        return name if name in self._tensors else None

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape in torch's order: GGUF counts dimensions from the innermost."""
        return tuple(int(size) for size in reversed(self._tensors[name].shape))

    def tensor(self, name: str) -> Tensor:
        """The tensor in float32."""
        tensor = self._tensors[name]
        return torch.from_numpy(self._expand(tensor.data, tensor.tensor_type).copy()).reshape(self.shape(name))

    def field_names(self, prefix: str) -> list[str]:
        """Names of the fields that begin with a prefix, without it."""
        return [name.removeprefix(prefix) for name in self._fields if name.startswith(prefix)]

    def field(self, name: str, default: Any = None) -> Any:
        """A field of the header.

        Raises:
            HarnessError: it is not there and there is no default.
        """
        if name in self._fields:
            return self._fields[name].contents()
        if default is None:
            raise HarnessError(f"{self.where}: missing field {name!r}")
        return default


KNOWN = frozenset(
    "attention.head_count attention.head_count_kv attention.key_length attention.layer_norm_rms_epsilon "
    "attention.value_length block_count context_length embedding_length feed_forward_length rope.dimension_count "
    "rope.freq_base vocab_size".split()
)


def spec_of(file: GGUFFile) -> Spec:
    """The spec of a file.

    Raises:
        HarnessError: another architecture than llama, or a field that no spec can express; it is named.
    """
    architecture = file.field("general.architecture")
    if architecture != "llama":
        raise HarnessError(f"{file.where}: general.architecture = {architecture!r}; only 'llama' can be read")
    for name in file.field_names("llama."):
        if name not in KNOWN:
            raise HarnessError(f"{file.where}: field 'llama.{name}' cannot be expressed by a spec")
    return spec_from_tree(tree_of(_document(file), file.where))


def _document(file: GGUFFile) -> dict[str, Any]:
    heads = int(file.field("llama.attention.head_count"))
    hidden = int(file.field("llama.embedding_length"))
    channels = int(file.field("llama.attention.key_length", hidden // heads))
    rotary = int(file.field("llama.rope.dimension_count", channels))
    return {
        "name": "".join(c if c.isalnum() and c.isascii() else "-" for c in Path(file.where).stem.lower()).strip("-"),
        "family": "llama",
        "provenance": "released",
        "sources": {"layout": {"title": "GGUF", "url": "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"}},
        "dims": {
            "num_layers": int(file.field("llama.block_count")),
            "hidden_size": hidden,
            "vocab_size": file.shape("token_embd.weight")[0],
            "max_seq_len": int(file.field("llama.context_length")),
        },
        "choices": {
            "norm": {"kind": "rmsnorm", "eps": _decimal(file.field("llama.attention.layer_norm_rms_epsilon"))},
            "residual": "pre",
            "position": {
                "kind": "rope",
                "theta": _decimal(file.field("llama.rope.freq_base", 10000.0)),
                "fraction": rotary / channels,
            },
            "attention": {
                "kind": "softmax",
                "num_heads": heads,
                "num_kv_heads": int(file.field("llama.attention.head_count_kv", heads)),
                "head_dim": None if channels * heads == hidden else channels,
                "bias": False,
            },
            "pattern": "dense",
            "mlp": {"kind": "swiglu", "intermediate_size": int(file.field("llama.feed_forward_length")), "bias": False},
            "head": "untied" if file.stored("output.weight") else "tied",
            "objective": "causal_lm",
        },
    }


def _decimal(stored: float) -> float:
    """The number that was meant: the shortest decimal whose nearest float32 is the stored one."""
    return float(str(np.float32(stored)))


def templates(spec: Spec) -> Templates:
    """Names in the file; rows of queries and keys lie so that their rotary pairs are neighbours."""
    attention = spec.choices.attention
    rows: dict[str, str | tuple[tuple[str, ...], Form]] = {
        "blk.{i}.attn_q.weight": (("layers.{i}.attention.query.weight",), HalvesInterleaved(attention.num_heads)),
        "blk.{i}.attn_k.weight": (("layers.{i}.attention.key.weight",), HalvesInterleaved(attention.kv_heads)),
    }
    return {**NAMES, **rows}
