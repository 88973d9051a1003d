"""Figures as text: short for reading, exact for checking. Bytes come in KiB and MiB, all else in powers of 1000."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from urllib.parse import urlsplit

COUNT_UNITS = ("", "K", "M", "B", "T")
SI_UNITS = ("", "k", "M", "G", "T", "P", "E")
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
TIMES = "\N{MULTIPLICATION SIGN}"
THREE_DIGITS = Context(prec=3, rounding=ROUND_HALF_UP)


def exact(value: int) -> str:
    """All digits, in groups of three: 6,738,415,616."""
    return f"{value:,}"


def short(value: int | Fraction, units: tuple[str, ...] = COUNT_UNITS, gap: str = "", step: int = 1000) -> str:
    """Three digits and a unit: 6.74B.

    Args:
        value: what is to be shown; not negative.
        units: of powers of `step`, from the zeroth on.
        gap: what stands between the number and its unit.
        step: how many of a unit make the next.
    """
    number = Decimal(value.numerator) / Decimal(value.denominator)
    power = 0
    while power < len(units) - 1 and THREE_DIGITS.create_decimal(number) >= 1000:
        number, power = number / step, power + 1
    if power or number % 1:
        rounded = THREE_DIGITS.create_decimal(number)
        number = rounded.quantize(Decimal(1).scaleb(min(rounded.adjusted() - 2, 0)))
    return f"{number:f}{gap}{units[power]}".rstrip()


def short_bytes(value: int | Fraction) -> str:
    """512 KiB, of 1024 bytes each."""
    return short(value, BYTE_UNITS, " ", 1024)


def short_flops(value: int | Fraction) -> str:
    """14.3 G, of FLOPs that the heading names."""
    return short(value, SI_UNITS, " ")


def in_flops(count: int | Fraction) -> str:
    """14.3 GFLOPs."""
    return f"{short_flops(count)}FLOPs"


def counted(count: int, what: str) -> str:
    """1 seed, 3 seeds."""
    return f"{exact(count)} {what}{'' if count == 1 else 's'}"


def with_error(value: float, error: float | None) -> str:
    """0.662 ± 0.011, or the value alone where nothing is known of its error."""
    return f"{value:.3f}" if error is None else f"{value:.3f} ± {error:.3f}"


def with_errors(values: Sequence[float], errors: Sequence[float | None] | None) -> list[str]:
    """The same of several figures, of which all have an error or none."""
    return list(map(with_error, values, errors or [None] * len(values)))


def printed(value: int | float, digits: int | None = None) -> str:
    """A published figure with the digits that its source prints: 6.7B, or 13.0B where three are meant.

    Args:
        value: the figure.
        digits: how many digits are meant; None for those before its trailing zeros.
    """
    number = Decimal(str(value))
    digits = digits or len(number.normalize().as_tuple().digits)
    if digits > 5:
        return f"{int(number):,}"
    power = min(max(number.adjusted() // 3, 0), len(COUNT_UNITS) - 1)
    scaled = number.scaleb(-3 * power)
    places = max(digits - scaled.adjusted() - 1, 0)
    return f"{scaled:.{places}f}{COUNT_UNITS[power]}"


def percent(share: Fraction) -> str:
    """A signed difference: +0.570 %; three digits, however small it is."""
    if share == 0:
        return "0 %"
    number = Decimal(share.numerator) / Decimal(share.denominator) * 100
    return f"{number:+.3g} %" if abs(number) < 100 else f"{number:+.0f} %"


def web_address(url: str) -> str:
    """`url` if a page may link to it, that is over http or https; else the empty string."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""
