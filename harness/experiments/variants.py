"""Specs with choices changed, for candidates that differ in little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.choices.axes import AXES, Choices
from harness.choices.base import Choice
from harness.spec.model import Spec

Patch = Mapping[str, Mapping[str, Any]]
"""Options by axis, as a spec that extends another writes them: with the same kind or none, options are changed."""


def changed(spec: Spec, patch: Patch) -> Spec:
    """The spec with choices changed, for the model and in every layer.

    Raises:
        HarnessError: there is no such kind.
        ValidationError: an option is not one of its kind.
    """
    blocks = {name: _changed(block, patch) for name, block in spec.blocks.items()}
    return replace(spec, choices=_changed(spec.choices, patch), blocks=blocks)


def _changed(choices: Choices, patch: Patch) -> Choices:
    patched: dict[str, Any] = {axis: _patched(axis, getattr(choices, axis), options) for axis, options in patch.items()}
    return replace(choices, **patched)


def _patched(axis: str, choice: Choice, options: Mapping[str, Any]) -> Choice:
    kind = options.get("kind", choice.kind)
    kept = choice.model_dump() if kind == choice.kind else {}
    made: Choice = AXES[axis][kind](**{**kept, **{name: value for name, value in options.items() if name != "kind"}})
    return made
