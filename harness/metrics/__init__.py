"""What can be known of a spec, one metric a file. Closed forms need no torch; their checks import it themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from harness.errors import HarnessError, did_you_mean
from harness.registry import Registry
from harness.spec.model import Spec


class Metric:
    """One kind of measurement, registered under its name.

    Attributes:
        version: raised whenever the same spec and settings could give another result, so that old results are not
            taken for new ones.
        exact: whether it counts, and gives the same on every machine.
        timed: whether it must have the machine to itself.
        on_request: whether it is measured only where it is named, because it needs more than the default installation.
        profiles: in which a run that names no metric measures; of the library those that `in_profile` chooses.
        needs: what a spec must have for the metric to apply, in words.
    """

    version: ClassVar[int]
    exact: ClassVar[bool] = True
    timed: ClassVar[bool] = False
    on_request: ClassVar[bool] = False
    profiles: ClassVar[tuple[str, ...]] = ("quick", "full")
    needs: ClassVar[str] = ""

    def applies(self, spec: Spec) -> bool:
        """Whether there is something to measure of a spec."""
        return True

    def in_profile(self, spec: Spec, profile: str) -> bool:
        """Whether this spec is measured where it was not named itself, but by a glob or as one of the library."""
        return True

    def held_bytes(self, spec: Spec) -> int:
        """Memory of a model that is held whole; 0 where none is."""
        return 0

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


def usual_metrics() -> list[str]:
    """Names of the metrics that a run measures when none is named."""
    return [name for name in metrics.names() if not metrics[name].on_request]


def require(name: str, value: object, allowed: Collection[str]) -> None:
    """Refuse a word that is none of those allowed.

    Raises:
        HarnessError: it names the argument, what was found and what is allowed.
    """
    if value not in allowed:
        raise HarnessError(f"{name}: found {value!r}; {did_you_mean(str(value), list(allowed))}")


def require_positive(**sizes: int) -> None:
    """Refuse sizes below 1.

    Raises:
        HarnessError: it names the argument and what was found.
    """
    for name, size in sizes.items():
        if size < 1:
            raise HarnessError(f"{name}: found {size}, expected a whole number above 0")


def lengths_up_to(longest: int, shortest: int = 256) -> list[int]:
    """Powers of two from `shortest` on, and `longest` itself as the last."""
    powers = []
    while shortest < longest:
        powers.append(shortest)
        shortest *= 2
    return [*powers, longest]
