"""When a published figure and a computed one agree."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics.claims import Claims
from harness.metrics.kv_cache import longest_context
from harness.published import agrees
from harness.spec import load_spec

CASES = [
    # LLaMA, Table 2
    (6.7e9, 6738415616, None, True),
    (13.0e9, 13015864320, None, True),
    (13.0e9, 13015864320, 3, True),
    (32.5e9, 32528943616, None, True),
    (65.2e9, 65285660672, None, False),
    (65.3e9, 65285660672, None, True),
    # GPT-3, Table 2.1: 13.0B, whose 12.9B agrees only in two digits
    (13.0e9, 12853386240, None, True),
    (13.0e9, 12853386240, 3, False),
    (125e6, 125226240, None, True),
    (175e9, 174604259328, None, True),
    # GPT-1 and GPT-2
    (117e6, 116534784, None, True),
    (117e6, 124439808, None, False),
    # whole numbers
    (6738415616, 6738415616, None, True),
    (6738415616, 6738415617, None, False),
    (28672, 28672, None, True),
    # half a step up rounds up, a digit less does not
    (2e9, 1500000000, None, True),
    (2e9, 1499999999, None, False),
    (3e9, 2500000000, None, True),
    (2e9, 2500000000, None, False),
    (1e10, 9500000000, None, True),
]


@pytest.mark.parametrize(("published", "computed", "digits", "verdict"), CASES)
def test_a_verdict(published: float, computed: int, digits: int | None, verdict: bool) -> None:
    assert agrees(published, computed, digits) is verdict


@given(st.integers(1, 10**15), st.integers(1, 15))
@settings(deadline=None)
def test_a_figure_agrees_with_itself_as_printed(computed: int, digits: int) -> None:
    """However many of its digits are printed, as long as the rounding keeps their number."""
    printed = Decimal(f"{Decimal(computed):.{digits - 1}e}")
    half_down = abs(printed - computed) * 2 == Decimal(1).scaleb(printed.adjusted() - digits + 1)
    if printed.adjusted() == len(str(computed)) - 1 and not half_down:
        assert agrees(int(printed), computed, digits)


@given(st.integers(10**3, 10**15), st.integers(1, 10**3))
@settings(deadline=None)
def test_a_whole_number_in_all_its_digits_agrees_with_no_other(value: int, off: int) -> None:
    digits = len(str(value))
    assert agrees(value, value, digits)
    assert not agrees(value, value + off, digits)
    assert not agrees(value, value - off, digits)


def test_a_context_that_is_said_to_fit_is_held_against_the_longest_that_can() -> None:
    """ChatGLM2's README: from 1K to 8K in 6 GB with int4 weights."""
    found = {}
    for name in ("chatglm-6b", "chatglm2-6b"):
        (claim,) = [each for each in Claims().measure(load_spec(name), {})["claims"] if each["bound"]]
        assert claim["computed"] == longest_context(load_spec(name), 6 * 10**9, weights="int4")
        found[name] = (claim["published"], claim["agrees"])
    assert found == {"chatglm-6b": (1119, True), "chatglm2-6b": (8192, True)}
    spec = load_spec("chatglm2-6b")
    too_long = replace(spec, claims=(spec.claims[0].model_copy(update={"value": 10**6}),))
    assert [each["agrees"] for each in Claims().measure(too_long, {})["claims"]] == [False]


def test_every_claim_of_a_spec_gets_a_verdict() -> None:
    claims = Claims().measure(load_spec("llama-65b"), {})["claims"]
    assert [(claim["published"], claim["computed"], claim["agrees"]) for claim in claims] == [
        (65.2e9, 65285660672, False)
    ]
    assert claims[0]["url"].startswith("https://")
