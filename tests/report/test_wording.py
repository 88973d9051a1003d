from __future__ import annotations

from fractions import Fraction

import pytest

from harness.report.wording import exact, percent, printed, short, short_bytes, short_flops, web_address


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00K"), (6738415616, "6.74B"), (999_949, "1.00M"), (174604259328, "175B"),
     (9995, "10.0K"), (10**16, "10000T")],
)  # fmt: skip
def test_short_keeps_three_digits(value: int, text: str) -> None:
    assert short(value) == text


def test_units_follow_what_is_counted() -> None:
    assert short_bytes(524288) == "512 KiB"
    assert short_bytes(1_000_000) == "977 KiB"
    assert short_bytes(1_000 * 1024) == "0.977 MiB"
    assert short_bytes(0) == "0 B"
    assert short_flops(Fraction(28162637430784, 2048)) == "13.8 G"
    assert exact(9_007_199_254_740_993) == "9,007,199,254,740,993"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(6.7e9, None, "6.7B"), (13e9, None, "13B"), (13e9, 3, "13.0B"), (1558e6, None, "1.558B"), (117e6, None, "117M"),
     (7000559616, None, "7,000,559,616"), (524288, None, "524,288"), (12, None, "12")],
)  # fmt: skip
def test_a_published_figure_keeps_the_digits_of_its_source(value: float, digits: int | None, text: str) -> None:
    assert printed(value, digits) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(Fraction(0), "0 %"), (Fraction(57, 10000), "+0.570 %"), (Fraction(-1, 8), "-12.5 %"), (Fraction(3), "+300 %"),
     (Fraction(1, 10**7), "+0.0000100 %")],
)  # fmt: skip
def test_a_difference_is_never_rounded_to_nothing(share: Fraction, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//example.org", "https://", "http://[", ""])
def test_only_web_addresses_become_links(url: str) -> None:
    assert web_address(url) == ""
    assert web_address("https://example.org/a?b=c#d") == "https://example.org/a?b=c#d"
