"""One query behind a long cache, by products instead of torch's kernel: the same numbers."""

from __future__ import annotations

import pytest
import torch

from harness.choices.patterns import patterns
from harness.modules import computed_by, products
from harness.modules.cache import Codes, QuantisedStore
from harness.modules.patterns import View, cached, masked
from harness.spec import load_spec
from tests.contract.examples import lively, tokens_for


def attended(group: int, dtype: torch.dtype, heads_apart: bool = True) -> torch.Tensor:
    """One query over 50 keys, which lie as in a cache, head by head, or token by token."""
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, n, heads, 8, generator=draw).to(dtype) for n, heads in ((1, 3 * group), (50, 3), (50, 3)))
    if heads_apart:
        k, v = (x.transpose(1, 2).contiguous().transpose(1, 2) for x in (k, v))
    with torch.no_grad():
        return computed_by(patterns["dense"]())(
            patterns["dense"](), q, k, v, View(torch.tensor([49]), torch.arange(50))
        )


@pytest.mark.parametrize("heads_apart", [False, True])
@pytest.mark.parametrize("group", [1, 2, 4, 5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_products_give_what_the_kernel_gives(
    group: int, dtype: torch.dtype, heads_apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_kernel = attended(group, dtype, heads_apart)
    called = []
    by_products = masked._by_products
    monkeypatch.setattr(masked, "LONG", 50)
    monkeypatch.setattr(products, "WORTHWHILE", 1)
    monkeypatch.setattr(masked, "_by_products", lambda *given: called.append(1) or by_products(*given))
    torch.testing.assert_close(attended(group, dtype, heads_apart), by_kernel)
    assert bool(called) == (dtype == torch.float32 and heads_apart)


@pytest.mark.parametrize("name", ["llama-7b", "llama-7b-gqa8", "llama-7b-mqa", "gpt3-small", "chatglm-6b"])
def test_decoding_by_products_equals_the_whole_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masked, "LONG", 1)
    monkeypatch.setattr(products, "WORTHWHILE", 1)
    model = lively(load_spec(name).scaled(max_seq_len=40))
    tokens = tokens_for(model.spec, 2, 20)
    cache = model.new_cache()
    with torch.no_grad():
        pieces = torch.cat([model(piece, cache=cache) for piece in tokens.split([5] + [1] * 15, dim=1)], dim=1)
        torch.testing.assert_close(pieces, model(tokens), rtol=1e-4, atol=1e-5)


def codes(groups: int, dtype: torch.dtype, n: int = 50) -> Codes:
    draw = torch.Generator().manual_seed(groups)
    store = QuantisedStore(capacity=n)
    store.write(0, torch.randn(2, n, groups, 8, generator=draw).to(dtype))
    return store.read(n)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["dense", "prefix", "strided", "banded"])
@pytest.mark.parametrize("group", [1, 2, 8])
def test_codes_give_what_their_vectors_give(
    group: int, kind: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are expanded head by head, in single precision and where all are seen."""
    pattern = patterns[kind](**{"strided": {"stride": 4}, "banded": {"window": 20}}.get(kind, {}))
    q = torch.randn(2, 1, 3 * group, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    k, v, view = codes(3, dtype), codes(3, dtype), View(torch.tensor([49]), torch.arange(50))
    expected = cached.attend(pattern, q, k.expanded(), v.expanded(), view)
    called = []
    by_codes = cached._attend_codes
    monkeypatch.setattr(cached, "LONG", 50)
    monkeypatch.setattr(cached, "_attend_codes", lambda *given: called.append(1) or by_codes(*given))
    torch.testing.assert_close(cached.attend(pattern, q, k, v, view), expected)
    assert bool(called) == (dtype == torch.float32 and kind in ("dense", "prefix"))


@pytest.mark.parametrize(
    "name", ["llama-7b", "llama-7b-gqa8", "llama-7b-mqa", "llama-7b-alibi", "gpt3-small", "chatglm-6b"]
)
def test_decoding_by_codes_equals_decoding_by_their_vectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = lively(load_spec(name).scaled(max_seq_len=40))
    tokens = tokens_for(model.spec, 2, 20)

    @torch.no_grad()
    def decoded() -> torch.Tensor:
        cache = model.new_cache(quantised=True)
        return torch.cat([model(piece, cache=cache) for piece in tokens.split([5] + [1] * 15, dim=1)], dim=1)

    expected = decoded()
    monkeypatch.setattr(cached, "LONG", 1)
    torch.testing.assert_close(decoded(), expected, rtol=1e-4, atol=1e-5)
