"""Released tensors that hold parts of a parameter."""

from __future__ import annotations

import pytest

from harness.checkpoints.layout import released_tensors, shape_of, whole_of
from harness.errors import HarnessError
from harness.spec import load_spec

SPEC = load_spec("gpt2-small")
SHAPES = {"taps": (5, 3)}


def test_a_name_says_which_rows_it_means() -> None:
    assert whole_of("taps") == ("taps", None)
    assert whole_of("taps[3]") == ("taps", 3)
    assert whole_of("taps[2:5]") == ("taps", slice(2, 5))
    assert [shape_of(name, SHAPES) for name in ("taps", "taps[3]", "taps[2:5]")] == [(5, 3), (3,), (3, 3)]


def test_rows_that_add_up_make_the_parameter() -> None:
    found = released_tensors({"first": "taps[0:2]", "second": "taps[2:5]"}, SPEC, SHAPES)
    assert [(released.name, released.own) for released in found] == [
        ("first", ("taps[0:2]",)),
        ("second", ("taps[2:5]",)),
    ]


def test_rows_that_no_tensor_holds_are_missing() -> None:
    with pytest.raises(HarnessError, match=r"gpt2-small: the release has no tensor for taps\[4\]"):
        released_tensors({"first": "taps[0:2]", "second": "taps[2:4]"}, SPEC, SHAPES)
