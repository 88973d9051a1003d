"""One query behind a long cache, by products instead of torch's kernel: the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from harness.choices.patterns import patterns
from harness.modules.kernels import one_query
from harness.modules.kernels.attend import attend
from harness.modules.kernels.view import View
from harness.modules.key_values import Codes, QuantisedStore
from harness.spec import load_spec
from harness.tuning import NEVER, TORCH, tuned
from tests.contract.examples import lively, tokens_for
from tests.kernels.rows import changed, counted, onednn


def attended(group: int, dtype: torch.dtype, heads_apart: bool = True) -> torch.Tensor:
    """One query over 50 keys, which lie as in a cache, head by head, or token by token."""
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, n, heads, 8, generator=draw).to(dtype) for n, heads in ((1, 3 * group), (50, 3), (50, 3)))
    if heads_apart:
        k, v = (x.transpose(1, 2).contiguous().transpose(1, 2) for x in (k, v))
    with torch.no_grad():
        return attend(patterns["dense"](), q, k, v, View(torch.tensor([49]), torch.arange(50)))


@pytest.mark.parametrize("heads_apart", [False, True])
@pytest.mark.parametrize("group", [1, 2, 4, 5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_products_give_what_the_kernel_gives(
    group: int, dtype: torch.dtype, heads_apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tuned(TORCH):
        by_kernel = attended(group, dtype, heads_apart)
    calls = counted(monkeypatch, one_query, "_by_products")
    for longest, wanted in ((50, True), (51, False)):
        calls.clear()
        with tuned(onednn(products_from=longest)):
            torch.testing.assert_close(attended(group, dtype, heads_apart), by_kernel)
        assert bool(calls) == (wanted and dtype == torch.float32 and heads_apart)


def decoded(name: str, quantised: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a whole pass, and step by step behind five tokens."""
    model = lively(load_spec(name).scaled(max_seq_len=40)).float()
    tokens = tokens_for(model.spec, 2, 20)
    cache = model.new_cache(quantised=quantised)
    with torch.no_grad():
        pieces = [model(piece, cache=cache) for piece in tokens.split([5] + [1] * 15, dim=1)]
        return model(tokens), torch.cat(pieces, dim=1)


@pytest.mark.parametrize("name", ["llama-7b", "mistral-7b", "llama-7b-mqa", "gpt3-small", "chatglm-6b-ordered"])
def test_decoding_by_products_equals_the_whole_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch, one_query, "_by_products")
    with tuned(onednn(products_from=1)):
        whole, by_steps = decoded(name, quantised=False)
    torch.testing.assert_close(by_steps, whole, rtol=1e-4, atol=1e-5)
    assert calls


def codes(seed: int, dtype: torch.dtype = torch.float32) -> Codes:
    """50 vectors of each of three heads, in two sequences."""
    draw = torch.Generator().manual_seed(seed)
    store = QuantisedStore(capacity=60)
    store.write(0, torch.randn(2, 50, 3, 8, generator=draw).to(dtype))
    return store.read(50)


PADDED = torch.arange(50) - torch.tensor([0, 4])[:, None]
VIEWS: dict[str, Callable[[], View]] = {
    "all": lambda: View(torch.tensor([49]), torch.arange(50)),
    "with a scale": lambda: View(torch.tensor([49]), torch.arange(50), scale=0.7),
    "padded": lambda: View(PADDED[:, -1:], PADDED),
    "with a cap": lambda: View(torch.tensor([49]), torch.arange(50), softcap=1.0),
    "with a bias": lambda: View(torch.tensor([49]), torch.arange(50), bias=lambda q, k: (k - q[:, None])[None] / 9),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["dense", "prefix", "strided", "banded"])
@pytest.mark.parametrize("seen", VIEWS)
@pytest.mark.parametrize("group", [1, 2, 8])
def test_codes_give_what_their_vectors_give(
    group: int, seen: str, kind: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are expanded head by head, in single precision and where all are seen."""
    pattern = patterns[kind](**{"strided": {"stride": 4}, "banded": {"window": 20}}.get(kind, {}))
    q = torch.randn(2, 1, 3 * group, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    k, v, view = codes(1, dtype), codes(2, dtype), VIEWS[seen]()
    with torch.no_grad():
        expected = attend(pattern, q, k.expanded(), v.expanded(), view)
        calls = counted(monkeypatch, one_query, "over_codes")
        for row in (onednn(codes_from=50), replace(TORCH, codes_from=50)):
            with tuned(row):
                torch.testing.assert_close(attend(pattern, q, k, v, view), expected)
    assert bool(calls) == (dtype == torch.float32 and kind in ("dense", "prefix") and seen in ("all", "with a scale"))


def test_many_short_heads_are_expanded_one_by_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch, one_query, "over_codes")
    for large in (2 * 50 * 3 * 8 + 1, 2 * 50 * 3 * 8):
        assert not calls
        with changed(codes_from=NEVER, codes_of_all_from=large):
            attend(patterns["dense"](), torch.randn(2, 1, 3, 8), codes(1), codes(2), VIEWS["all"]())
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["llama-7b", "llama-7b-gqa8", "llama-7b-mqa", "llama-7b-alibi", "chatglm-6b-ordered"])
def test_decoding_by_codes_equals_decoding_by_their_vectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with changed(codes_from=NEVER, codes_of_all_from=NEVER):
        _, expected = decoded(name, quantised=True)
    calls = counted(monkeypatch, one_query, "over_codes")
    with changed(codes_from=1):
        torch.testing.assert_close(decoded(name, quantised=True)[1], expected, rtol=1e-4, atol=1e-5)
    assert bool(calls) == (name != "llama-7b-alibi")
