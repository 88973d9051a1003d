"""A released `config.json`, of which every field must be accounted for: what decides something and is not understood
is refused, by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from harness.checkpoints.unread import SECOND_NAMES, decides_nothing, expected
from harness.errors import HarnessError
from harness.files import read_json
from harness.spec.check import MAX_SIZE

_REQUIRED = object()

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
"""Names of the number of layers."""

TYPES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    list: "a list",
    dict: "a mapping",
}


class ObstacleError(HarnessError):
    """A field that no spec can express.

    Attributes:
        field: its path from the top of the config, such as `rope_scaling.factor`.
        reason: the field, its value, and what would be allowed.
    """

    def __init__(self, file: str, field: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.field, self.reason = file, field, reason


class Config:
    """The fields of a config, each to be taken once; null is the same as no field.

    Args:
        fields: names and values.
        file: what messages call the config.
        path: where the fields stand in it, such as `rope_scaling.`; empty for the whole config.

    Attributes:
        strict: whether every field says something of the architecture, whatever words its name is made of.
    """

    def __init__(self, fields: dict[str, Any], file: str, path: str = "") -> None:
        self.file, self.path, self.strict = file, path, False
        self._fields = {name: value for name, value in fields.items() if value is not None}
        self.nulls = {name for name, value in fields.items() if value is None}
        self._taken: dict[str, Any] = {}
        self._parts: dict[str, Config] = {}

    def take(self, *names: str, default: Any = _REQUIRED, of: type | None = None) -> Any:
        """The value of a field under the first of its names that is there.

        Args:
            names: what releases call it.
            default: what is meant where it is not there.
            of: the type of its value; left out, that of the default, or a whole number where there is none.

        Raises:
            HarnessError: there is none and no default, it is of another type, or two of its names are there with
                different values.
        """
        stated = [name for name in names if name in self._fields]
        kind = of or (int if default is None or default is _REQUIRED else type(default))
        for name in stated:
            value = self._fields[name]
            if not _is(value, kind):
                self.refuse(name, value, f"expected {TYPES[kind]}")
            if name in LAYERS and value > MAX_SIZE:  # before a list of that length is made
                self.refuse(name, value, f"expected at most {MAX_SIZE} layers")
            if value != self._fields[stated[0]]:
                self.refuse(name, value, f"expected the value of {self.path + stated[0]!r}")
        if not stated and default is _REQUIRED:
            raise HarnessError(f"{self.file}: missing field {self.path + names[0]!r}")
        value = self._fields[stated[0]] if stated else default
        self._taken.update(dict.fromkeys(names, value))
        return value

    def mapping(self, name: str) -> Config:
        """The fields in a field that holds some; none where it is not there.

        Raises:
            HarnessError: it holds something else.
        """
        if name not in self._parts:
            self._parts[name] = Config(self.take(name, default={}), self.file, f"{self.path}{name}.")
        return self._parts[name]

    def ignore(self, *names: str) -> None:
        """Count fields as taken whose values change nothing that is computed here."""
        self._taken.update(dict.fromkeys(names))
        for name in names:
            self._parts.pop(name, None)

    def with_fields(self, **fields: Any) -> Self:
        """The same config with some fields under other names; the originals count as taken."""
        changed = type(self)({**self._fields, **fields}, self.file, self.path)
        changed._taken, changed._parts, changed.nulls = self._taken, self._parts, self.nulls
        return changed

    def with_parts(self, **parts: dict[str, Any]) -> Self:
        """The same config with other fields in some that hold fields."""
        changed = type(self)({**self._fields, **parts}, self.file, self.path)
        changed._taken = self._taken
        changed._parts = {name: part for name, part in self._parts.items() if name not in parts}
        return changed

    def with_part(self, part: Config, changed: Config) -> Self:
        """The same config with one of those that it holds in another form."""
        copy = self.with_fields()
        copy._parts = {name: changed if each is part else each for name, each in self._parts.items()}
        return copy

    def expect(self, name: str, *allowed: Any) -> None:
        """Refuse any value of a field but those, or its absence."""
        self._taken[name] = self._fields.get(name)
        value = self._fields.get(name)
        if value is not None and not any(_same(value, each) for each in allowed):
            words = " or ".join(map(json.dumps, allowed)) or "no such field"
            self.refuse(name, value, f"expected {words}")

    def refuse(self, name: str, value: Any, allowed: str = "") -> NoReturn:
        """Say that a field cannot be expressed.

        Args:
            name: the field.
            value: what it holds.
            allowed: what could be expressed, as a phrase.

        Raises:
            ObstacleError: always.
        """
        raise self._obstacle(name, value, allowed)

    def _obstacle(self, name: str, value: Any, allowed: str) -> ObstacleError:
        found = f"field {self.path + name!r} = {json.dumps(value)} cannot be expressed by a spec"
        return ObstacleError(self.file, self.path + name, f"{found}; {allowed}" if allowed else found)

    @property
    def as_stated(self) -> dict[str, Any]:
        """The fields that are there, with their values."""
        return self._fields

    @property
    def names(self) -> list[str]:
        """The fields that are there."""
        return list(self._fields)

    def unread(self, said: Mapping[str, Sequence[Any]] | None = None) -> list[ObstacleError]:
        """What nobody has taken and may decide something, at any depth.

        Args:
            said: names of fields, and the values that say what the translation says already.
        """
        found = []
        for name, value in self._fields.items():
            if name in self._parts:
                found += self._parts[name].unread()
            elif not (
                name in self._taken
                or decides_nothing(name, value, self._fields, self.strict)
                or any(_same(value, other) for other in self._second(name))
                or any(_same(value, other) for other in (said or {}).get(name, ()))
            ):
                found.append(self._obstacle(name, value, expected(name)))
        return found

    def _second(self, name: str) -> list[Any]:
        """What was taken under other names of the same thing."""
        others = [group for group in SECOND_NAMES if name in group]
        return [self._taken[other] for group in others for other in group if other in self._taken]


def _is(value: Any, kind: type) -> bool:
    """Whether a value of JSON is of a type: a whole number is a number, true is none."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _same(value: Any, other: Any) -> bool:
    """Whether two values of JSON are equal, and of one type."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def read_config(path: str | Path) -> dict[str, Any]:
    """The fields of a `config.json`, or of that of a folder.

    Raises:
        HarnessError: there is none, or it is not a JSON object.
    """
    file = Path(path)
    file = file / "config.json" if file.is_dir() else file
    try:
        fields = read_json(file)
    except OSError as error:
        raise HarnessError(f"{file}: cannot be read: {error.strerror}") from None
    if not isinstance(fields, dict):
        raise HarnessError(f"{file}: expected a JSON object with the fields of a config")
    return fields
