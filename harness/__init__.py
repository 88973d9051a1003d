"""What an architectural choice in a language model costs and buys.

>>> import harness
>>> spec = harness.load_spec("llama-7b")
>>> harness.params(spec)
6738415616
>>> harness.kv_cache_bytes(spec, seq_len=2048, batch_size=1, dtype="fp16")
1073741824
>>> harness.flops(spec, "decode", seq_len=2048, batch_size=1, causal=True)
14287896576
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.cells import results as results
    from harness.checkpoints.load import load_checkpoint as load_checkpoint
    from harness.checkpoints.load import save_checkpoint as save_checkpoint
    from harness.checkpoints.translate import import_config as import_config
    from harness.errors import HarnessError as HarnessError
    from harness.errors import SpecError as SpecError
    from harness.factory import build as build
    from harness.metrics.attention_pairs import visible_pairs as visible_pairs
    from harness.metrics.flops import flops as flops
    from harness.metrics.kv_cache import kv_cache_bytes as kv_cache_bytes
    from harness.metrics.kv_cache import longest_context as longest_context
    from harness.metrics.params import params as params
    from harness.metrics.params import params_breakdown as params_breakdown
    from harness.side_by_side import compare as compare
    from harness.spec.library import load_spec as load_spec
    from harness.spec.library import spec_names as spec_names
    from harness.spec.model import Spec as Spec

__version__ = "0.1.0"

_HOMES = {
    "HarnessError": "harness.errors",
    "Spec": "harness.spec.model",
    "SpecError": "harness.errors",
    "build": "harness.factory",
    "compare": "harness.side_by_side",
    "flops": "harness.metrics.flops",
    "import_config": "harness.checkpoints.translate",
    "kv_cache_bytes": "harness.metrics.kv_cache",
    "load_checkpoint": "harness.checkpoints.load",
    "load_spec": "harness.spec.library",
    "longest_context": "harness.metrics.kv_cache",
    "results": "harness.cells",
    "save_checkpoint": "harness.checkpoints.load",
    "params": "harness.metrics.params",
    "params_breakdown": "harness.metrics.params",
    "spec_names": "harness.spec.library",
    "visible_pairs": "harness.metrics.attention_pairs",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: only what builds a model imports torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
