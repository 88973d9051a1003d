"""Going on from rows of a cache."""

from __future__ import annotations

import pytest
import torch

from harness.spec import load_spec
from tests.contract.examples import lively, tokens_for

NAMES = ["llama-7b", "gpt3-small-banded", "gpt3-small-fixed", "baichuan-13b"]


@pytest.mark.parametrize("padding", [None, (0, 3)], ids=["plain", "padded"])
@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_rows_go_on_as_their_sequences_would(name: str, padding: tuple[int, int] | None) -> None:
    model = lively(load_spec(name).scaled(max_seq_len=40))
    begun, rest = tokens_for(model.spec, 2, 11), tokens_for(model.spec, 3, 5)
    spaces = None if padding is None else torch.tensor(padding)
    cache = model.new_cache(spaces)
    model(begun, cache=cache)
    index = torch.tensor([1, 0, 1])
    copy = cache.rows(index)
    continued = model(rest, cache=copy)
    whole = model(torch.cat((begun[index], rest), dim=1), padding=None if spaces is None else spaces[index])
    torch.testing.assert_close(continued, whole[:, 11:], rtol=0.0, atol=1e-10)
    assert (cache.length, copy.length) == (11, 16)
    torch.testing.assert_close(model(rest[[1, 0]], cache=cache)[1], continued[0], rtol=0.0, atol=1e-10)
