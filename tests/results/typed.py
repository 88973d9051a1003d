"""Whatever tests measure is of the type that a stored result of it is held to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.registry import Registry
from harness.result_types import unlike


def hold_to_types(monkeypatch: pytest.MonkeyPatch, kinds: Registry[Any]) -> None:
    """Let each kind of measurement fail where its result is of another type."""
    for name in kinds.names():
        kind = kinds[name]

        def measure(self: Any, *arguments: Any, name: str = name, usual: Any = kind.measure) -> dict[str, Any]:
            found: dict[str, Any] = usual(self, *arguments)
            settings, values = json.loads(json.dumps([arguments[-1], found]))
            wrong = unlike(name, self.version, settings, values)
            assert wrong is None, wrong
            return found

        monkeypatch.setattr(kind, "measure", measure)
