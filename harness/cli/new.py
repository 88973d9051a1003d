"""`harness new`: a spec of one's own to begin with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harness.choices.axes import AXES, IMPLIED
from harness.cli import completion
from harness.errors import HarnessError
from harness.files import write_atomically
from harness.spec.check import spec_from_tree
from harness.spec.emit import document_of, spec_text
from harness.spec.library import library_folder, load_spec, spec_names
from harness.spec.model import Spec
from harness.spec.tree import tree_of

INTRODUCTION = """\
# yaml-language-server: $schema={schema}
# {name} is {parent} but for what is stated here. Below stands in comments what {parent} has: to change a choice, take
# the # from its line and from the line of `choices:`. Of a choice of the same kind, what changes is enough, such as
# `mixer: {{num_kv_heads: 4}}`; one of another kind needs all its options.
{head}# about: what is tried, and why
"""


def new(
    name: Annotated[str, typer.Argument(help="What the spec is called; its file is NAME.yaml in this folder.")],
    parent: Annotated[
        str,
        typer.Option(
            "--from", help="The spec to change: of the library, or of this folder.", autocompletion=completion.specs
        ),
    ] = "llama-7b",
) -> None:
    """Write a spec that extends another, with all that can be changed in comments."""
    path = Path(f"{name}.yaml")
    if name in spec_names():
        raise HarnessError(f"{name!r} is a spec of the library; choose another name")
    parent = parent.removesuffix(".yaml")
    beside = Path(f"{parent}.yaml")
    if beside.name != str(beside):
        raise HarnessError(f"--from: found {parent!r}, expected the name of a spec or of a file in this folder")
    text = starting_text(name, parent, load_spec(beside if beside.is_file() else parent))
    if os.path.lexists(path):
        raise HarnessError(f"{path}: exists already, and is not overwritten; choose another name")
    write_atomically(path, text)
    print(f"{path}: written; `harness check {path}` tells mistakes, `harness diff {parent} {path}` what it changes")


def starting_text(name: str, parent: str, spec: Spec) -> str:
    """The text of a spec that changes nothing yet.

    Args:
        name: of the new spec.
        parent: by which it names the spec that it extends.
        spec: that spec.

    Raises:
        SpecError: the name is none that a spec can have.
    """
    whole = document_of(spec)
    spec_from_tree(tree_of({**whole, "name": name}, f"{name}.yaml"))
    stated = IMPLIED | whole["choices"]
    whole["choices"] = {axis: stated[axis] for axis in AXES if axis in stated}
    head = spec_text({"name": name, "title": name, "extends": parent})
    lines = [INTRODUCTION.format(schema=_schema(), name=name, parent=parent, head=head)]
    for key in ("dims", "choices", "blocks", "layers"):
        for line in spec_text({key: whole[key]}).splitlines() if key in whole else ():
            axis = line.split(":")[0].strip()
            if key == "choices" and axis in AXES:
                lines.append(f"#   # kinds of {axis}: {', '.join(AXES[axis].names())}")
            lines.append(f"# {line}")
    return "\n".join(lines) + "\n"


def _schema() -> str:
    """Where editors find the schema: beside the specs of the library, relative to a file in the same checkout."""
    schema, here = library_folder() / "schema.json", Path.cwd()
    return os.path.relpath(schema, here) if here.is_relative_to(library_folder().parent) else str(schema)
