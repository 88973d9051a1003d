"""What can be known of a spec, one metric a file. Closed forms need no torch; their checks import it themselves."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.registry import Registry
from harness.spec.model import Spec


class Metric:
    """One kind of measurement, registered under its name.

    Attributes:
        version: raised whenever the same spec and settings could give another result, so that old results are not
            taken for new ones.
    """

    version: ClassVar[int]

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """What decides the result beside the spec, ready for JSON.

        Args:
            spec: the spec to be measured.
            profile: `quick`, enough for every commit, or `full`.
        """
        return {}

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """The result, ready for JSON.

        Raises:
            CountMismatchError: two ways to come by an exact figure disagree.
        """
        raise NotImplementedError


metrics: Registry[type[Metric]] = Registry("metric", __name__)


def lengths_up_to(longest: int, shortest: int = 256) -> list[int]:
    """Powers of two from `shortest` on, and `longest` itself as the last."""
    powers = []
    while shortest < longest:
        powers.append(shortest)
        shortest *= 2
    return [*powers, longest]
