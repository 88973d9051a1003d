"""`harness import`: a released config as a spec."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import Json, print_json
from harness.errors import HarnessError

SPEC_ENDINGS = (".yaml", ".yml")
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""Endings of files with weights; those that are pickles are refused where they lie alone."""


def import_config(
    config: Annotated[Path, typer.Argument(help="A config.json, a checkpoint folder with one, or a file in GGUF.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the spec; left out, the standard output.")] = None,
    name: Annotated[str | None, typer.Option(help="What the spec is called; left out, as its file or folder.")] = None,
    json: Json = False,
) -> None:
    """Translate a released config in the Hugging Face layout into a spec.

    A config with a field that no spec can express is refused, and the field is named. Where the weights lie beside it,
    every tensor is held against the spec by its name and shape, unless they are quantised; no weight is read.
    """
    from harness.checkpoints.translate import document, import_config, spec_name
    from harness.files import write_atomically
    from harness.spec.emit import document_of, spec_text

    if out and out.suffix not in SPEC_ENDINGS:
        raise HarnessError(f"--out: found {out.name!r}, expected a name that ends with {' or '.join(SPEC_ENDINGS)}")
    name = name or (out.stem if out else spec_name(config))
    if _has_weights(config) and not _quantised(config):
        from harness.checkpoints.load import check_checkpoint

        data = document_of(replace(check_checkpoint(config), name=name))
    else:
        import_config(config, name)
        data = document(config, name)
    if json:
        print_json(data)
    elif out:
        write_atomically(out, spec_text(data))
        print(f"{out}: written; `harness show {out}` shows it")
    else:
        sys.stdout.write(spec_text(data))


def _quantised(path: Path) -> bool:
    """Whether the weights are stored rounded, so that their tensors are not those of the architecture."""
    from harness.checkpoints.config import read_config
    from harness.checkpoints.unread import quantised
    from harness.checkpoints.wrappers import text_of

    if path.suffix == ".gguf":
        return False
    fields = read_config(path)
    return bool(quantised(fields) or quantised(text_of(fields).fields))


def _has_weights(path: Path) -> bool:
    """Whether there are weights, or files that pass for them, so that they can be checked too."""
    return path.suffix == ".gguf" or any(file.suffix in WEIGHTS for file in path.glob("*"))
