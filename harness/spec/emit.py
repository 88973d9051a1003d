"""A spec as the text of its file."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from harness.spec.model import Spec

WIDTH = 120


def document_of(spec: Spec) -> dict[str, Any]:
    """A spec as plain data that stands on its own: what it inherited is written out. Claims are left out."""
    model = {axis: choice.options() for axis, choice in spec.choices.items()}
    blocks = {
        name: {axis: choice.options() for axis, choice in block.items() if choice.options() != model[axis]}
        for name, block in spec.blocks.items()
    }
    said = {
        "title": spec.title if spec.title != spec.name else "",
        "family": spec.family,
        "provenance": spec.provenance,
        "about": spec.about,
    }
    return {
        "name": spec.name,
        **{key: value for key, value in said.items() if value},
        "sources": {key: {"title": source.title, "url": source.url} for key, source in spec.sources.items()},
        "dims": spec.dims.model_dump(),
        "choices": {axis: _stated(options, {}) for axis, options in model.items()},
        "blocks": {
            name: {axis: _stated(options, model[axis]) for axis, options in block.items()}
            for name, block in blocks.items()
        },
        "layers": list(spec.layers),
        **({"context_tokens": spec.context_tokens.model_dump()} if spec.context_tokens else {}),
    }


def _stated(options: dict[str, object], inherited: dict[str, object]) -> dict[str, object]:
    """What must be written: an option that is none is left out, unless something is inherited in its place."""
    below = inherited if inherited.get("kind") == options["kind"] else {}
    return {key: value for key, value in options.items() if value is not None or below.get(key) is not None}


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
