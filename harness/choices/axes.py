"""The axes along which architectures differ: one choice on each makes a model."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from harness.choices.base import Choice
from harness.choices.embeddings import Embedding, embeddings
from harness.choices.experts import Experts, experts
from harness.choices.heads import Head, heads
from harness.choices.mixers import Mixer, mixers
from harness.choices.mlps import MLP, mlps
from harness.choices.mtp import MTP, mtp
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
    mixer: Mixer
    pattern: Pattern
    mlp: MLP
    experts: Experts
    head: Head
    mtp: MTP
    objective: Objective

    def items(self) -> list[tuple[str, Choice]]:
        """(axis, choice) pairs."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    def uses(self, axis: str) -> bool:
        """Whether a layer of these choices asks the choice on an axis for anything: some mixers use no positions."""
        if axis == "pattern":
            return self.mixer.uses_pattern
        return axis != "position" or self.mixer.uses_position or self.position.in_embedding

    def tidied(self) -> Choices:
        """The same with the one choice that stands on axes that are not used."""
        unused: dict[str, Any] = {axis: AXES[axis][kind]() for axis, kind in UNUSED.items() if not self.uses(axis)}
        return replace(self, **unused)


AXES: dict[str, Registry[type[Any]]] = {
    "embedding": embeddings,
    "position": positions,
    "residual": residuals,
    "norm": norms,
    "mixer": mixers,
    "pattern": patterns,
    "mlp": mlps,
    "experts": experts,
    "head": heads,
    "mtp": mtp,
    "objective": objectives,
}

IMPLIED = {"embedding": "table", "experts": "none", "mtp": "none"}
"""What a spec need not state: with the options left out, it adds nothing."""

UNUSED = {"position": "none", "pattern": "dense"}
"""What stands on an axis that no mixer of a spec uses, where a spec must not state anything."""

PER_LAYER = ("position", "residual", "norm", "mixer", "pattern", "mlp", "experts")
"""Axes that a block of layers may choose differently from the rest of the model."""
