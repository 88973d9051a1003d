"""Whose mistake it is when inherited options stop to fit: that of the file that changed what they had fitted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.errors import Problem, SpecError
from harness.spec.check import spec_from_tree
from harness.spec.tree import Mark, Tree


@dataclass(frozen=True)
class Member:
    """A file of a chain of specs that extend each other: what it says itself, and with all that it inherits."""

    own: Tree
    whole: Tree


def blamed(problem: Problem, family: Sequence[Member]) -> Problem:
    """The problem in the file that caused it.

    Args:
        problem: one of the first member, placed where the option stands that is wrong.
        family: a spec and all that it extends, from the spec on.
    """
    child, *older = family
    if problem.file == child.own.mark.file or not older:
        return problem
    if problem in _problems(older[0].whole):
        return blamed(problem, older)
    cause = _cause(problem, child.own)
    message = f"{problem.message}; inherited from {problem.file}:{problem.line}"
    return replace(problem, file=cause.file, line=cause.line, column=cause.column, message=message)


def _problems(tree: Tree) -> list[Problem]:
    try:
        spec_from_tree(tree)
    except SpecError as error:
        return error.problems
    return []


def _cause(problem: Problem, own: Tree) -> Mark:
    """What a file says that a problem most likely comes from: what it names, then what is said of the same axis.

    Of what is left sizes of the mixer decide most, then those of the model.
    """
    words = re.findall(r"\w+", problem.message)
    entries = list(_entries(own))

    def likely(entry: tuple[tuple[str, ...], Tree]) -> tuple[bool, ...]:
        path = entry[0]
        return path[-1] in words, words[0] in path, "mixer" in path, "dims" in path

    return max(entries, key=likely)[1].mark if entries else own.value["extends"].mark


def _entries(own: Tree) -> Iterator[tuple[tuple[str, ...], Tree]]:
    """Every size and option, and the layers, with its path."""
    for key in ("dims", "choices", "blocks"):
        if part := own.get(key):
            yield from _leaves((key,), part)
    if layers := own.get("layers"):
        yield ("layers",), layers


def _leaves(path: tuple[str, ...], tree: Tree) -> Iterator[tuple[tuple[str, ...], Tree]]:
    if not tree.is_mapping:
        yield path, tree
        return
    for key, part in tree.value.items():
        yield from _leaves((*path, key), part)
