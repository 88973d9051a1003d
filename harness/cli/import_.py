"""`harness import`: a released config as a spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import Json, print_json


def import_config(
    config: Annotated[Path, typer.Argument(help="A config.json, or a checkpoint folder with one.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the spec; left out, the standard output.")] = None,
    name: Annotated[str | None, typer.Option(help="What the spec is called; left out, as its file or folder.")] = None,
    json: Json = False,
) -> None:
    """Translate a released config in the Hugging Face layout into a spec. Reads no weights.

    A config with a field that no spec can express is refused, and the field is named.
    """
    from harness.checkpoints.translate import document, import_config, spec_name
    from harness.files import write_atomically
    from harness.spec.emit import spec_text

    name = name or (out.stem if out else spec_name(config))
    import_config(config, name)
    data = document(config, name)
    if json:
        print_json(data)
    elif out:
        write_atomically(out, spec_text(data))
        print(f"{out}: written; `harness show {out}` shows it")
    else:
        sys.stdout.write(spec_text(data))
