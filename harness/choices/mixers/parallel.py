"""Attention and a recurrence side by side: Zuo et al. 2025 (Falcon-H1), https://arxiv.org/abs/2507.22448"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PositiveFloat
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from harness.choices.base import Dims, Scaling, Source
from harness.choices.mixers import Mixer, Pass, State, mixers

if TYPE_CHECKING:
    from harness.choices.axes import Choices
    from harness.choices.norms import Norm


@dataclass(frozen=True)
class OneOf:
    """Marks an option that is a mixer itself, written with its kind: those that attend, or those that are recurrent."""

    recurrent: bool

    @property
    def kinds(self) -> dict[str, type[Mixer]]:
        """The mixers that it can be. One that is both is made of two, and is no part."""
        known = {kind: mixers[kind] for kind in mixers.names()}
        return {
            kind: mixer
            for kind, mixer in known.items()
            if (mixer.recurrent, mixer.uses_pattern) == (self.recurrent, not self.recurrent)
        }

    def read(self, given: object) -> Mixer:
        """The mixer that plain data, or a mixer, stands for."""
        stated = given.options() if isinstance(given, Mixer) else given
        if not isinstance(stated, Mapping):
            raise PydanticKnownError("dict_type")
        kinds, kind = self.kinds, stated.get("kind")
        if kind is None:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "'kind'"})
        if kind not in kinds:
            tags = {"discriminator": "'kind'", "tag": str(kind), "expected_tags": ", ".join(map(repr, kinds))}
            raise PydanticKnownError("union_tag_invalid", tags)
        return kinds[kind].model_validate({option: value for option, value in stated.items() if option != "kind"})

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read as above, written as a kind and its options."""
        written = core_schema.plain_serializer_function_ser_schema(lambda mixer: mixer.options())
        return core_schema.no_info_plain_validator_function(self.read, serialization=written)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Any of the kinds with its options. None is required: a patch may leave out what it takes over."""
        allowed = []
        for kind, mixer in self.kinds.items():
            options = handler.resolve_ref_schema(handler(mixer.__pydantic_core_schema__))
            stated = {option: {**each} for option, each in options["properties"].items()}
            for each in stated.values():
                each.pop("default", None)
            properties = {"kind": {"const": kind}, **stated}
            allowed.append({"type": "object", "properties": properties, "additionalProperties": False})
        return {"anyOf": allowed}


@mixers.register("parallel")
class Parallel(Mixer):
    """a_out attention(a_in x) + r_out recurrence(r_in x), both of the same normalised x.

    What it costs and keeps is the sum of the two; heads, positions and the pattern are those of the attention.

    Attributes:
        attention: a mixer that attends, with its kind.
        recurrence: a recurrent mixer, with its kind.
        attention_in_scale: a_in, a fixed number as are the other three; the releases choose them by the width, so that
            one learning rate serves all sizes.
        attention_out_scale: a_out.
        recurrence_in_scale: r_in.
        recurrence_out_scale: r_out.
    """

    kind = "parallel"
    source = Source(
        "Falcon-H1: A Family of Hybrid-Head Language Models Redefining Efficiency and Performance",
        "https://arxiv.org/abs/2507.22448",
    )

    short = "attention + recurrence"
    uses_pattern = True
    uses_position = True
    recurrent = True

    attention: Annotated[Mixer, OneOf(recurrent=False)]
    recurrence: Annotated[Mixer, OneOf(recurrent=True)]
    attention_in_scale: PositiveFloat = 1.0
    attention_out_scale: PositiveFloat = 1.0
    recurrence_in_scale: PositiveFloat = 1.0
    recurrence_out_scale: PositiveFloat = 1.0

    def parts(self, layer: Choices) -> dict[str, tuple[Mixer, Choices]]:
        """Both mixers by their option, each with the layer as it would be with that mixer alone."""
        both = {"attention": self.attention, "recurrence": self.recurrence}
        return {option: (mixer, replace(layer, mixer=mixer)) for option, mixer in both.items()}

    def position_channels(self, dims: Dims) -> int:
        """Those of the attention."""
        return self.attention.position_channels(dims)

    def heads(self, dims: Dims) -> dict[str, int]:
        """Those of the attention."""
        return self.attention.heads(dims)

    def params(self, dims: Dims) -> int:
        """Of both."""
        return self.attention.params(dims) + self.recurrence.params(dims)

    def norm_params(self, norm: Norm, dims: Dims) -> int:
        """Of both."""
        return self.attention.norm_params(norm, dims) + self.recurrence.norm_params(norm, dims)

    def flops(self, dims: Dims, layer: Choices, p: Pass) -> int:
        """Of both. The factors and the sum are element-wise."""
        return sum(mixer.flops(dims, alone, p) for mixer, alone in self.parts(layer).values())

    def pairs(self, layer: Choices, p: Pass) -> int:
        """Those of the attention."""
        return sum(mixer.pairs(alone, p) for mixer, alone in self.parts(layer).values())

    def state(self, dims: Dims, layer: Choices, n: int) -> State:
        """Of both."""
        states = (mixer.state(dims, alone, n) for mixer, alone in self.parts(layer).values())
        return sum(states, State())

    def peak_state(self, dims: Dims, layer: Choices, n: int) -> State:
        """Of both."""
        states = (mixer.peak_state(dims, alone, n) for mixer, alone in self.parts(layer).values())
        return sum(states, State())

    def problems(self, dims: Dims, choices: Choices) -> Iterator[tuple[str, str]]:
        """Those of both, each at its place."""
        for part, (mixer, alone) in self.parts(choices).items():
            for option, message in mixer.problems(dims, alone):
                yield f"{part}.{option}", message

    def settled(self, dims: Dims) -> Parallel:
        """Both settled."""
        return self._with(self.attention.settled(dims), self.recurrence.settled(dims))

    def scaled(self, scaling: Scaling) -> Parallel:
        """Both scaled."""
        return self._with(self.attention.scaled(scaling), self.recurrence.scaled(scaling))

    def widened(self, factor: float) -> Parallel:
        """Both widened, as far as they can be."""
        return self._with(self.attention.widened(factor), self.recurrence.widened(factor))

    def _with(self, attention: Mixer, recurrence: Mixer) -> Parallel:
        return self.model_copy(update={"attention": attention, "recurrence": recurrence})
