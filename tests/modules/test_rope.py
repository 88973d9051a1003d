"""Rotary positions against multiplication by e^(i m theta_j) in complex numbers: Su et al. 2021, section 3.2.2.

The tables are made in float32: an angle m theta_j carries the rounding of theta_j, of the product and of its cosine,
together less than 4 (m + 1) x 2^-24. The rotations themselves are held to float64, with tables in float64.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.choices.base import Dims
from harness.choices.mixers.softmax import Softmax
from harness.choices.positions.rope import InterpolationByPart, Rope, YaRN
from harness.choices.positions.rope_2d import Rope2D
from harness.modules.positions import Places
from harness.modules.positions.rope import LAYOUTS as ALL
from harness.modules.positions.rope import RotaryPositions, rotation_tables
from harness.modules.positions.rope_2d import TwoDimensionalRotaryPositions, two_dimensional_ids
from tests.contract.examples import BASE

DIMS = Dims(num_layers=1, hidden_size=32, vocab_size=8, max_seq_len=64)
LAYER = replace(BASE, mixer=Softmax(num_heads=2, bias=False))  # 16 channels a head
CHANNELS = 16
THETA = 10000.0
EXACT = {"rtol": 0.0, "atol": 1e-13}
"""Two products and a sum in float64 of numbers below 10."""


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def turns(ids: Tensor, channels: int, theta: float = THETA) -> Tensor:
    """e^(i m theta_j) with theta_j = theta^(-2j / channels), j = 0 ... channels / 2 - 1; [T, 1, channels / 2]."""
    frequencies = torch.tensor([theta ** (-2 * j / channels) for j in range(channels // 2)], dtype=torch.float64)
    angles = ids.double()[:, None, None] * frequencies
    return torch.complex(angles.cos(), angles.sin())


def exact_tables(ids: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    turn = turns(ids, channels)
    return turn.real, turn.imag


def turned_interleaved(x: Tensor, turn: Tensor) -> Tensor:
    """Channels 2j and 2j + 1 are the real and the imaginary part."""
    return torch.view_as_real(torch.complex(x[..., 0::2], x[..., 1::2]) * turn).flatten(-2)


def turned_half_split(x: Tensor, turn: Tensor) -> Tensor:
    """Channels j and j + half are the real and the imaginary part."""
    half = x.shape[-1] // 2
    product = torch.complex(x[..., :half], x[..., half:]) * turn
    return torch.cat((product.real, product.imag), dim=-1)


REFERENCES = {"half_split": turned_half_split, "interleaved": turned_interleaved}


def rotated(layout: str, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return ALL[layout].turned(x, *ALL[layout].tables(cos, sin))


LAYOUTS = pytest.mark.parametrize("layout", list(REFERENCES))


@LAYOUTS
def test_a_rotation_is_a_complex_product(layout: str) -> None:
    x, ids = noise(2, 7, 3, CHANNELS), torch.arange(7)
    turned = rotated(layout, x, *exact_tables(ids, CHANNELS))
    torch.testing.assert_close(turned, REFERENCES[layout](x, turns(ids, CHANNELS)), **EXACT)


@pytest.mark.parametrize("theta", [1.0, 500.0, 1e4, 1e6])
@pytest.mark.parametrize("longest", [0, 1, 63, 2048])
def test_tables_hold_cosine_and_sine(theta: float, longest: int) -> None:
    ids = torch.tensor([0, longest])
    turn = turns(ids, CHANNELS, theta)
    cos, sin = rotation_tables(ids, CHANNELS, theta)
    for table, exact in ((cos, turn.real), (sin, turn.imag)):
        assert table.dtype == torch.float32
        torch.testing.assert_close(table.double(), exact, rtol=0.0, atol=4 * (longest + 1) * 2**-24)


@pytest.mark.parametrize("fraction", [0.125, 0.25, 0.5, 0.75, 1.0])
@LAYOUTS
def test_the_module_turns_the_first_channels_and_passes_the_rest(layout: str, fraction: float) -> None:
    rope = Rope.model_validate({"theta": THETA, "fraction": fraction, "layout": layout})
    module = RotaryPositions(rope, DIMS, LAYER)
    ids, rotary = torch.arange(9), int(CHANNELS * fraction)
    x = noise(2, 9, 2, CHANNELS)
    turned = module.rotate(x, module.tables(Places(ids, 9)))
    expected = REFERENCES[layout](x[..., :rotary], turns(ids, rotary))
    # |x| is below 5, so float32 tables up to place 8 leave an error below 2 x 5 x 36 x 2^-24
    torch.testing.assert_close(turned[..., :rotary], expected, rtol=0.0, atol=360 * 2**-24)
    assert torch.equal(turned[..., rotary:], x[..., rotary:])


@given(st.integers(0, 500), st.integers(0, 500), st.integers(-400, 400), st.sampled_from(list(REFERENCES)))
@settings(deadline=None)
def test_a_score_depends_on_the_distance_only(m: int, n: int, shift: int, layout: str) -> None:
    q, k = noise(1, 1, 1, CHANNELS, seed=1), noise(1, 1, 1, CHANNELS, seed=2)

    def score(query_place: int, key_place: int) -> Tensor:
        places = (torch.tensor([query_place]), torch.tensor([key_place]))
        turned = [rotated(layout, x, *exact_tables(p, CHANNELS)) for x, p in zip((q, k), places, strict=True)]
        return (turned[0] * turned[1]).sum()

    # an angle of up to 900 in float64 is rounded by up to 900 x 2^-53, and 16 products of up to 25 are summed
    torch.testing.assert_close(score(m + shift, n + shift), score(m, n), rtol=0.0, atol=1e-10)


@LAYOUTS
def test_a_score_does_depend_on_the_distance(layout: str) -> None:
    q, k = noise(1, 1, 1, CHANNELS, seed=1), noise(1, 1, 1, CHANNELS, seed=2)
    scores = [(rotated(layout, q, *exact_tables(torch.tensor([m]), CHANNELS)) * k).sum().item() for m in range(20)]
    assert len({round(score, 6) for score in scores}) == len(scores)


def test_one_layout_is_a_permutation_of_the_other() -> None:
    x, tables = noise(2, 7, 3, CHANNELS), exact_tables(torch.arange(7), CHANNELS)
    order = torch.arange(CHANNELS).reshape(2, -1).T.flatten()  # 0, half, 1, half + 1, ...
    assert torch.equal(rotated("interleaved", x[..., order], *tables), rotated("half_split", x, *tables)[..., order])


def quotients(scaling: InterpolationByPart | YaRN, theta: float) -> list[float]:
    """What the angles of one token are divided by, for the eight pairs of 16 channels."""
    one = torch.tensor([1])
    _, sin = rotation_tables(one, CHANNELS, theta)
    _, scaled = rotation_tables(one, CHANNELS, theta, scaling)
    return [round(float(quotient), 4) for quotient in (sin.asin() / scaled.asin()).flatten()]


def test_yarn_divides_the_frequencies_behind_a_number_that_its_paper_computes() -> None:
    """At theta 10^4 pair i turns 4096 / (2 pi 10^(i / 2)) times in 4096 tokens: 32 times at i = 2.62, once at 5.63."""
    scaling = YaRN(
        kind="yarn",
        factor=4.0,
        original_length=4096,
        beta_fast=32.0,
        beta_slow=1.0,
        truncate=True,
        attention_factor=1.0,
    )
    rounded = [1 / (1 - 0.75 * share) for share in (0, 0, 0, 1 / 4, 2 / 4, 3 / 4, 1, 1)]  # from 2 to 6
    assert quotients(scaling, THETA) == [round(quotient, 4) for quotient in rounded]
    exact = [min(max((i - 2.6180) / (5.6283 - 2.6180), 0), 1) for i in range(8)]
    whole = quotients(scaling.model_copy(update={"truncate": False}), THETA)
    assert whole == pytest.approx([1 / (1 - 0.75 * share) for share in exact], abs=2e-4)  # the bounds have 5 digits


def test_yarn_stretches_queries_and_keys() -> None:
    scaling = YaRN(
        kind="yarn",
        factor=1.0,
        original_length=64,
        beta_fast=32.0,
        beta_slow=1.0,
        truncate=True,
        attention_factor=1.5,
    )
    plain = rotation_tables(torch.arange(9), CHANNELS, THETA)
    stretched = rotation_tables(torch.arange(9), CHANNELS, THETA, scaling)
    for table, longer in zip(plain, stretched, strict=True):
        torch.testing.assert_close(longer, 1.5 * table)


def test_ids_of_a_batch_turn_each_sequence_by_its_own() -> None:
    module = RotaryPositions(Rope(theta=THETA), DIMS, LAYER)
    x, ids = noise(2, 5, 2, CHANNELS), torch.tensor([[0, 1, 2, 3, 4], [7, 9, 9, 2, 0]])
    together = module.rotate(x, module.tables(Places(torch.arange(5), 5, ids=ids)))
    for row in range(2):
        alone = module.rotate(x[[row]], module.tables(Places(torch.arange(5), 5, ids=ids[row])))
        assert torch.equal(together[[row]], alone)


def test_the_context_counts_and_what_is_generated_keeps_the_place_of_the_mask() -> None:
    in_context, in_span = two_dimensional_ids(Places(torch.arange(8), 8, context=5))
    assert in_context.tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert in_span.tolist() == [0, 0, 0, 0, 0, 1, 2, 3]


def test_every_sequence_has_its_own_mask() -> None:
    in_context, in_span = two_dimensional_ids(Places(torch.arange(4), 4, context=torch.tensor([1, 3, 4])))
    assert in_context.tolist() == [[0, 0, 0, 0], [0, 1, 2, 2], [0, 1, 2, 3]]
    assert in_span.tolist() == [[0, 1, 2, 3], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_ids_behind_a_cache_go_on() -> None:
    whole = two_dimensional_ids(Places(torch.arange(9), 9, context=4))
    behind = two_dimensional_ids(Places(torch.arange(6, 9), 9, context=4))
    assert [ids.tolist() for ids in behind] == [ids[6:].tolist() for ids in whole]


@pytest.mark.parametrize("given_ids", [False, True])
def test_two_dimensions_are_two_rotations_of_half_a_head(given_ids: bool) -> None:
    module = TwoDimensionalRotaryPositions(Rope2D(theta=THETA), DIMS, LAYER)
    half = RotaryPositions(Rope(theta=THETA, fraction=0.5), DIMS, LAYER)  # it turns half the channels
    ids = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
    places = Places(torch.arange(5), 5, context=3, ids=ids if given_ids else None)
    first_ids, second_ids = ids if given_ids else two_dimensional_ids(places)
    x = noise(2, 5, 2, CHANNELS)
    turned = module.rotate(x, module.tables(places))
    for channels, own_ids in ((slice(None, 8), first_ids), (slice(8, None), second_ids)):
        alone = half.rotate(x[..., channels], half.tables(Places(torch.arange(5), 5, ids=own_ids)))
        assert torch.equal(turned[..., channels], alone)
        expected = turned_half_split(x[..., channels], turns(own_ids, 8))
        torch.testing.assert_close(alone, expected, rtol=0.0, atol=400 * 2**-24)  # places up to 9, as above
