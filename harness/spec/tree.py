"""YAML as a tree that knows where in its file each part stands. Strict: no tags, anchors or duplicate keys.

YAML is read by ruamel.yaml (version 1.2 of the language: `1e-5` is a number, `no` is a word) up to its untyped nodes;
only plain scalars, lists and mappings are built from them, so no file can construct anything else.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.errors import Problem, SpecError

MAX_BYTES = 1 << 16
MAX_DEPTH = 32
MAX_INT = (1 << 63) - 1

DIRECTIVE = re.compile(r"\A\ufeff?(?:[ \t]*(?:#.*)?\r?\n)*(%\S*)")
"""`%YAML 1.1` before the document would change what its words mean."""
PROPERTY = re.compile(r"[!&][^\s,\[\]{}]*")
"""The tag or anchor with which a node begins. Nothing else can begin with these characters."""
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, which a terminal would obey, and halves of characters, which no file can hold."""

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
        with path.open("rb") as source:
            data = source.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError([Problem(file, 0, 0, f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        raise SpecError([Problem(file, 0, 0, f"larger than {MAX_BYTES} bytes, which no spec needs")])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise SpecError([Problem(file, 0, 0, f"is not UTF-8 text: {error.reason} at byte {error.start}")]) from None
    return parse_tree(text, file)


def parse_tree(text: str, file: str) -> Tree:
    """Parse YAML text that holds one mapping; `file` is its name in messages. Raises like `read_tree`."""
    if directive := DIRECTIVE.match(text):
        line = text.count("\n", 0, directive.start(1)) + 1
        raise SpecError([Problem(file, line, 1, f"directives are not allowed; found {directive[1]}")])
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False  # every anchor is refused below
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "of no known kind"
        problem = f"{error.context}, {problem}" if problem.startswith("but ") else problem
        message = f"not valid YAML: {problem}"
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise SpecError([Problem(file, line, column, message)]) from None
    except (YAMLError, ValueError) as error:
        raise SpecError([Problem(file, 0, 0, f"not valid YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise SpecError([Problem(file, 0, 0, "nested more deeply than any spec needs")]) from None
    builder = _Builder(file, text)
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

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.depth = 0
        self.problems: list[Problem] = []

    def build(self, node: Node, key: Node | None = None) -> Tree:
        mark = self._mark(node)
        self.depth += 1
        value = self._value(node, mark) if self._is_plain(node, mark) else None
        self.depth -= 1
        return Tree(value, mark, self._mark(key) if key is not None else mark)

    def _is_plain(self, node: Node, mark: Mark) -> bool:
        """Whether a node may be looked into. What has an anchor may not: its aliases could repeat it without end."""
        if found := PROPERTY.match(self.text, node.start_mark.index):
            self.problems.append(mark.problem(f"tags, anchors and aliases are not allowed; found {found[0]}"))
        elif self.depth > MAX_DEPTH:
            self.problems.append(mark.problem("nested more deeply than any spec needs"))
        else:
            return True
        return False

    def _mark(self, node: Node) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _value(self, node: Node, mark: Mark) -> Any:
        if isinstance(node, MappingNode):
            return self._mapping(node)
        if isinstance(node, SequenceNode):
            return [self.build(item) for item in node.value]
        return self._scalar(node, mark) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        for key, value in node.value:
            mark = self._mark(key)
            self._is_plain(key, mark)
            self._check_text(key.value, mark)
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

    def _scalar(self, node: ScalarNode, mark: Mark) -> Any:
        text: str = node.value
        match str(node.tag).removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float" as kind:
                return self._number(text, kind, mark)
        self._check_text(text, mark)
        return text

    def _check_text(self, text: object, mark: Mark) -> None:
        if isinstance(text, str) and (found := UNPRINTABLE.search(text)):
            self.problems.append(mark.problem(f"control characters are not allowed; found {found[0]!r}"))

    def _number(self, text: str, kind: str, mark: Mark) -> int | float | None:
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        digits = text.replace("_", "").lower()
        value: int | float
        try:
            if kind == "int":
                value = int(digits, 0 if digits.lstrip("+-")[:2] in ("0x", "0o", "0b") else 10)
            else:
                value = float(digits.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:  # "0x_", or more digits than Python converts
            self.problems.append(mark.problem(f"{shown} cannot be read as a number; quote it if it is text"))
            return None
        if not math.isfinite(value):
            self.problems.append(mark.problem(f"a number must be finite; found {shown}"))
        elif isinstance(value, int) and abs(value) > MAX_INT:
            self.problems.append(mark.problem(f"larger than any number that a spec needs; found {shown}"))
        return value


def tree_of(value: Any, file: str) -> Tree:
    """Plain data as a tree whose parts have no place of their own in `file`."""
    mark = Mark(file, 0, 0)
    if isinstance(value, dict):
        value = {key: tree_of(part, file) for key, part in value.items()}
    elif isinstance(value, list):
        value = [tree_of(part, file) for part in value]
    return Tree(value, mark, mark)
