"""YAML as a tree that knows where in its file each part stands. Strict: no tags, anchors or duplicate keys.

PyYAML reads text up to its events, in C; scalars, lists and mappings alone are made of these, so no file can construct
anything else. Plain scalars mean what they mean in YAML 1.2: `1e-5` is a number, `no` is a word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from harness.errors import Problem, SpecError

MAX_BYTES = 1 << 16
MAX_DEPTH = 32
MAX_INT = (1 << 63) - 1

DIRECTIVE = re.compile(r"\A(?:[ \t]*(?:#.*)?\r?\n)*(%\S*)")
"""`%YAML 1.1` before the document would change what its words mean."""
PROPERTY = re.compile(r"[!&][^\s,\[\]{}]*")
"""The tag or anchor with which a node begins."""
NO_PROPERTIES = "tags, anchors and aliases are not allowed; found"
NULL = re.compile(r"~|null|Null|NULL|")
BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
"""What a plain scalar is: the core schema of YAML 1.2, and underscores and binary digits as Python has them."""
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""The parser in C, or where PyYAML was built without it the same in Python."""
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


def read_tree(path: Path, problems: list[Problem] | None = None) -> Tree:
    """Read a YAML file that holds one mapping.

    Args:
        path: of the file.
        problems: takes uses of what a spec may not use; None stands in the tree for a value that has one. Left out,
            they are raised.

    Raises:
        SpecError: it cannot be read, is not YAML, or uses what a spec may not; all such places that were found.
    """
    file = str(path)
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise SpecError([Problem(file, 0, 0, "expected a regular file")])  # to open a pipe would wait for ever
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
    return parse_tree(text, file, problems)


def parse_tree(text: str, file: str, problems: list[Problem] | None = None) -> Tree:
    """Parse YAML text that holds one mapping; `file` is its name in messages. Raises like `read_tree`."""
    text = text.removeprefix("\ufeff")
    if directive := DIRECTIVE.match(text):
        line = text.count("\n", 0, directive.start(1)) + 1
        raise SpecError([Problem(file, line, 1, f"directives are not allowed; found {directive[1]}")])
    builder = _Builder(file, text)
    try:
        tree = builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ": ".join(filter(None, ("not valid YAML", error.context, error.problem)))
        message += f": {text[mark.index]!r}" if mark and message.endswith("cannot start any token") else ""
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise SpecError([Problem(file, line, column, message)]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError([Problem(file, 0, 0, f"not valid YAML: {str(error).splitlines()[0]}")]) from None
    if builder.problems and problems is None:
        raise SpecError(builder.problems)
    if tree is None or not tree.is_mapping:
        message = "expected a mapping with the keys of a spec, such as name, dims and choices"
        raise SpecError([*builder.problems, Problem(file, 1, 1, message)])
    if problems is not None:
        problems += builder.problems
    return tree


class _Builder:
    """Turns the events of a text into a tree and collects what a spec may not hold."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.depth = 0
        self.anchors: set[str | None] = set()
        self.problems: list[Problem] = []
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=LOADER))

    def document(self) -> Tree | None:
        """The tree of the only document, None where there is none."""
        next(self.events)  # the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        tree = self._tree(next(self.events))
        next(self.events)  # the end of the document
        if not isinstance(another := next(self.events), yaml.StreamEndEvent):
            mark = self._mark(another)
            raise SpecError([mark.problem("not valid YAML: expected a single document, but found another")])
        return tree

    def _tree(self, event: Any, key_mark: Mark | None = None, *, is_key: bool = False) -> Tree:
        mark = self._mark(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:  # else it is refused already
                self.problems.append(mark.problem(f"{NO_PROPERTIES} *{event.anchor}"))
            return Tree(None, mark, key_mark or mark)
        found = PROPERTY.match(self.text, event.start_mark.index) if event.anchor or event.tag else None
        if found:
            self.anchors.add(event.anchor)
            self.problems.append(mark.problem(f"{NO_PROPERTIES} {found[0][:60]}"))
        if isinstance(event, yaml.ScalarEvent):
            as_text = is_key or not event.implicit[0]  # quoted or tagged
            value = None if found else self._text(event.value, mark) if as_text else self._plain(event.value, mark)
        else:
            value = self._collection(event, mark)
        return Tree(value, mark, key_mark or mark)

    def _mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _collection(self, event: Any, mark: Mark) -> Any:
        """A list or a mapping; one that lies too deep ends the reading, for what follows could go on for ever."""
        self.depth += 1
        if self.depth > MAX_DEPTH + 1:
            raise SpecError([*self.problems, mark.problem("nested more deeply than any spec needs")])
        value = self._mapping() if isinstance(event, yaml.MappingStartEvent) else self._list()
        self.depth -= 1
        return value

    def _list(self) -> list[Tree]:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._tree(event))
        return items

    def _mapping(self) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            mark = self._tree(event, is_key=True).mark
            value = self._tree(next(self.events), mark)
            if key is None:
                self.problems.append(mark.problem("a key must be a word; found a list or a mapping"))
            elif key in entries:
                first = entries[key].key_mark
                self.problems.append(mark.problem(f"duplicate key {key!r}; it is already set in line {first.line}"))
            else:
                entries[key] = value
        return entries

    def _plain(self, text: str, mark: Mark) -> Any:
        """What a word without quotes means."""
        if NULL.fullmatch(text):
            return None
        if BOOL.fullmatch(text):
            return text.lower() == "true"
        return self._number(text, mark) if INT.fullmatch(text) or FLOAT.fullmatch(text) else self._text(text, mark)

    def _text(self, text: str, mark: Mark) -> str:
        if found := UNPRINTABLE.search(text):
            self.problems.append(mark.problem(f"control characters are not allowed; found {found[0]!r}"))
        return text

    def _number(self, text: str, mark: Mark) -> int | float | None:
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        digits = text.replace("_", "").lower()
        value: int | float
        try:
            if INT.fullmatch(text):
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
