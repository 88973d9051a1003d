"""The axes along which architectures differ: one choice on each makes a model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from harness.choices.attention import Attention, attentions
from harness.choices.base import Choice
from harness.choices.embeddings import Embedding, embeddings
from harness.choices.heads import Head, heads
from harness.choices.mlps import MLP, mlps
from harness.choices.norms import Norm, norms
from harness.choices.objectives import Objective, objectives
from harness.choices.patterns import Pattern, patterns
from harness.choices.positions import Position, positions
from harness.choices.residuals import Residual, residuals
from harness.registry import Registry


@dataclass(frozen=True)
class Choices:
    """One choice on every axis: what a layer is made of, and the model around it."""

    embedding: Embedding
    position: Position
    residual: Residual
    norm: Norm
    attention: Attention
    pattern: Pattern
    mlp: MLP
    head: Head
    objective: Objective

    def items(self) -> list[tuple[str, Choice]]:
        """(axis, choice) pairs."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


AXES: dict[str, Registry[type[Any]]] = {
    "embedding": embeddings,
    "position": positions,
    "residual": residuals,
    "norm": norms,
    "attention": attentions,
    "pattern": patterns,
    "mlp": mlps,
    "head": heads,
    "objective": objectives,
}

IMPLIED = {"embedding": "table"}
"""What a spec need not state: with the options left out, it adds nothing."""

PER_LAYER = ("position", "norm", "attention", "pattern", "mlp")
"""Axes that a block of layers may choose differently from the rest of the model."""
