"""`show-machine`."""

from __future__ import annotations

from harness.tuning import tuning
from tests.cli.calling import Call


def test_the_machine_is_shown(call: Call) -> None:
    shown = call("show-machine", "--json").data
    assert shown["hardware"]["kernels"] == tuning().identity
    assert shown["measured_on"] == tuning().measured_on
    assert shown["thresholds"]["mask_strip"] == tuning().mask_strip
    lines = call("show-machine").out
    assert tuning().identity in lines
