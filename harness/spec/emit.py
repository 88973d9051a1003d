"""A spec as the text of its file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from harness.choices.axes import IMPLIED
from harness.choices.base import Choice
from harness.spec.check import DEFAULT_BLOCK
from harness.spec.model import Spec

WIDTH = 120


def document_of(spec: Spec) -> dict[str, Any]:
    """A spec as plain data that stands on its own: what it inherited is written out. Claims are left out.

    So are options that are what they are where nothing is said, and blocks where there are none to tell apart.
    """
    said = {
        "title": spec.title if spec.title != spec.name else "",
        "family": spec.family,
        "provenance": spec.provenance,
        "about": spec.about,
    }
    used = [axis for axis, _ in spec.choices.items() if any(layer.uses(axis) for layer, _ in spec.counted_layers)]
    model = {axis: _stated(choice) for axis, choice in spec.choices.items() if axis in used}
    blocks = {
        name: {
            axis: _stated(choice, below)
            for (axis, choice), (_, below) in zip(block.items(), spec.choices.items(), strict=True)
            if choice != below and block.uses(axis)
        }
        for name, block in spec.blocks.items()
    }
    alike = spec.layers == (DEFAULT_BLOCK,) and not blocks[DEFAULT_BLOCK]
    return {
        "name": spec.name,
        **{key: value for key, value in said.items() if value},
        "sources": {key: {"title": source.title, "url": source.url} for key, source in spec.sources.items()},
        "dims": spec.dims.model_dump(),
        "choices": {axis: stated for axis, stated in model.items() if IMPLIED.get(axis) != stated},
        **({} if alike else {"blocks": blocks, "layers": runs(spec.layers)}),
        **({"context_tokens": spec.context_tokens.model_dump()} if spec.context_tokens else {}),
    }


def runs(layers: Sequence[str]) -> list[str | dict[str, int]]:
    """Names of blocks as a file lists them: the same name more than twice in a row as the name and how often."""
    counted = ((name, len(list(group))) for name, group in groupby(layers))
    entries: Iterator[list[str | dict[str, int]]] = (
        [{name: count}] if count > 2 else [name] * count for name, count in counted
    )
    return list(chain.from_iterable(entries))


def _stated(choice: Choice, below: Choice | None = None) -> dict[str, object] | str:
    """The options of a choice that must be written where it patches another, or none; a kind alone as a word."""
    inherited = below.options() if below and below.kind == choice.kind else {}
    fields = type(choice).model_fields
    unsaid = {option: fields[option].default for option in inherited if option in fields}
    options = {
        option: value
        for option, value in {**unsaid, **choice.options()}.items()
        if option == "kind" or value != fields[option].default or inherited.get(option, value) != value
    }
    for option, part in choice:
        if isinstance(part, Choice):
            options[option] = _stated(part, getattr(below, option) if inherited else None)
    return choice.kind if len(options) == 1 else options


def spec_text(document: dict[str, Any]) -> str:
    """YAML of a spec given as plain data: its outline in blocks, each source and choice on a line of its own."""
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(_outline(document), stream)
    return stream.getvalue()


def _outline(document: dict[str, Any]) -> CommentedMap:
    lined = {"sources", "choices", "blocks"}
    outline = CommentedMap()
    for key, value in document.items():
        outline[key] = CommentedMap({k: _inline(v) for k, v in value.items()}) if key in lined else _inline(value)
    return outline


def _inline(value: Any) -> Any:
    if isinstance(value, dict):
        inline = CommentedMap({key: _inline(part) for key, part in value.items()})
        inline.fa.set_flow_style()
        return inline
    if isinstance(value, list):
        items = CommentedSeq(map(_inline, value))
        items.fa.set_flow_style()
        return items
    return value
