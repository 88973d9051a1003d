"""Linear biases against the recipe of Press et al. 2022, section 3, and of its code."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.choices.base import Dims
from harness.choices.mixers.softmax import Softmax
from harness.choices.positions.alibi import Alibi
from harness.modules.positions.alibi import LinearBiases
from tests.contract.examples import BASE

DIMS = Dims(num_layers=1, hidden_size=64, vocab_size=8, max_seq_len=16)


def recipe(heads: int) -> list[float]:
    """A geometric sequence that starts at 2^(-8/n) and has that ratio; for other n, see the paper's footnote."""
    if heads & (heads - 1) == 0:
        start = 2.0 ** (-8.0 / heads)
        return [start * start**index for index in range(heads)]
    below = 2 ** (len(bin(heads)) - 3)
    return recipe(below) + recipe(2 * below)[0::2][: heads - below]


@pytest.mark.parametrize("heads", [1, 2, 8, 12, 16, 25, 32, 40, 52, 64])
def test_slopes_are_those_of_the_recipe(heads: int) -> None:
    # The recipe multiplies up to 64 times, each time rounded by 2^-53; powers are rounded once.
    assert Alibi.slopes(heads) == pytest.approx(recipe(heads), rel=1e-13, abs=0)


def test_slopes_of_8_heads_are_those_printed() -> None:
    assert Alibi.slopes(8) == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]


def test_slopes_of_12_heads_continue_with_every_second_of_16() -> None:
    between = [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert Alibi.slopes(12) == [2.0**-power for power in range(1, 9)] + between


def test_slopes_of_40_heads_begin_with_those_of_32() -> None:
    assert Alibi.slopes(40)[:32] == Alibi.slopes(32)
    assert Alibi.slopes(40)[32:] == [2 ** -((2 * index + 1) / 8) for index in range(8)]


def test_a_bias_lowers_the_score_by_slope_times_distance() -> None:
    module = LinearBiases(Alibi(), DIMS, replace(BASE, mixer=Softmax(num_heads=8, bias=False)))
    bias = module.score_bias()(torch.tensor([2, 5]), torch.arange(6))
    assert bias.shape == (8, 2, 6)
    for head in range(8):
        for row, query in enumerate((2, 5)):
            for key in range(query + 1):
                assert bias[head, row, key] == -(2.0 ** -(head + 1)) * (query - key)
