"""The JSON Schema of a spec file, from the same classes that check it."""

from __future__ import annotations

from typing import Any

from harness.choices.axes import AXES, PER_LAYER
from harness.spec.check import SpecFile


def spec_schema() -> dict[str, Any]:
    """Schema of a file. A spec that extends another may leave anything out, so nothing but the name is required."""
    schema = SpecFile.model_json_schema()
    definitions = schema["$defs"]
    axes = {axis: _axis(axis, definitions) for axis in AXES}
    definitions["Dims"].pop("required")
    schema["required"] = ["name"]
    schema["properties"]["choices"] = _mapping(axes)
    schema["properties"]["blocks"] = {
        "type": "object",
        "additionalProperties": _mapping({axis: axes[axis] for axis in PER_LAYER}),
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "harness spec", **schema}


def _mapping(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _axis(axis: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A kind by name, a mapping with a kind and its options, or options that patch an inherited choice."""
    kinds = AXES[axis]
    options: dict[str, Any] = {}
    for kind in kinds.names():
        choice = kinds[kind].model_json_schema()
        definitions |= choice.pop("$defs", {})
        for option, allowed in choice.get("properties", {}).items():
            allowed.pop("default", None)
            options.setdefault(option, {"anyOf": []})["anyOf"].append({**allowed, "description": f"of {kind}"})
    patch = _mapping({"kind": {"enum": kinds.names()}, **options})
    return {"anyOf": [{"enum": kinds.names()}, patch]}
