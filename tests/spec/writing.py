"""A root spec to spoil, and short ways to write it down and to read what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.spec import load_spec

ROOT_SPEC = """\
name: root
sources:
  made: {title: Made for a test, url: "https://example.org"}
dims: {num_layers: 4, hidden_size: 64, vocab_size: 100, max_seq_len: 32}
choices:
  norm:      {kind: rmsnorm, eps: 1.0e-6}
  residual:  pre
  position:  {kind: rope, theta: 10000}
  mixer:     {kind: softmax, num_heads: 4, num_kv_heads: 2, bias: false}
  pattern:   dense
  mlp:       {kind: swiglu, intermediate_size: 128, bias: false}
  head:      {kind: untied, bias: false}
  objective: causal_lm
"""

BESIDE = """\
{kind: parallel, attention: {kind: softmax, num_heads: 4, bias: false, growth: {rate: 0.1, length: 8}},
    recurrence: {kind: mamba2, num_heads: 4, head_dim: 8, state_size: 4}, recurrence_in_scale: 1.25}
"""
"""A mixer whose options are mixers."""

Write = Callable[..., Path]


def spoilt(old: str, new: str) -> str:
    """The root spec with one passage replaced."""
    assert ROOT_SPEC.count(old) == 1, old
    return ROOT_SPEC.replace(old, new)


def mistakes(path: Path) -> list[str]:
    """What loading a file complains about, a line each, with the files' folder taken off."""
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()
