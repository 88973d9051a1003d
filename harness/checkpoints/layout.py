"""How released tensors relate to the model's own: names, shapes, and the reordering between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.spec.model import Spec

Shape = tuple[int, ...]


class Form:
    """How one released tensor holds tensors of the model: one, unchanged."""

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The model's tensors, of the given shapes."""
        return [released]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """The released tensor."""
        return own[0]

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """The released shape for the model's shapes."""
        return tuple(self.to_release([torch.empty(shape, device="meta") for shape in shapes]).shape)


class Transposed(Form):
    """[in, out], as GPT-2's Conv1D stores a matrix, instead of [out, in]."""

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Swap the two dimensions."""
        return [released.T]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Swap the two dimensions."""
        return own[0].T


class Stacked(Form):
    """Several tensors one below the other, such as gate and up."""

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Cut the rows."""
        return list(released.split([shape[0] for shape in shapes]))

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Join the rows."""
        return torch.cat(list(own))


@dataclass(frozen=True)
class ByHead(Form):
    """Fused queries, keys and values, stored head by head instead of all queries, then all keys, then all values."""

    heads: int

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Rows [H, 3, C] to [3, H, C]."""
        return [released.unflatten(0, (self.heads, 3, -1)).transpose(0, 1).flatten(0, 2)]  # type: ignore[no-untyped-call]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Rows [3, H, C] to [H, 3, C]."""
        return own[0].unflatten(0, (3, self.heads, -1)).transpose(0, 1).flatten(0, 2)  # type: ignore[no-untyped-call]


UNCHANGED = Form()


@dataclass(frozen=True)
class Released:
    """One released tensor and the tensors of the model that it holds."""

    name: str
    own: tuple[str, ...]
    form: Form = UNCHANGED


Templates = Mapping[str, str | tuple[tuple[str, ...], Form]]
"""Released name -> the model's name, or names with a form. `{i}` stands for each layer."""


def released_tensors(templates: Templates, spec: Spec, shapes: Mapping[str, Shape]) -> list[Released]:
    """The released tensors of a model with parameters of these names and shapes.

    A template whose parameters the model lacks, such as a bias, is left out.

    Raises:
        HarnessError: a parameter of the model is in no released tensor.
    """
    found = [
        released
        for released in _expanded(templates, spec.dims.num_layers)
        if all(own in shapes for own in released.own)
    ]
    missing = set(shapes) - {own for released in found for own in released.own}
    if missing:
        raise HarnessError(f"{spec.name}: the release has no tensor for {', '.join(sorted(missing)[:3])}")
    return found


def _expanded(templates: Templates, num_layers: int) -> Iterator[Released]:
    for name, target in templates.items():
        own, form = ((target,), UNCHANGED) if isinstance(target, str) else target
        for index in range(num_layers if "{i}" in name else 1):
            layer = str(index)
            yield Released(name.replace("{i}", layer), tuple(text.replace("{i}", layer) for text in own), form)
