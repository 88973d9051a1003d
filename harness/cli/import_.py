"""`harness import`: a released config as a spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import Json, print_json
from harness.errors import HarnessError
from harness.spec.model import Provenance

SPEC_ENDINGS = (".yaml", ".yml")


def import_config(
    config: Annotated[Path, typer.Argument(help="A config.json, a checkpoint folder with one, or a file in GGUF.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the spec; left out, the standard output.")] = None,
    name: Annotated[str | None, typer.Option(help="What the spec is called; left out, as its file or folder.")] = None,
    provenance: Annotated[Provenance, typer.Option(help="How the architecture is known.")] = "imported",
    json: Json = False,
) -> None:
    """Translate a released config in the Hugging Face layout into a spec.

    A config with a field that no spec can express is refused, and the field is named. Where the weights lie beside it,
    every tensor is held against the spec by its name and shape, unless they are quantised; no weight is read.
    """
    from harness.checkpoints.given import spec_of_release
    from harness.files import write_atomically
    from harness.spec.emit import document_of, spec_text

    if out and out.suffix not in SPEC_ENDINGS:
        raise HarnessError(f"--out: found {str(out)!r}, expected a name that ends with {' or '.join(SPEC_ENDINGS)}")
    spec = spec_of_release(config, name or (out.stem if out else None), provenance)
    data = document_of(spec)
    if json:
        print_json(data)
    elif out:
        write_atomically(out, spec_text(data))
        print(f"{out}: written; `harness show {out}` shows it")
    else:
        sys.stdout.write(spec_text(data))
