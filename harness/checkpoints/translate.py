"""From a released config to a spec. Needs neither torch nor transformers, and reads no weights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from harness.checkpoints.config import Config, ObstacleError, read_config
from harness.checkpoints.families import Document, Family, families
from harness.checkpoints.refused import REFUSED
from harness.checkpoints.said import channels, said
from harness.checkpoints.wrappers import PARTS, text_of
from harness.errors import HarnessError, did_you_mean
from harness.spec.check import spec_from_tree
from harness.spec.model import Spec
from harness.spec.tree import tree_of


def import_config(config: dict[str, Any] | str | Path, name: str | None = None) -> Spec:
    """The spec of a released config.

    Args:
        config: the fields, or the path of a `config.json` or of a folder with one.
        name: what the spec is called; left out, as its folder.

    Raises:
        HarnessError: the family is unknown, or a field means something that no spec can express; it is named.
    """
    return spec_from_tree(tree_of(document(config, name), _file(config)))


def document(config: dict[str, Any] | str | Path, name: str | None = None) -> dict[str, Any]:
    """The spec of a released config as plain data, in the order of a spec file. Raises as `import_config`."""
    fields, file = config if isinstance(config, dict) else read_config(config), _file(config)
    text = text_of(fields)
    family = family_of(text.fields, file)
    sizes = vars(type(family)).get("sizes", {}) if text.part else {}
    defaults = {**sizes, **family.defaults}
    translated = _translated(family, {**defaults, **text.fields}, file, text.path)
    title, url = family.source
    return {
        "name": name or ("imported" if isinstance(config, dict) else spec_name(Path(config))),
        "family": family.called or text.fields["model_type"],
        "provenance": "imported",
        **({"about": about} if (about := " ".join(filter(None, (text.about, _other_heads(text.fields))))) else {}),
        "sources": {"layout": {"title": title, "url": url}},
        **_in_rounds(translated),
    }


def _translated(family: Family, fields: dict[str, Any], file: str, path: str) -> Document:
    """What the family makes of the fields.

    A field that stands in the way is noted and left out of the next try, so that all such fields are found.

    Raises:
        HarnessError: with all of them, or with what is missing or of a size that makes no sense.
    """
    obstacles: dict[str, ObstacleError] = {}
    while True:
        reader = Config(fields, file, path)
        try:
            translated = family.document(reader)
            unread = reader.unread(said(translated))
            plain = _plain(translated)
        except ObstacleError as obstacle:
            if obstacle.field in obstacles:
                raise _together(list(obstacles.values()), file) from None
            obstacles[obstacle.field] = obstacle
            fields = _without(fields, obstacle.field.removeprefix(path).split("."))
        except (TypeError, ValueError, ArithmeticError, AttributeError, HarnessError) as error:
            if obstacles:
                raise _together(list(obstacles.values()), file) from None
            if isinstance(error, HarnessError):
                raise
            reason = f"{type(error).__name__}: {error}"
            raise HarnessError(f"{file}: a field has a value of another type or size than expected: {reason}") from None
        else:
            break
    if found := [*obstacles.values(), *unread]:
        raise _together(found, file)
    return plain


def _other_heads(fields: dict[str, Any]) -> str:
    """Sentences about heads of a release that stand in place of one for the next token; empty where there are none."""
    stated = fields.get("architectures")
    names = [name for name in stated if isinstance(name, str)] if isinstance(stated, list) else []
    return " ".join(
        f"The release is a {name}; here it has a head for the next token." for name in names if OTHER_HEAD.search(name)
    )


def _plain(translated: Document) -> Document:
    """The document without a factor of the scores that is the usual one."""
    choices, blocks = translated["choices"], translated.get("blocks", {})
    for holder in (choices, *blocks.values()):
        attention = holder.get("mixer")
        softmax = isinstance(attention, dict) and attention["kind"] == "softmax" and attention.get("scale")
        if softmax and attention["scale"] == (channels(translated) or 0) ** -0.5:
            holder["mixer"] = {name: value for name, value in attention.items() if name != "scale"}
    return translated


def _without(fields: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """The fields without one, which may stand in another."""
    first, *rest = path
    kept = {name: value for name, value in fields.items() if name != first}
    return {**kept, first: _without(fields[first], rest)} if rest and isinstance(fields.get(first), dict) else kept


def _together(obstacles: list[ObstacleError], file: str) -> HarnessError:
    """One error that names all fields that stand in the way."""
    if len(obstacles) == 1:
        return obstacles[0]
    reasons = "".join(f"\n  {obstacle.reason}" for obstacle in obstacles)
    return HarnessError(f"{file}: {len(obstacles)} fields stand in the way:{reasons}")


def _in_rounds(translated: Document) -> Document:
    """The document with one round of its layers where they repeat, even if the last round is not whole."""
    layers = translated.get("layers")
    if not layers:
        return translated
    whole = range(1, len(layers) + 1)
    period = next(n for n in whole if all(layer == layers[i % n] for i, layer in enumerate(layers)))
    return {**translated, "layers": layers[:period]}


def family_of(fields: dict[str, Any], file: str) -> Family:
    """The family of a config by its `model_type`.

    Raises:
        HarnessError: the config names none, or one that is not imported, or that is not known.
    """
    kind = fields.get("model_type")
    if kind is None:
        raise HarnessError(f"{file}: missing field 'model_type'")
    if not isinstance(kind, str):
        raise HarnessError(f"{file}: field 'model_type' = {json.dumps(kind)}: expected a word")
    if kind in REFUSED:
        raise HarnessError(f"{file}: model_type {kind!r} cannot be imported: {REFUSED[kind]}")
    if kind not in families.names():
        held = _held(fields)
        if held:
            raise HarnessError(f"{file}: model_type {kind!r} cannot be imported: {' and '.join(held)}")
        raise HarnessError(f"{file}: unknown model_type {kind!r}; {did_you_mean(kind, families.names())}")
    return families[kind]()


OTHER_HEAD = re.compile(r"For(Sequence|Token)Classification$|ForQuestionAnswering$|(?<!LMHead)(?<!ChatGLM)Model$")
"""Classes of transformers that end without a head for the next token. ChatGLM's release calls one with a head so."""

HELD = {
    "an encoder": ("is_encoder_decoder", "num_encoder_layers", "encoder_layers", "encoder"),
    "attention to some keys that are picked": ("sparse_attention_config", "index_topk"),
    "images": ("vision_config",),
}
"""What no spec expresses -> fields that tell of it."""


def _held(fields: dict[str, Any]) -> list[str]:
    """What the fields of an unknown kind, or of the text model in it, say of things that no spec expresses."""
    part: dict[str, Any] = next((fields[name] for name in PARTS if isinstance(fields.get(name), dict)), {})
    return [what for what, names in HELD.items() if any(fields.get(name) or part.get(name) for name in names)]


def spec_name(path: Path) -> str:
    """A spec's name from that of a folder, or of a file that is not called config.json."""
    path = path.resolve()
    word = path.parent.name if path.name == "config.json" else path.stem if path.is_file() else path.name
    return (
        "".join(c if (c.isalnum() and c.isascii()) or c in "._-" else "-" for c in word.lower()).lstrip("._-")
        or "imported"
    )


def _file(config: dict[str, Any] | str | Path) -> str:
    return "config" if isinstance(config, dict) else str(config)
