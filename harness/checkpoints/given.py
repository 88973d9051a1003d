"""What a user names: a spec by its name or file, or a release by its `config.json`, its folder, or a file in GGUF."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.checkpoints.config import read_config
from harness.checkpoints.translate import import_config
from harness.checkpoints.unread import quantised
from harness.checkpoints.wrappers import text_of
from harness.errors import HarnessError
from harness.spec.check import spec_from_tree
from harness.spec.emit import document_of
from harness.spec.library import find_specs, load_spec, spec_names
from harness.spec.model import Provenance, Spec
from harness.spec.tree import tree_of

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Endings of files with weights; those that are pickles are refused where they lie alone."""


def find(patterns: list[str]) -> list[str]:
    """What a list of names, globs and paths stands for, each once; none means all specs of the library.

    Raises:
        HarnessError: one of them stands for nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns or ["*"]:
        found |= dict.fromkeys([pattern] if _is_release(pattern) else find_specs([pattern]))
    return list(found)


def load(name_or_path: str | Path) -> Spec:
    """The spec of what is named. Raises as `load_spec` and `spec_of_release`."""
    text = str(name_or_path)
    return spec_of_release(Path(text)) if _is_release(text) else load_spec(text)


def spec_of_release(path: Path, name: str | None = None, provenance: Provenance | None = None) -> Spec:
    """Translate a release.

    Where weights lie in the folder, every tensor is held against the spec by its name and shape, and a head that is
    stored apart from the table counts, whatever the config says, unless they are quantised; no other weight is read.

    Args:
        path: a `config.json`, a folder with one or with a `spec.yaml`, or a file in GGUF.
        name: what the spec is called; left out, as its file or folder.
        provenance: how the architecture is known; left out, as something imported.

    Raises:
        HarnessError: no spec can express it, the field is named; or the tensors do not fit.
    """
    has_weights = any(file.suffix in WEIGHTS for file in path.glob("*"))
    if path.suffix == ".gguf" or (has_weights and not _quantised(path)):
        from harness.checkpoints.load import check_checkpoint

        spec = check_checkpoint(path)
    else:
        spec = import_config(path)
    if name:
        spec = replace(spec, name=name, title=name if spec.title == spec.name else spec.title)
        spec_from_tree(tree_of(document_of(spec), str(path)))  # is it one?
    return replace(spec, provenance=provenance or spec.provenance)


def _quantised(path: Path) -> bool:
    """Whether the weights of a folder are stored rounded, so that their tensors are not those of the architecture."""
    if not (path / "config.json").is_file():
        return False
    fields = read_config(path)
    return bool(quantised(fields) or quantised(text_of(fields).fields))


def _is_release(text: str) -> bool:
    path = Path(text)
    if text in spec_names():
        return False
    if path.suffix in (".json", ".gguf") or path.is_dir():
        return True
    if path.name != text and path.suffix not in (".yaml", ".yml") and not set("*?[") & set(text) and not path.exists():
        raise HarnessError(f"{text}: there is no such file or folder, and no spec is called so")
    return False
