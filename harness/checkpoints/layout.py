"""How released tensors relate to the model's own: names, shapes, and the reordering between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from torch import Tensor

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
        import torch

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
        return list(released.split([shape[0] for shape in shapes]))  # type: ignore[no-untyped-call]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Join the rows."""
        import torch

        return torch.cat(list(own))


class StackedTransposed(Form):
    """The same, stored [in, out]."""

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Swap the two dimensions, and cut the rows."""
        return Stacked().to_model(released.T, shapes)

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Join the rows, and swap the two dimensions."""
        return Stacked().to_release(own).T


class Rows(Form):
    """Vectors as the rows of a matrix, such as the gains of each head."""

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Take the rows."""
        return list(released.unbind())

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Put the rows together."""
        import torch

        return torch.stack(list(own))


@dataclass(frozen=True)
class Fused(Form):
    """Queries, keys and values in one tensor, whose rows lie as `rows` says: unchanged, first all queries."""

    rows: Form

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Order the rows, and cut them."""
        (ordered,) = self.rows.to_model(released, [(sum(shape[0] for shape in shapes), *shapes[0][1:])])
        return Stacked().to_model(ordered, shapes)

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Join the rows, and order them."""
        return self.rows.to_release([Stacked().to_release(own)])


@dataclass(frozen=True)
class ByHead(Form):
    """Fused queries, keys and values, stored head by head instead of all queries, then all keys, then all values.

    Attributes:
        heads: key-value heads, K; each stands behind the `group` query heads that share it.
        group: query heads a key-value head, G.
    """

    heads: int
    group: int = 1

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Rows [K, G + 2, C] to [K, G, C], [K, C] and [K, C]."""
        import torch

        rows = released.unflatten(0, (self.heads, self.group + 2, -1))  # type: ignore[no-untyped-call]
        return [torch.cat([part.flatten(0, 2) for part in rows.split((self.group, 1, 1), dim=1)])]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Rows [K, G, C], [K, C] and [K, C] to [K, G + 2, C]."""
        import torch

        one = own[0].shape[0] // (self.group + 2)
        parts = own[0].split((self.group * one, one, one))  # type: ignore[no-untyped-call]
        rows = [
            part.unflatten(0, (self.heads, width, -1)) for part, width in zip(parts, (self.group, 1, 1), strict=True)
        ]
        return torch.cat(rows, dim=1).flatten(0, 2)


@dataclass(frozen=True)
class HalvesInterleaved(Form):
    """Rows of queries or keys whose rotary pairs are neighbours, (0, half), (1, half + 1), ..., as GGUF stores them."""

    heads: int

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Rows [heads, half, 2] to [heads, 2, half]."""
        rows: Tensor = released.unflatten(0, (self.heads, -1, 2))  # type: ignore[no-untyped-call]
        return [rows.transpose(1, 2).flatten(0, 2)]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Rows [heads, 2, half] to [heads, half, 2]."""
        rows: Tensor = own[0].unflatten(0, (self.heads, 2, -1))  # type: ignore[no-untyped-call]
        return rows.transpose(1, 2).flatten(0, 2)


@dataclass(frozen=True)
class HalvesSwapped(Form):
    """Rows of queries or keys whose rotary pairs (i, half + i) have their second channel first."""

    heads: int

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Rows [heads, 2, half]: the halves in the other order."""
        return [self.to_release([released])]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """The same again."""
        rows: Tensor = own[0].unflatten(0, (self.heads, 2, -1))  # type: ignore[no-untyped-call]
        return rows.flip(1).flatten(0, 2)


@dataclass(frozen=True)
class ByShard(Form):
    """Fused queries, VALUES and keys of one share of the heads after the other, as CodeGen's were cut for 4 devices."""

    shards: int

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Rows [shards, 3, heads a shard] to [3, all heads]."""
        import torch

        queries, values, keys = released.unflatten(0, (self.shards, 3, -1)).unbind(1)  # type: ignore[no-untyped-call]
        return [torch.cat([queries.flatten(0, 1), keys.flatten(0, 1), values.flatten(0, 1)])]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Rows [3, all heads] to [shards, 3, heads a shard]."""
        import torch

        queries, keys, values = own[0].unflatten(0, (3, self.shards, -1)).unbind(0)  # type: ignore[no-untyped-call]
        return torch.stack((queries, values, keys), dim=1).flatten(0, 2)


