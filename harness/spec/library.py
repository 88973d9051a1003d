"""Finding specs by name or path, and resolving what they extend."""

from __future__ import annotations

import fnmatch
from functools import cache
from pathlib import Path

from harness.errors import HarnessError, Problem, SpecError, nearest
from harness.spec.blame import Member, blamed
from harness.spec.check import mistakes_alone, spec_from_tree
from harness.spec.merge import merged
from harness.spec.model import Spec
from harness.spec.tree import Tree, read_tree

LONGEST_NAME = 200
"""Characters of a spec's name; the system refuses to look for a file with many more."""


def library_folder() -> Path:
    """The folder of the specs that come with the program: in a checkout `specs`, else inside the package."""
    package = Path(__file__).parent.parent
    checkout = package.parent / "specs"
    return checkout if checkout.is_dir() else package / "_specs"


@cache
def _library_tree(path: Path) -> Tree:
    return read_tree(path)


@cache
def _library() -> dict[str, Path]:
    """Name -> file of every spec that comes with the program."""
    files: dict[str, Path] = {}
    for path in sorted(library_folder().rglob("*.yaml")):
        if path.stem in files:
            raise HarnessError(f"two specs are called {path.stem!r}: {files[path.stem]} and {path}")
        files[path.stem] = path
    return files


def spec_names() -> list[str]:
    """The names of all specs that come with the program, family by family."""
    return list(_library())


@cache
def trained_names(profile: str) -> tuple[str, ...]:
    """The names of some specs that stand for the rest where measuring one takes long, as `profiles.yaml` lists them."""
    listed = read_tree(Path(__file__).with_name("profiles.yaml")).plain()
    return (*listed["quick"], *(listed["full"] if profile == "full" else ()))


def find_specs(patterns: list[str]) -> list[str]:
    """Names and paths that a list of names, paths and globs stands for, each once; none means all.

    Raises:
        HarnessError: one of them stands for nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns or ["*"]:
        matches = [pattern] if _is_path(pattern) else fnmatch.filter(spec_names(), pattern)
        if not matches:
            raise HarnessError(f"no spec is called {pattern!r}; {_nearest(pattern)}")
        found |= dict.fromkeys(matches)
    return list(found)


def load_spec(name_or_path: str | Path) -> Spec:
    """Read, resolve and check a spec.

    Args:
        name_or_path: the name of a spec that comes with the program, or a path to a YAML file (anything that ends
            in .yaml or .yml). What a file extends is looked for beside it first, then in the library.

    Raises:
        SpecError: the file has mistakes; all of them, each with line and column.
        HarnessError: there is no such spec.
    """
    text = str(name_or_path)
    if _is_path(text):
        path = Path(text)
    elif text in _library():
        path = _library()[text]
    else:
        raise HarnessError(f"no spec is called {text!r}; {_nearest(text)}")
    problems: list[Problem] = []
    family = _family(path, (), problems)
    try:
        spec = spec_from_tree(family[0].whole)
    except SpecError as error:
        told = {(each.file, each.line, each.column) for each in problems}
        placed = [blamed(problem, family) for problem in error.problems]
        problems += [each for each in placed if (each.file, each.line, each.column) not in told]
    if problems:
        raise SpecError(problems)
    return spec


def _is_path(text: str) -> bool:
    return text.endswith((".yaml", ".yml"))


def _nearest(name: str) -> str:
    return nearest(name, spec_names()) or "`harness list` shows all names; paths end in .yaml, .json or .gguf"


def _family(path: Path, children: tuple[Path, ...], problems: list[Problem]) -> list[Member]:
    """A file and all that it extends, from the file on; what a spec may not use in them is added to `problems`.

    Raises:
        SpecError: one of them extends what is no spec; all that can be told of the files without that.
    """
    tree = _library_tree(path) if path == _library().get(path.stem) else read_tree(path, problems)
    parent = tree.get("extends")
    if parent is None or not isinstance(parent.value, str):
        return [Member(tree, tree)]
    chain = (*children, path.resolve())
    try:
        parent_path = _parent_path(parent, path)
        if parent_path.resolve() in chain:
            names = " -> ".join([p.stem for p in chain[chain.index(parent_path.resolve()) :]] + [parent_path.stem])
            raise SpecError([parent.mark.problem(f"extends itself: {names}")])
        older = _family(parent_path, chain, problems)
    except SpecError as error:
        raise SpecError([*problems, *error.problems, *mistakes_alone(tree)]) from None
    return [Member(tree, merged(older[0].whole, tree)), *older]


def _parent_path(parent: Tree, child: Path) -> Path:
    for suffix in (".yaml", ".yml") if len(parent.value) <= LONGEST_NAME else ():
        beside = child.parent / f"{Path(parent.value).name}{suffix}"
        if beside.name == f"{parent.value}{suffix}" and beside.is_file() and beside.resolve() != child.resolve():
            return beside
    if parent.value == child.stem and parent.value not in _library():
        return child
    if parent.value not in _library():
        siblings = [path.stem for path in sorted(child.parent.glob("*.y*ml")) if path.stem != child.stem]
        advice = nearest(parent.value, [*siblings, *spec_names()])
        advice = advice or "name a file beside this one, without its .yaml, or a spec that `harness list` shows"
        raise SpecError([parent.mark.problem(f"extends {parent.value!r}, which is no spec; {advice}")])
    return _library()[parent.value]
