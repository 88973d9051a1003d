"""What older versions of the program wrote, in today's words: files of specs that users have, and stored results."""

from __future__ import annotations

from harness.errors import SpecError
from harness.spec.tree import Tree

MIXER, OLD_MIXER = "mixer", "attention"
KV_HEADS = "num_kv_heads"
MULTI_HEAD, MULTI_QUERY, GROUPED_QUERY = "multi_head", "multi_query", "grouped_query"


def with_todays_axes(tree: Tree) -> Tree:
    """A spec whose axes are called as today: `mixer` was `attention` when there was nothing else.

    Where both words are used the old one stays, as an axis that there is none of.
    """
    entries = dict(tree.value)
    if choices := tree.get("choices"):
        entries["choices"] = _renamed(choices)
    if (blocks := tree.get("blocks")) and blocks.is_mapping:
        entries["blocks"] = blocks.with_value({name: _renamed(block) for name, block in blocks.value.items()})
    return tree.with_value(entries)


def _renamed(axes: Tree) -> Tree:
    if not axes.is_mapping or OLD_MIXER not in axes.value or MIXER in axes.value:
        return axes
    return axes.with_value({MIXER if key == OLD_MIXER else key: part for key, part in axes.value.items()})


def in_todays_words(axis: str, options: Tree, inherited: Tree | None = None) -> Tree:
    """The options of one axis.

    Of softmax attention there were three kinds by the number of key-value heads. An option `fused` said how a release
    stores its matrices, which is no part of an architecture; it is left out.

    Args:
        axis: which.
        options: a choice as it stands in a file, a mapping.
        inherited: the choice that the options patch, if any, in today's words.

    Raises:
        SpecError: the number of key-value heads contradicts the old kind, or is missing.
    """
    if axis != MIXER or not options.is_mapping:
        return options
    entries = dict(options.value)
    if (fused := entries.get("fused")) and isinstance(fused.value, bool):
        del entries["fused"]
    kind = entries.get("kind")
    if kind is None or kind.value not in (MULTI_HEAD, MULTI_QUERY, GROUPED_QUERY):
        return options.with_value(entries)
    stated = entries.get(KV_HEADS)
    entries["kind"] = kind.with_value("softmax")
    if kind.value == GROUPED_QUERY:
        if stated is None and (inherited is None or inherited.get(KV_HEADS) is None):
            raise SpecError([options.mark.problem(f"mixer.{KV_HEADS} is missing, which {GROUPED_QUERY} needs")])
    elif stated is None:
        entries[KV_HEADS] = kind.with_value(1 if kind.value == MULTI_QUERY else None)
    else:
        problem = f"mixer.{KV_HEADS}: {kind.value} has as many as its name says; with another number write softmax"
        raise SpecError([stated.mark.problem(problem)])
    return options.with_value(entries)
