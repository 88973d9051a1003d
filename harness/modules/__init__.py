"""How a choice COMPUTES: torch modules, mirrored file for file with `harness.choices`, and the decoder around them.

Shapes are written with the letters of `harness.choices.base`: B batch, T queries, S keys, D hidden size, V vocabulary,
H query heads, K key-value heads, C channels of one head.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from harness.choices.base import Choice
from harness.registry import import_all

F = TypeVar("F", bound=Callable[..., Any])

_computed_by: dict[type[Choice], Callable[..., Any]] = {}
_discover = cache(import_all)


def computes(*choices: type[Choice]) -> Callable[[F], F]:
    """Decorate the module or function that computes a choice."""

    def enter(implementation: F) -> F:
        for choice in choices:
            if choice in _computed_by:
                raise ValueError(f"two implementations of {choice}: {_computed_by[choice]} and {implementation}")
            _computed_by[choice] = implementation
        return implementation

    return enter


def implementation_of(choice: Choice) -> Callable[..., Any] | None:
    """The module class or function that computes a choice, whatever its options; None where there is none."""
    if type(choice) not in _computed_by:
        _discover(__name__)
    return _computed_by.get(type(choice))


def computed_by(choice: Choice) -> Callable[..., Any]:
    """As `implementation_of`, of a choice that must have one."""
    found = implementation_of(choice)
    if found is None:
        raise NotImplementedError(f"no module in {__name__} computes {type(choice)}")
    return found
