"""Sinusoidal positions against the formula of Vaswani et al. 2017, section 3.5, and that of tensor2tensor."""

from __future__ import annotations

import math

import pytest
import torch

from harness.choices.base import Dims
from harness.choices.positions.sinusoidal import Sinusoidal
from harness.modules.positions import Places
from harness.modules.positions.sinusoidal import SinusoidalPositions
from tests.contract.examples import BASE

WIDTH, LENGTH = 12, 30
DIMS = Dims(num_layers=1, hidden_size=WIDTH, vocab_size=8, max_seq_len=LENGTH)


def waves(**options: object) -> torch.Tensor:
    """What is added to the first tokens, [LENGTH, WIDTH]."""
    position = Sinusoidal.model_validate(
        {"theta": 10000.0, "steps": "D/2", "layout": "interleaved", "offset": 0, **options}
    )
    module = SinusoidalPositions(position, DIMS, BASE)
    nothing = torch.zeros(1, LENGTH, WIDTH, dtype=torch.float64)
    return module.embed(nothing, Places(torch.arange(LENGTH), LENGTH))[0]


def close(got: torch.Tensor, expected: list[list[float]]) -> None:
    """Angles below 32 in float32 are rounded by up to 2^-19, the frequency before it by as much again."""
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64), rtol=0.0, atol=2**-17)


@pytest.mark.parametrize("offset", [0, 2])
def test_channels_are_those_of_the_paper(offset: int) -> None:
    def channel(place: int, i: int) -> float:
        angle = place / 10000 ** (2 * (i // 2) / WIDTH)
        return math.cos(angle) if i % 2 else math.sin(angle)

    expected = [[channel(place + offset, i) for i in range(WIDTH)] for place in range(LENGTH)]
    close(waves(offset=offset), expected)


def test_channels_are_those_of_tensor2tensor() -> None:
    def channel(place: int, i: int) -> float:
        angle = place * math.exp(-math.log(10000) * (i % 6) / 5)
        return math.sin(angle) if i < 6 else math.cos(angle)

    expected = [[channel(place, i) for i in range(WIDTH)] for place in range(LENGTH)]
    close(waves(steps="D/2-1", layout="half_split"), expected)


def test_one_layout_is_a_permutation_of_the_other() -> None:
    order = torch.arange(WIDTH).reshape(2, -1).T.flatten()
    assert torch.equal(waves(layout="interleaved"), waves(layout="half_split")[:, order])
