"""Names for things that live one to a file: a new file in the package is found without being listed anywhere."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from harness.errors import HarnessError, did_you_mean

T = TypeVar("T")


def import_all(package: str) -> None:
    """Import every module of `package`, and of the packages inside it."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)


class Registry(Generic[T]):
    """What the modules of one package register, by name.

    Args:
        noun: what an entry is, for messages ("norm").
        package: the dotted name of the package whose modules register entries; imported at the first look-up.
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun = noun
        self._package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorate an entry with its name. A name that is already taken is a programming error."""

        def enter(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"two {self.noun} entries are called {name!r}: {self._entries[name]} and {entry}")
            self._entries[name] = entry
            return entry

        return enter

    def names(self) -> list[str]:
        """All names, sorted."""
        self._discover()
        return sorted(self._entries)

    def __getitem__(self, name: str) -> T:
        """The entry called `name`.

        Raises:
            HarnessError: there is none; the message lists the names and the nearest one.
        """
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            raise HarnessError(f"unknown {self.noun} {name!r}; {did_you_mean(name, self.names())}") from None

    def _discover(self) -> None:
        if not self._discovered:
            self._discovered = True
            import_all(self._package)
