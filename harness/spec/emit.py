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
    architecture = spec.architecture
    said = {"title": spec.title, "family": spec.family, "provenance": spec.provenance, "about": spec.about}
    return {
        "name": spec.name,
        **{key: value for key, value in said.items() if value},
        "sources": {key: {"title": source.title, "url": source.url} for key, source in spec.sources.items()},
        "dims": architecture["dims"],
        "choices": architecture["choices"],
        "blocks": architecture["blocks"],
        "layers": architecture["layers"],
    }


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
        inline = CommentedMap({key: _inline(part) for key, part in value.items() if part is not None})
        inline.fa.set_flow_style()
        return inline
    if isinstance(value, list):
        items = CommentedSeq(map(_inline, value))
        items.fa.set_flow_style()
        return items
    return value
