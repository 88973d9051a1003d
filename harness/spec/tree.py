"""YAML as a tree that knows where in its file each part stands. Strict: no tags, anchors or duplicate keys.

YAML is read by ruamel.yaml (version 1.2 of the language: `1e-5` is a number, `no` is a word) up to its untyped nodes;
only plain scalars, lists and mappings are built from them, so no file can construct anything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.errors import Problem, SpecError

MAX_BYTES = 1 << 20

Step = str | int


@dataclass(frozen=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def problem(self, message: str) -> Problem:
        """A mistake found here."""
        return Problem(self.file, self.line, self.column, message)


@dataclass(frozen=True)
class Tree:
    """A scalar, a list or a mapping, with the place of its first character, and of its key where it has one."""

    value: Any
    mark: Mark
    key_mark: Mark

    @property
    def is_mapping(self) -> bool:
        """Whether the value is a dict of trees."""
        return isinstance(self.value, dict)

    def get(self, key: Step) -> Tree | None:
        """The part under a key or an index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(key)
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            part: Tree = self.value[key]
            return part
        return None

    def plain(self) -> Any:
        """The value without the places."""
        if isinstance(self.value, dict):
            return {key: part.plain() for key, part in self.value.items()}
        if isinstance(self.value, list):
            return [part.plain() for part in self.value]
        return self.value

    def with_value(self, value: Any) -> Tree:
        """Another value at the same place."""
        return replace(self, value=value)


def read_tree(path: Path) -> Tree:
    """Read a YAML file that holds one mapping.

    Raises:
        SpecError: it cannot be read, is not YAML, or uses what a spec may not; all such places that were found.
    """
    file = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SpecError([Problem(file, 0, 0, f"larger than {MAX_BYTES} bytes, which no spec needs")])
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError([Problem(file, 0, 0, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise SpecError([Problem(file, 0, 0, f"is not UTF-8 text: {error.reason} at byte {error.start}")]) from None
    return parse_tree(text, file)


def parse_tree(text: str, file: str) -> Tree:
    """Parse YAML text that holds one mapping; `file` is its name in messages. Raises like `read_tree`."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not valid YAML: {error.problem or error.context}"
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise SpecError([Problem(file, line, column, message)]) from None
    except (YAMLError, ValueError) as error:
        raise SpecError([Problem(file, 0, 0, f"not valid YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise SpecError([Problem(file, 0, 0, "nested more deeply than any spec needs")]) from None
    builder = _Builder(file)
    tree = builder.build(node) if node is not None else None
    if builder.problems:
        raise SpecError(builder.problems)
    if tree is None or not tree.is_mapping:
        raise SpecError(
            [Problem(file, 1, 1, "expected a mapping with the keys of a spec, such as name, dims and choices")]
        )
    return tree


class _Builder:
    """Turns ruamel's nodes into a tree and collects what a spec may not hold."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def build(self, node: Node, key: Node | None = None) -> Tree:
        mark = self._mark(node)
        if node.anchor is not None:
            self.problems.append(mark.problem(f"anchors and aliases are not allowed; found &{node.anchor}"))
        return Tree(self._value(node, mark), mark, self._mark(key) if key is not None else mark)

    def _mark(self, node: Node) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _value(self, node: Node, mark: Mark) -> Any:
        if isinstance(node, MappingNode) and self._is_plain(node, "map", mark):
            return self._mapping(node)
        if isinstance(node, SequenceNode) and self._is_plain(node, "seq", mark):
            return [self.build(item) for item in node.value]
        if isinstance(node, ScalarNode):
            return self._scalar(node, mark)
        return None

    def _mapping(self, node: MappingNode) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        for key, value in node.value:
            mark = self._mark(key)
            if not isinstance(key, ScalarNode):
                self.problems.append(mark.problem("a key must be a word; found a list or a mapping"))
            elif key.value in entries:
                first = entries[key.value].key_mark
                self.problems.append(
                    mark.problem(f"duplicate key {key.value!r}; it is already set in line {first.line}")
                )
            else:
                entries[key.value] = self.build(value, key)
        return entries

    def _is_plain(self, node: Node, kind: str, mark: Mark) -> bool:
        plain = str(node.tag) == f"tag:yaml.org,2002:{kind}"
        if not plain:
            self.problems.append(mark.problem(f"tags are not allowed; found {node.tag}"))
        return plain

    def _scalar(self, node: ScalarNode, mark: Mark) -> Any:
        text: str = node.value
        match str(node.tag).removeprefix("tag:yaml.org,2002:"):
            case "str" | "timestamp":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2] in ("0x", "0o") else 10)
            case "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        self.problems.append(mark.problem(f"tags are not allowed; found {node.tag}"))
        return None


def tree_of(value: Any, file: str) -> Tree:
    """Plain data as a tree whose parts have no place of their own in `file`."""
    mark = Mark(file, 0, 0)
    if isinstance(value, dict):
        value = {key: tree_of(part, file) for key, part in value.items()}
    elif isinstance(value, list):
        value = [tree_of(part, file) for part in value]
    return Tree(value, mark, mark)
