"""Examples of every registered choice, made from the fields that it declares, and tiny models around them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, product
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import torch
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from torch import Tensor

from harness.choices.axes import AXES, Choices
from harness.choices.base import Choice, Dims
from harness.choices.mixers import Mixer
from harness.choices.patterns import Pattern
from harness.factory import build
from harness.modules.decoder import Decoder
from harness.spec.model import Spec

TINY = Dims(num_layers=3, hidden_size=32, vocab_size=61, max_seq_len=24)
T = 13
"""A ragged length: no power of two, no multiple of an option below."""

VALUES: dict[Any, tuple[object, ...]] = {
    bool: (False, True),
    int: (2, 3, 8),
    float: (0.25, 1.0, 4.0),
    NoneType: (None,),
}
MOST_COMBINATIONS = 2048
"""Of more than these, a fixed sample is taken."""

M = TypeVar("M", bound=BaseModel)

BASE = Choices(
    embedding=AXES["embedding"]["table"](),
    position=AXES["position"]["rope"](theta=10000),
    residual=AXES["residual"]["pre"](),
    norm=AXES["norm"]["rmsnorm"](eps=1e-5),
    mixer=AXES["mixer"]["softmax"](num_heads=4, bias=False),
    pattern=AXES["pattern"]["dense"](),
    mlp=AXES["mlp"]["swiglu"](intermediate_size=48, bias=False),
    experts=AXES["experts"]["none"](),
    head=AXES["head"]["untied"](),
    mtp=AXES["mtp"]["none"](),
    objective=AXES["objective"]["causal_lm"](),
)


@dataclass(frozen=True)
class Example:
    """One choice, to stand on its axis of the base model."""

    axis: str
    choice: Choice

    def __str__(self) -> str:
        options = [str(value) for value in self.choice.options().values()]
        return "-".join([self.axis, *options])


def candidates(annotation: Any) -> list[object]:
    """Values to try for a field of this type; those that the field refuses are sorted out later."""
    if get_origin(annotation) is Annotated:
        return candidates(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return [value for part in get_args(annotation) for value in candidates(part)]
    if get_origin(annotation) is tuple:  # a number for each of the 4 rotary pairs of a head of the base model
        return [(1.0,) * 4, (1.0, 1.5, 3.0, 4.0)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return mixers_to_try() if annotation is Mixer else list(made(annotation)[-2:])
    return list(VALUES[annotation])


def mixers_to_try() -> list[object]:
    """Some of every kind that is not made of mixers itself."""
    fields = {kind: AXES["mixer"][kind].model_fields.values() for kind in AXES["mixer"].names()}
    plain = [kind for kind, each in fields.items() if Mixer not in [field.annotation for field in each]]
    return [example.choice for kind in plain for example in examples("mixer", kind)[:2]]


def made(kind: type[M]) -> list[M]:
    """Combinations of candidates that the fields of a choice, or of an option of several fields, accept."""
    names = list(kind.model_fields)
    values = [candidates(field.annotation) for field in kind.model_fields.values()]
    combinations_ = list(product(*values))
    if len(combinations_) > MOST_COMBINATIONS:
        combinations_ = Random(0).sample(combinations_, MOST_COMBINATIONS)
    accepted = []
    for combination in combinations_:
        try:
            accepted.append(kind(**dict(zip(names, combination, strict=True))))
        except ValidationError:
            continue
    return accepted


def layer_with(axis: str, choice: Choice) -> Choices:
    """The base model's choices with another one on an axis."""
    changed: dict[str, Any] = {axis: choice}
    if axis == "head" and getattr(choice, "tied", False):
        changed["embedding"] = BASE.embedding.model_copy(update={"width": choice.width})  # type: ignore[attr-defined]
    return replace(BASE, **changed).tidied()


def problems(spec: Spec) -> list[tuple[str, str]]:
    """What the choices of a spec say against its sizes and one another."""
    layers = [spec.choices, *spec.blocks.values()]
    return [
        problem
        for layer in layers
        for axis, choice in layer.items()
        if layer.uses(axis)
        for problem in choice.problems(spec.dims, layer)
    ]


def covering(choices: Iterable[Choice]) -> list[Choice]:
    """Some of the choices, in which every pair of option values occurs that occurs in any."""
    pairs = {
        choice: set(combinations([("kind", choice.kind), *((k, str(v)) for k, v in choice)], 2)) for choice in choices
    }
    if not any(pairs.values()):
        return list(pairs)
    kept: list[Choice] = []
    while left := max(pairs.values(), key=len):
        kept.append(next(choice for choice, shown in pairs.items() if shown is left))
        pairs = {choice: shown - left for choice, shown in pairs.items()}
    return kept


@cache
def examples(axis: str, kind: str) -> list[Example]:
    """Examples of one kind that fit the base model."""
    fitting = [choice for choice in made(AXES[axis][kind]) if not problems(spec_with(axis, choice))]
    return [Example(axis, choice) for choice in covering(fitting)]


def spec_with(axis: str, choice: Choice, name: str = "tiny") -> Spec:
    """The tiny base model with another choice on an axis."""
    layer = layer_with(axis, choice)
    return Spec(
        name=name,
        title="Tiny",
        family="test",
        provenance="variant",
        about="",
        released="",
        sources={},
        training=(),
        claims=(),
        dims=TINY,
        choices=layer,
        blocks={"layer": layer},
        layers=("layer",),
    )


KINDS = [(axis, kind) for axis, registry in AXES.items() for kind in registry.names()]
EXAMPLES = [example for axis, kind in KINDS for example in examples(axis, kind)]


@cache
def spec_of(example: Example) -> Spec:
    """A tiny model with the example's choice."""
    return spec_with(example.axis, example.choice)


def lively(spec: Spec) -> Decoder:
    """The model in float64 with all weights far from their start: no bias is 0, no gain 1, attention not even."""
    model = build(spec, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model.eval()


@cache
def model_of(example: Example) -> Decoder:
    """The lively model of an example; no test changes it."""
    return lively(spec_of(example))


def tokens_for(spec: Spec, batch_size: int, length: int = T) -> Tensor:
    """Random tokens, [B, T]."""
    generator = torch.Generator().manual_seed(2)
    return torch.randint(spec.dims.vocab_size, (batch_size, length), generator=generator)


def in_chunks(model: Decoder, tokens: Tensor, chunks: Iterable[int], context: int = 0) -> Tensor:
    """Logits of a text that passes through a cache piece by piece, [B, T, V]."""
    cached = model.new_cache()
    pieces = tokens.split(list(chunks), dim=1)
    with torch.no_grad():
        return torch.cat([model(piece, context=context, cache=cached) for piece in pieces], dim=1)


def every_pattern() -> st.SearchStrategy[Pattern]:
    """A registered pattern with any small options."""
    kinds = [AXES["pattern"][kind] for kind in AXES["pattern"].names()]
    drawn = st.sampled_from(kinds).flatmap(
        lambda kind: st.builds(
            kind,
            **{
                name: st.integers(1, 9) if field.annotation is int else st.sampled_from(candidates(field.annotation))
                for name, field in kind.model_fields.items()
            },
        )
    )
    return drawn.filter(lambda pattern: not problems(spec_with("pattern", pattern)))
