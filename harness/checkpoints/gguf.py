"""Checkpoints in GGUF, llama.cpp's format, of the LLaMA family."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.checkpoints.layout import Form, HalvesInterleaved, Templates
from harness.checkpoints.translate import spec_name
from harness.choices.mixers.softmax import softmax_of
from harness.errors import HarnessError
from harness.spec.check import spec_from_tree
from harness.spec.model import Spec
from harness.spec.tree import tree_of

ROWS = {"attn_q": "mixer.query", "attn_k": "mixer.key"}
"""Whose rows lie so that rotary pairs are neighbours."""
LINEARS = {
    "attn_v": "mixer.value",
    "attn_output": "mixer.out",
    "ffn_gate": "mlp.gate",
    "ffn_up": "mlp.up",
    "ffn_down": "mlp.down",
}
TABLE, HEAD, FREQUENCIES = "token_embd.weight", "output.weight", "rope_freqs.weight"
NAMES = {
    TABLE: "embedding.table.weight",
    "blk.{i}.attn_norm.weight": "layers.{i}.mixer_norm.weight",
    "blk.{i}.ffn_norm.weight": "layers.{i}.mlp_norm.weight",
    "output_norm.weight": "final_norm.0.weight",
    HEAD: "head.out.weight",
    **{
        f"blk.{{i}}.{stored}.{part}": f"layers.{{i}}.{own}.{part}"
        for stored, own in LINEARS.items()
        for part in ("weight", "bias")
    },
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
            raise HarnessError(f"{path}: reading GGUF needs the package gguf: pip install gguf") from None
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

    def dtype(self, name: str) -> str:
        """What `tensor` expands all types to."""
        return "F32"

    def tensor(self, name: str) -> Tensor:
        """The tensor in float32."""
        tensor = self._tensors[name]
        return torch.from_numpy(self._expand(tensor.data, tensor.tensor_type).copy()).reshape(self.shape(name))

    def same(self, one: str, other: str) -> bool:
        """Whether two tensors are the same to the bit, as they are stored."""
        a, b = self._tensors[one], self._tensors[other]
        return a.tensor_type == b.tensor_type and np.array_equal(a.data, b.data)

    def field_names(self, prefix: str) -> list[str]:
        """Names of the fields that begin with a prefix, without it."""
        return [name.removeprefix(prefix) for name in self._fields if name.startswith(prefix)]

    def field(self, name: str, default: Any = None) -> Any:
        """A field of the header.

        Raises:
            HarnessError: it is not there and there is no default.
        """
        if name in self._fields:
            try:
                return self._fields[name].contents()
            except UnicodeDecodeError as error:
                raise HarnessError(f"{self.where}: field {name!r} is not UTF-8 text: {error.reason}") from None
        if default is None:
            raise HarnessError(f"{self.where}: missing field {name!r}")
        return default


READ = frozenset(
    "attention.head_count attention.head_count_kv attention.key_length attention.layer_norm_rms_epsilon "
    "attention.value_length block_count context_length embedding_length feed_forward_length rope.dimension_count "
    "rope.freq_base rope.scale_linear rope.scaling.factor rope.scaling.original_context_length rope.scaling.type "
    "rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow".split()
)
SAYS_NOTHING = frozenset("rope.scaling.finetuned tensor_data_layout vocab_size".split())
"""Bookkeeping, or what the tensors say too."""
NEUTRAL: dict[str, Any] = {
    "attention.causal": True,
    "expert_count": 0,
    "expert_used_count": 0,
    "rope.scaling.attn_factor": 1.0,
    "rope.scaling.yarn_attn_factor": 1.0,
    "rope.scaling.yarn_ext_factor": 1.0,
    "rope.scaling.yarn_log_multiplier": 0.0,
}
"""Fields that say that something is not done, with the value that says it."""


def spec_of(file: GGUFFile) -> Spec:
    """The spec of a file.

    Raises:
        HarnessError: another architecture than llama, or a field that no spec can express; it is named.
    """
    architecture = file.field("general.architecture")
    if architecture != "llama":
        raise HarnessError(f"{file.where}: general.architecture = {architecture!r}; only 'llama' can be read")
    for name in file.field_names("llama."):
        found = file.field(f"llama.{name}")
        if name in NEUTRAL and found == NEUTRAL[name]:
            continue
        if name not in READ | SAYS_NOTHING:
            expected = f"; only {NEUTRAL[name]!r} can" if name in NEUTRAL else ""
            raise HarnessError(
                f"{file.where}: field 'llama.{name}' = {str(found)[:60]} cannot be expressed by a spec{expected}"
            )
    return spec_from_tree(tree_of(_document(file), file.where))


def _document(file: GGUFFile) -> dict[str, Any]:
    if not file.stored(TABLE):
        raise HarnessError(f"{file.where}: tensor {TABLE!r} is missing")
    heads, hidden = _size(file, "attention.head_count"), _size(file, "embedding_length")
    channels = _size(file, "attention.key_length", hidden // heads)
    if _size(file, "attention.value_length", channels) != channels:
        raise HarnessError(f"{file.where}: 'llama.attention.value_length' must be that of keys, {channels}")
    length = _size(file, "context_length")
    theta, rotary = _decimal(file.field("llama.rope.freq_base", 10000.0)), _size(file, "rope.dimension_count", channels)
    return {
        "name": spec_name(Path(file.where)),
        "family": "LLaMA",
        "provenance": "imported",
        "sources": {"layout": {"title": "GGUF", "url": "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"}},
        "dims": {
            "num_layers": _size(file, "block_count"),
            "hidden_size": hidden,
            "vocab_size": file.shape(TABLE)[0],
            "max_seq_len": length,
        },
        "choices": {
            "norm": {"kind": "rmsnorm", "eps": _decimal(file.field("llama.attention.layer_norm_rms_epsilon"))},
            "residual": "pre",
            "position": {
                "kind": "rope",
                "theta": theta,
                "fraction": rotary / channels,
                "scaling": _scaling(file, theta, rotary, length),
            },
            "mixer": {
                "kind": "softmax",
                "num_heads": heads,
                "num_kv_heads": _size(file, "attention.head_count_kv", heads),
                "head_dim": None if channels * heads == hidden else channels,
                "bias": _biases(file),
            },
            "pattern": "dense",
            "mlp": {
                "kind": "swiglu",
                "intermediate_size": _size(file, "feed_forward_length"),
                "bias": file.stored("blk.0.ffn_down.bias") is not None,
            },
            "head": "untied" if file.stored(HEAD) and not file.same(HEAD, TABLE) else "tied",
            "objective": "causal_lm",
        },
    }


def _size(file: GGUFFile, name: str, default: int | None = None) -> int:
    """A whole number, which a file may also give for each layer.

    Raises:
        HarnessError: it is not there, is none, or is not the same in all layers.
    """
    found = file.field(f"llama.{name}", default)
    sizes = set(found) if isinstance(found, list) else {found}
    if len(sizes) != 1 or not isinstance(size := next(iter(sizes)), int) or size < 1:
        raise HarnessError(f"{file.where}: field 'llama.{name}' = {str(found)[:60]}; expected one whole number above 0")
    return size


def _biases(file: GGUFFile) -> bool | str:
    into, out = (file.stored(f"blk.0.{name}.bias") is not None for name in ("attn_q", "attn_output"))
    return into if into == out else "qkv" if into else "out"


def _scaling(file: GGUFFile, theta: float, rotary: int, length: int) -> dict[str, Any] | None:
    """How rotary positions are slowed down: by fields, or by a tensor of what each frequency is divided by.

    Raises:
        HarnessError: in a way that no spec can express; the field is named.
    """
    kind = file.field("llama.rope.scaling.type", "linear")  # so llama.cpp takes it where only a factor is there
    factor = file.field("llama.rope.scaling.factor", file.field("llama.rope.scale_linear", 0.0)) or 1.0
    by_field: dict[str, Any] | None = None
    if kind == "yarn":
        by_field = {
            "kind": "yarn",
            "factor": _decimal(factor),
            "original_length": _size(file, "rope.scaling.original_context_length", length),
            "beta_fast": _decimal(file.field("llama.rope.scaling.yarn_beta_fast", 32.0)),
            "beta_slow": _decimal(file.field("llama.rope.scaling.yarn_beta_slow", 1.0)),
            "truncate": True,
            "attention_factor": 1 + 0.1 * math.log(_decimal(factor)),
        }
    elif kind == "linear":
        by_field = {"kind": "linear", "factor": _decimal(factor)} if factor != 1 else None
    elif kind != "none":
        raise HarnessError(f"{file.where}: field 'llama.rope.scaling.type' = {kind!r} cannot be expressed by a spec")
    if not file.stored(FREQUENCIES):
        return by_field
    divisors = file.tensor(FREQUENCIES).double().numpy()
    if divisors.shape != (rotary // 2,):
        raise HarnessError(f"{file.where}: tensor {FREQUENCIES!r} has shape {divisors.shape}, not {(rotary // 2,)}")
    if np.all(divisors == 1):
        return by_field
    by_tensor = scaling_by(divisors, theta)
    if by_tensor is None or by_field is not None:
        reason = "beside a scaling by fields" if by_field else "for no scaling that is known gives its divisors"
        raise HarnessError(f"{file.where}: tensor {FREQUENCIES!r} cannot be expressed by a spec {reason}")
    return by_tensor


SAME = 1e-5
"""Relative: divisors are stored in float32, and computed in it."""


def scaling_by(divisors: NDArray[np.float64], theta: float) -> dict[str, Any] | None:
    """The scaling that divides rotary frequencies so, None if there is none.

    That of Llama 3.1 depends on the turns in the original length by two ratios alone, so a `low_freq_factor` of 1 is
    taken, as all releases have it: what lies between whole and divided frequencies is a line a f - b of the frequency
    f, with b = 1 / (high - 1) and a = length / (2 pi (high - 1)).

    Args:
        divisors: of each frequency, from the fastest to the slowest.
        theta: base of the frequencies.
    """
    factor = _decimal(divisors.max())
    if np.allclose(divisors, factor, rtol=SAME):
        return {"kind": "linear", "factor": factor}
    if factor <= 1:
        return None
    frequencies = theta ** -(np.arange(len(divisors)) / len(divisors))
    whole = (1 / divisors - 1 / factor) / (1 - 1 / factor)
    between = (whole > SAME) & (whole < 1 - SAME)
    candidates = [(4.0, 8192)]  # Llama 3.1's, which too few frequencies may leave open
    if between.sum() > 1:
        slope, negative = np.polyfit(frequencies[between], whole[between], 1)
        if slope > 0 > negative:
            candidates.insert(0, (float(f"{1 - 1 / negative:.4g}"), round(-2 * math.pi * slope / negative)))
    for high, length in candidates:
        kept = np.clip((length * frequencies / (2 * math.pi) - 1) / (high - 1), 0, 1)
        if np.allclose(1 / (kept + (1 - kept) / factor), divisors, rtol=SAME):
            return {
                "kind": "llama3",
                "factor": factor,
                "low_freq_factor": 1.0,
                "high_freq_factor": high,
                "original_length": length,
            }
    return None


def _decimal(stored: Any) -> float:
    """The number that was meant: the shortest decimal whose nearest float32 is the stored one."""
    return float(str(np.float32(stored)))


def templates(spec: Spec) -> Templates:
    """Names in the file; rows of queries and keys lie so that their rotary pairs are neighbours."""
    attention = softmax_of(spec.choices)
    heads = {"attn_q": attention.num_heads, "attn_k": attention.kv_heads}
    rows: dict[str, str | tuple[tuple[str, ...], Form]] = {
        f"blk.{{i}}.{stored}.{part}": ((f"layers.{{i}}.{own}.{part}",), HalvesInterleaved(heads[stored]))
        for stored, own in ROWS.items()
        for part in ("weight", "bias")
    }
    return {**NAMES, **rows}
