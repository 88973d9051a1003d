"""What is timed or trained side by side, of choices or of whole models, one a file."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.registry import Registry


class Experiment:
    """One kind of measurement, registered under its name.

    Attributes:
        version: raised whenever the same settings could give another result, so that old results are not taken for
            new ones.
        timed: whether it must have the machine to itself.
    """

    version: ClassVar[int]
    timed: ClassVar[bool] = True

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """What decides each of the results, ready for JSON; one result a set of settings.

        Args:
            profile: `quick`, enough for every commit, or `full`.
        """
        raise NotImplementedError

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The result, ready for JSON, with the raw samples of every process.

        Raises:
            HarnessError: it cannot be had on this machine.
        """
        raise NotImplementedError


experiments: Registry[type[Experiment]] = Registry("experiment", __name__)
