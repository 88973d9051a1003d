"""Specs side by side: what they choose differently, and what that does to their figures. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import tables
from harness.checkpoints import given
from harness.errors import HarnessError
from harness.metrics.flops import flops
from harness.metrics.kv_cache import kv_cache_bytes, kv_cache_bytes_per_token
from harness.metrics.params import params, params_breakdown
from harness.spec.diff import difference, flattened, worded
from harness.spec.model import Spec

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

PART = "parameters: "
"""Before the name of a component: a figure that is part of another."""


@dataclass(frozen=True)
class SideBySide:
    """Two specs or more at one length; ratios are to the first. A notebook shows it as tables.

    Attributes:
        specs: what is compared.
        seq_len: tokens of a sequence.
        batch_size: sequences in a batch.
    """

    specs: tuple[Spec, ...]
    seq_len: int
    batch_size: int

    @cached_property
    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The sizes and options that are not the same in all specs, by dotted name; None for one without it."""
        return difference(*self.specs)

    @cached_property
    def figures(self) -> dict[str, tuple[int, ...]]:
        """Parameters in scalars, the cache in bytes, FLOPs of causal pairs, by name: one a spec."""
        each = [_figures(spec, self.seq_len, self.batch_size) for spec in self.specs]
        return {name: tuple(figures[name] for figures in each) for name in each[0]}

    @property
    def frame(self) -> pd.DataFrame:
        """A row a figure, a column a spec; whole numbers to the last digit."""
        import pandas as pd

        rows = list(self.figures.values())
        return pd.DataFrame(rows, index=list(self.figures), columns=self._names, dtype=object).rename_axis("figure")

    @property
    def figure(self) -> go.Figure:
        """Bars: each figure as a multiple of the first spec's, but for parts of the parameters."""
        import plotly.graph_objects as go

        whole = {name: values for name, values in self.figures.items() if values[0] and not name.startswith(PART)}
        bars = [
            go.Bar(name=spec.name, x=list(whole), y=[values[index] / values[0] for values in whole.values()])
            for index, spec in enumerate(self.specs)
        ]
        title = f"{self._tokens}, as multiples of {self.specs[0].name}"
        return go.Figure(bars, {"title": {"text": title}, "yaxis": {"title": {"text": "ratio"}, "rangemode": "tozero"}})

    def tables(self) -> list[tables.Table]:
        """Choices that differ, if any, and figures, in words."""
        flat = [flattened(spec.architecture) for spec in self.specs]
        choices = [(key, *(worded(key, each) for each in flat)) for key in self.choices]
        first, *others = self._names
        columns = ["figure", first, *(column for name in others for column in (name, "ratio"))]
        figures = [(name, *_with_ratios(values)) for name, values in self.figures.items()]
        found = [tables.Table("Choices that differ", ["choice", *self._names], choices, 1 + len(self.specs))]
        return [*(found if choices else []), tables.Table(f"Figures for {self._tokens}", columns, figures)]

    @property
    def _names(self) -> list[str]:
        return [spec.name for spec in self.specs]

    @property
    def _tokens(self) -> str:
        return f"{self.batch_size} x {self.seq_len} tokens"

    def _repr_html_(self) -> str:
        return "".join(map(tables.html, self.tables()))

    def __repr__(self) -> str:
        return f"<{' | '.join(self._names)}: differ in {', '.join(self.choices) or 'nothing'}>"


def compare(specs: Iterable[Spec | str | Path], *, seq_len: int | None = None, batch_size: int = 1) -> SideBySide:
    """Put specs side by side.

    >>> both = compare(["llama-7b", "llama-7b-mqa"])
    >>> both
    <llama-7b | llama-7b-mqa: differ in mixer.num_kv_heads>
    >>> both.choices
    {'mixer.num_kv_heads': (32, 1)}
    >>> both.figures["KV-cache bytes a token, fp16"]
    (524288, 16384)
    >>> both.frame.loc["parameters", "llama-7b-mqa"]
    5698228224

    Args:
        specs: two or more, each a spec or what `load_spec` and `import_config` take.
        seq_len: tokens of a sequence; left out, the longest that all are made for.
        batch_size: sequences in a batch.

    Returns:
        What differs, with a frame, a figure of plotly, and tables.

    Raises:
        HarnessError: there are fewer than two, or one cannot be read.
    """
    loaded = tuple(spec if isinstance(spec, Spec) else given.load(spec) for spec in specs)
    if len(loaded) < 2:
        raise HarnessError(f"expected two or more specs to put side by side, found {len(loaded)}")
    return SideBySide(loaded, seq_len or min(spec.dims.max_seq_len for spec in loaded), batch_size)


def _figures(spec: Spec, seq_len: int, batch_size: int) -> dict[str, int]:
    return {
        "parameters": params(spec),
        **{f"{PART}{part}": size for part, size in params_breakdown(spec).items()},
        "KV-cache bytes a token, fp16": kv_cache_bytes_per_token(spec),
        "KV-cache bytes, fp16": kv_cache_bytes(spec, seq_len, batch_size),
        "FLOPs, prefill, causal": flops(spec, "prefill", seq_len, batch_size),
        "FLOPs, decode, causal": flops(spec, "decode", seq_len, batch_size),
        "FLOPs, train, causal": flops(spec, "train", seq_len, batch_size),
    }


def _with_ratios(values: tuple[int, ...]) -> list[str]:
    first, *others = values
    return [f"{first:,}", *(cell for value in others for cell in (f"{value:,}", _ratio(first, value)))]


def _ratio(old: int, new: int) -> str:
    if old == new:
        return "="
    return f"{new / old:.4g}" if old else "new"