@dataclass(frozen=True)
class InHeads(Form):
    """Several tensors, head by head: of each head first its rows of the first tensor, then those of the next."""

    heads: int

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Rows [heads, parts, ..] to [part, heads, ..]."""
        by_head = released.unflatten(0, (self.heads, -1))  # type: ignore[no-untyped-call]
        parts = by_head.split([shape[0] // self.heads for shape in shapes], 1)
        return [part.flatten(0, 1) for part in parts]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """Rows [part, heads, ..] to [heads, parts, ..]."""
        import torch

        parts = [part.unflatten(0, (self.heads, -1)) for part in own]  # type: ignore[no-untyped-call]
        return torch.cat(parts, 1).flatten(0, 1)


class OnePlus(Form):
    """Gains stored as what they are more than 1."""

    def to_model(self, released: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """1 + w; in float32, for 1 + w in the 8 bits of a bfloat16 would lose w."""
        return [1.0 + released.float()]

    def to_release(self, own: Sequence[Tensor]) -> Tensor:
        """The gains less 1."""
        return own[0] - 1.0


UNCHANGED = Form()


@dataclass(frozen=True)
class Released:
    """One released tensor and the tensors of the model that it holds."""

    name: str
    own: tuple[str, ...]
    form: Form = UNCHANGED


Templates = Mapping[str, str | tuple[tuple[str, ...], Form]]
"""Released name -> the model's name, or names with a form.

`{i}` stands for each layer, and `qkv` for `query`, `key` and `value`, where a release has one tensor for the three. At
the end of a name of the model's `[{e}]` stands for each part of a stacked parameter, and `{e}` in the released name for
its number, where a release has a tensor for each expert. `[2:5]` stands for rows of a parameter, where a release has
several tensors for what is one here.
"""
QKV = ".qkv."
EACH, NUMBER = "[{e}]", "{e}"
PART = re.compile(r"\[(\d+)(?::(\d+))?\]$")


def whole_of(own: str) -> tuple[str, int | slice | None]:
    """The name of the parameter that a name means a part of, and the number of the part, or its rows.

    "up[3]" -> "up", 3, and "up[2:5]" -> "up", slice(2, 5).
    """
    found = PART.search(own)
    if not found:
        return own, None
    return own[: found.start()], slice(int(found[1]), int(found[2])) if found[2] else int(found[1])


def _parts(name: str, size: int, rows: Sequence[slice]) -> set[str]:
    """Names of all parts of a parameter of so many rows: each row, or what adds to these rows up to all of them."""
    covered = {row for part in rows for row in range(part.start, part.stop)}
    return {f"{name}[{row}]" for row in range(size) if row not in covered}


def shape_of(own: str, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of a parameter, or of a part of it."""
    name, part = whole_of(own)
    if isinstance(part, slice):
        return (part.stop - part.start, *shapes[name][1:])
    return shapes[name] if part is None else shapes[name][1:]


def released_tensors(templates: Templates, spec: Spec, shapes: Mapping[str, Shape]) -> list[Released]:
    """The released tensors of a model with parameters of these names and shapes.

    A template whose parameters the model lacks, such as a bias, is left out. Of several for one parameter, the last
    counts: a family that has fused what another stores apart says only that.

    Raises:
        HarnessError: a parameter of the model is in no released tensor.
    """
    fitting = [
        released
        for released in _expanded(templates, spec.dims.num_layers, shapes)
        if all(whole_of(own)[0] in shapes for own in released.own)
    ]
    last = {own: released for released in fitting for own in released.own}
    wanted = set(shapes)
    for name in {whole_of(own)[0] for own in last} - set(last):
        rows = [part for whole, part in map(whole_of, last) if whole == name and isinstance(part, slice)]
        wanted = wanted - {name} | _parts(name, shapes[name][0], rows)
    if missing := wanted - set(last):
        raise HarnessError(f"{spec.name}: the release has no tensor for {', '.join(sorted(missing)[:3])}")
    return [released for released in fitting if all(last[own] is released for own in released.own)]


def _expanded(templates: Templates, num_layers: int, shapes: Mapping[str, Shape]) -> Iterator[Released]:
    for name, target in templates.items():
        own, form = ((target,), UNCHANGED) if isinstance(target, str) else target
        if QKV in own[0]:
            own, form = tuple(own[0].replace(QKV, f".{part}.") for part in ("query", "key", "value")), Fused(form)
        for index in range(num_layers if "{i}" in name else 1):
            layer = str(index)
            in_layer, parts = name.replace("{i}", layer), tuple(text.replace("{i}", layer) for text in own)
            if not parts[0].endswith(EACH):
                yield Released(in_layer, parts, form)
                continue
            for number in range(shapes.get(parts[0].removesuffix(EACH), (0,))[0]):
                numbered = tuple(text.replace(NUMBER, str(number)) for text in parts)
                yield Released(in_layer.replace(NUMBER, str(number)), numbered, form)
