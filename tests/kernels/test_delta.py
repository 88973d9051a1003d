"""The gated delta rule in chunks against its definition, and against other code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers.models.kimi_linear.modeling_kimi_linear import chunk_kimi_delta_attention
from transformers.models.qwen3_next.modeling_qwen3_next import torch_chunk_gated_delta_rule

from harness.modules.kernels.delta import delta, reference
from tests.kernels.recurrences import (
    assert_a_state_goes_on,
    assert_float32_is_as_good_as_its_numbers,
    assert_half_precision_sums_in_float32,
    assert_the_same,
    assert_the_same_gradients,
)

NUMBERS, CHANNELS = (4,), (4, 5)
"""Decay by a number a head, and by one for each channel of a key."""
each_decay = pytest.mark.parametrize("decays", [NUMBERS, CHANNELS], ids=["numbers", "channels"])


def inputs(
    tokens: int, strength: float = 1.0, dtype: torch.dtype = torch.float64, decays: tuple[int, ...] = NUMBERS
) -> list[Tensor]:
    """Queries, keys of length 1, values, betas up to 2, decays and a state, for a key head a head."""
    generator = torch.Generator().manual_seed(tokens)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    decay = -strength * torch.rand(2, tokens, *decays, generator=generator, dtype=torch.float64)
    beta = 2 * torch.rand(2, tokens, 4, generator=generator, dtype=torch.float64)
    keys = normalize(normal(2, tokens, 4, 5), dim=-1)
    given = [normal(2, tokens, 4, 5), keys, normal(2, tokens, 4, 3), beta, decay, normal(2, 4, 5, 3)]
    return [each.to(dtype) for each in given]


@each_decay
@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0, 1e4])
@pytest.mark.parametrize("tokens", [1, 2, 5, 63, 64, 65, 513])
def test_chunks_give_what_the_definition_does(tokens: int, strength: float, decays: tuple[int, ...]) -> None:
    assert_the_same(delta, reference, inputs(tokens, strength, decays=decays))


@each_decay
@pytest.mark.parametrize("strength", [1.0, 1e4])
@pytest.mark.parametrize("tokens", [7, 130])
def test_gradients_are_those_of_the_definition(tokens: int, strength: float, decays: tuple[int, ...]) -> None:
    assert_the_same_gradients(delta, reference, inputs(tokens, strength, decays=decays))


@each_decay
@pytest.mark.parametrize("pieces", [[1] * 9, [4, 5], [8, 1]])
def test_a_state_goes_on(pieces: list[int], decays: tuple[int, ...]) -> None:
    *given, state = inputs(9, decays=decays)
    assert_a_state_goes_on(delta, given, state, pieces)


@each_decay
@pytest.mark.parametrize("strength", [0.01, 1.0, 50.0, 1e4])
def test_float32_is_as_good_as_its_numbers(strength: float, decays: tuple[int, ...]) -> None:
    assert_float32_is_as_good_as_its_numbers(delta, reference, inputs(1000, strength, decays=decays))


def test_channels_that_forget_at_once_leave_the_others_alone() -> None:
    """Over a chunk the decay of some channels is 0 in float32, and that of others nearly 1."""
    exact = inputs(300, decays=CHANNELS)
    exact[4] = exact[4] * torch.tensor([1e-4, 1e-2, 1.0, 30.0, 1e3])
    assert_float32_is_as_good_as_its_numbers(delta, reference, exact)


@each_decay
def test_half_precision_sums_in_float32(decays: tuple[int, ...]) -> None:
    given = inputs(200, 0.1, torch.bfloat16, decays)[:5]
    assert_half_precision_sums_in_float32(delta, reference, given, torch.zeros(2, 4, 5, 3, dtype=torch.float64))


@each_decay
@pytest.mark.parametrize("tokens", [1, 70])
def test_heads_share_queries_and_keys(tokens: int, decays: tuple[int, ...]) -> None:
    q, k, v, beta, decay, state = inputs(tokens, decays=decays)
    out, _ = delta(q[:, :, :2], k[:, :, :2], v, beta, decay, state)
    expected, _ = reference(*(x[:, :, [0, 0, 1, 1]] for x in (q, k)), v, beta, decay, state)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("decays", "theirs"),
    [(NUMBERS, torch_chunk_gated_delta_rule), (CHANNELS, chunk_kimi_delta_attention)],
    ids=["numbers", "channels"],
)
def test_it_is_what_another_code_computes(decays: tuple[int, ...], theirs: Callable[..., tuple[Tensor, None]]) -> None:
    q, k, v, beta, decay, _ = inputs(150, decays=decays)
    given = [x.float() for x in (q, k, v, decay, beta)]
    expected, _ = theirs(*given[:3], g=given[3], beta=given[4], use_qk_l2norm_in_kernel=False)
    found, _ = delta(q * 5**-0.5, k, v, beta, decay)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
