"""From a released config to a spec. Needs neither torch nor transformers, and reads no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.checkpoints.config import Config, read_config
from harness.checkpoints.families import Family, families
from harness.checkpoints.refused import REFUSED
from harness.errors import HarnessError
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
    fields = config if isinstance(config, dict) else read_config(config)
    family = family_of(fields, _file(config))
    reader = Config({**family.defaults, **fields}, _file(config))
    try:
        translated = family.document(reader)
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise HarnessError(
            f"{_file(config)}: a field has a value of another type or size than expected: {reason}"
        ) from None
    reader.finish()
    title, url = family.source
    return {
        "name": name or ("imported" if isinstance(config, dict) else spec_name(Path(config))),
        "family": family.called or fields["model_type"],
        "provenance": "imported",
        "sources": {"layout": {"title": title, "url": url}},
        **translated,
    }


def family_of(fields: dict[str, Any], file: str) -> Family:
    """The family of a config by its `model_type`.

    Raises:
        HarnessError: the config names none, or one that no spec can express, or that is not known.
    """
    kind = fields.get("model_type")
    if not isinstance(kind, str):
        raise HarnessError(f"{file}: missing field 'model_type'")
    if kind in REFUSED:
        raise HarnessError(f"{file}: model_type {kind!r} cannot be expressed by a spec: {REFUSED[kind]}")
    try:
        return families[kind]()
    except HarnessError as error:
        raise HarnessError(f"{file}: {error}") from None


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
