"""What layers keep between passes, and that a layer which keeps nothing of what it is given is an error."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.modules.mixers.softmax import AttentionLayer
from harness.modules.states import Cache, Carried, Joined, LayerState, OfSublayers
from harness.spec import load_spec
from tests.contract.examples import lively, tokens_for


def carried() -> Carried:
    state = Carried()
    state.advance(3, matrix=torch.arange(12.0).view(2, 2, 3), convolution=torch.ones(2, 4, dtype=torch.float16))
    return state


def test_carried_tensors_are_replaced_copied_by_row_and_forgotten() -> None:
    state = carried()
    assert (state.length, state.nbytes) == (3, 12 * 4 + 8 * 2)
    twice = state.rows(torch.tensor([1, 1, 0]))
    assert twice.get("matrix").shape == (3, 2, 3)  # type: ignore[union-attr]
    twice.advance(1, matrix=torch.zeros(3))
    assert state.get("convolution") is not None
    assert (state.length, twice.length) == (3, 4)
    state.reset()
    assert (state.length, state.nbytes, state.get("matrix")) == (0, 0, None)


def test_a_cache_adds_up_what_its_layers_keep() -> None:
    layers: list[LayerState | None] = [carried(), None, carried()]
    cache = Cache(layers)
    assert cache.nbytes == 2 * carried().nbytes
    assert cache.rows(torch.tensor([0])).nbytes == carried().nbytes
    cache.reset()
    assert (cache.length, cache.nbytes) == (0, 0)


def test_states_of_parts_are_kept_copied_and_forgotten_together() -> None:
    joined = Joined((carried(), carried()))
    assert (joined.length, joined.nbytes) == (3, 2 * carried().nbytes)
    once = joined.rows(torch.tensor([0]))
    assert (once.length, once.nbytes) == (3, carried().nbytes)
    going_on = joined.aliased()
    going_on.reset()
    assert (going_on.length, going_on.nbytes) == (0, 0)
    assert joined.nbytes == 2 * carried().nbytes
    behind = Joined((carried(), Carried()))
    assert behind.length == 0  # one part has seen nothing yet


@pytest.mark.parametrize("mixer", [None, carried()])
def test_a_mixer_and_an_mlp_keep_each_its_own(mixer: Carried | None) -> None:
    both = OfSublayers((mixer and mixer.aliased(), carried()))
    mine, its = both.of_sublayers
    assert mine is not its
    assert both.nbytes == carried().nbytes * (2 if mixer else 1)
    assert both.rows(torch.tensor([0])).nbytes == both.nbytes // 2
    gone_on = both.aliased()
    assert isinstance(gone_on, OfSublayers)
    _, mlp = gone_on.of_sublayers
    assert isinstance(mlp, Carried)
    mlp.advance(1)
    assert (both.length, mlp.length, gone_on.length) == (3, 4, 3 if mixer else 4)
    both.pretend(2, 7)
    assert both.length == 7
    both.reset()
    assert (both.length, both.nbytes) == (0, 0)
    assert carried().of_sublayers[1] is None


@pytest.mark.parametrize("name", ["llama-7b", "gpt3-small", "falcon-h1-0-5b", "rwkv-4-169m"])
def test_a_cache_that_was_reset_starts_anew(name: str) -> None:
    model = lively(load_spec(name).scaled(max_seq_len=40))
    tokens = tokens_for(model.spec, 2, 9)
    with torch.no_grad():
        whole = model(tokens)
        cache = model.new_cache(capacity=9)
        model(tokens.flip(0), cache=cache)
        cache.reset()
        again = torch.cat([model(piece, cache=cache) for piece in tokens.split([4, 5], dim=1)], dim=1)
    torch.testing.assert_close(again, whole, rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("name", ["llama-7b", "falcon-h1-0-5b"])
def test_a_mixer_that_ignores_its_state_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(self: Any, x: Any, step: Any) -> Any:
        return torch.zeros_like(x)

    model = lively(load_spec(name).scaled())
    monkeypatch.setattr(AttentionLayer, "forward", forgetful)
    tokens = tokens_for(model.spec, 1, 5)
    model(tokens)
    with pytest.raises(RuntimeError, match="layer 0 kept 0 of 5 columns: it ignores its state"):
        model(tokens, cache=model.new_cache())
