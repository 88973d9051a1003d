"""What a spec takes over from the spec that it extends, and a block from its model."""

from __future__ import annotations

from harness.errors import SpecError
from harness.spec.older import in_todays_words, with_todays_axes
from harness.spec.tree import Tree

INHERITED = ("family", "sources", "dims", "choices", "blocks", "layers")
"""Keys that a spec takes over; the others speak of one model only."""


def merged(parent: Tree, child: Tree) -> Tree:
    """The child with what it inherits. Each part keeps the place in the file in which it stands."""
    parent, child = with_todays_axes(parent), with_todays_axes(child)
    entries = {key: part for key, part in parent.value.items() if key in INHERITED}
    for key, part in child.value.items():
        below = entries.get(key)
        match key:
            case "dims" | "sources":
                entries[key] = _overlaid(below, part)
            case "choices":
                entries[key] = _patched_choices(below, part)
            case "blocks":
                entries[key] = _patched_blocks(below, part)
            case _:
                entries[key] = part
    return child.with_value(entries)


def patched(axis: str, below: Tree | None, above: Tree) -> Tree:
    """A choice over a choice: of the same kind, or of none, its keys are merged in; another kind replaces it whole.

    One that is wrong in itself stays as it is: the check tells what is wrong.
    """
    try:
        below = below and normalised(axis, below)
        above = normalised(axis, above, below)
    except SpecError:
        return above
    if below is None or not (below.is_mapping and above.is_mapping):
        return above
    return _patched_options(below, above)


def _patched_options(below: Tree, above: Tree) -> Tree:
    """The same of options, and of those among them that are made of options themselves."""
    kind, old_kind = above.get("kind"), below.get("kind")
    if not (kind is None or (old_kind is not None and old_kind.value == kind.value)):
        return above
    changed = {
        key: _patched_options(old, part)
        for key, part in above.value.items()
        if (old := below.get(key)) and old.is_mapping and part.is_mapping
    }
    return above.with_value({**below.value, **above.value, **changed})


def normalised(axis: str, choice: Tree, below: Tree | None = None) -> Tree:
    """A choice written as a word, `pattern: dense`, as a mapping with that kind; over `below`, if it patches that."""
    options = choice.with_value({"kind": choice}) if isinstance(choice.value, str) else choice
    return in_todays_words(axis, options, below)


def _overlaid(below: Tree | None, above: Tree) -> Tree:
    if below is None or not (below.is_mapping and above.is_mapping):
        return above
    return above.with_value({**below.value, **above.value})


def _patched_choices(below: Tree | None, above: Tree) -> Tree:
    if below is None or not (below.is_mapping and above.is_mapping):
        return above
    changed = {axis: patched(axis, below.get(axis), part) for axis, part in above.value.items()}
    return above.with_value({**below.value, **changed})


def _patched_blocks(below: Tree | None, above: Tree) -> Tree:
    if below is None or not (below.is_mapping and above.is_mapping):
        return above
    changed = {name: _patched_choices(below.get(name), part) for name, part in above.value.items()}
    return above.with_value({**below.value, **changed})
