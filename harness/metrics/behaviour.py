"""What built models do: a small model of the spec is run, and every behaviour is found out."""

from __future__ import annotations

from typing import Any

from harness.behaviours import behaviours
from harness.metrics import Metric, metrics
from harness.spec.model import Spec


@metrics.register("behaviour")
class Behaviour(Metric):
    """Every behaviour of the scaled model of a spec, by name."""

    version = 1

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """The behaviours that there are."""
        return {"behaviours": behaviours.names()}

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """True, false or a number each."""
        return {"facts": {name: behaviours[name](spec) for name in settings["behaviours"]}}
