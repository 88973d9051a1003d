"""The counters: what they count agrees, what they do not know or what disagrees is an error that says where."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.choices.mixers import State
from harness.choices.mixers.softmax import Softmax
from harness.choices.mlps.swiglu import SwiGLU
from harness.choices.patterns.dense import Dense
from harness.counters import COUNTERS, Counter, counted_flops, filled_cache, mask_sum
from harness.errors import CountMismatchError
from harness.factory import build
from harness.metrics import metrics
from harness.metrics.flops import flops, flops_breakdown
from harness.modules.mlps.swiglu import SwiGLUMLP
from harness.spec import Spec, load_spec, spec_names
from tests.conftest import EXACT

EACH_COUNTER = pytest.mark.parametrize("counter", COUNTERS, ids=[counter.name for counter in COUNTERS])


def small(name: str = "llama-7b", num_layers: int | None = None) -> Spec:
    return load_spec(name).scaled(hidden_size=32, vocab_size=61, max_seq_len=24, num_layers=num_layers)


def hybrid() -> Spec:
    """Five layers of two kinds that differ in pattern, heads and MLP, in no regular order."""
    spec = small("gpt3-small", 5)
    banded = spec.blocks["banded"]
    grouped = load_spec("llama2-70b").choices.mixer.model_copy(update={"num_heads": 4, "num_kv_heads": 2})
    changed = replace(banded, mixer=grouped, mlp=SwiGLU(intermediate_size=40, bias=True))
    return replace(
        spec,
        blocks={"dense": spec.blocks["dense"], "banded": changed},
        layers=("dense", "banded", "banded", "dense", "banded"),
    )


@EACH_COUNTER
def test_one_layer_of_each_block_stands_for_all(counter: Counter) -> None:
    """A model counted whole, layer by layer, takes what the formula and the extrapolation say."""
    spec = hybrid()
    model = build(spec, device="meta")
    for phase in counter.phases:
        cache = filled_cache(model, 12, 2) if phase == "decode" else None
        tokens = torch.empty(2, 1 if phase == "decode" else 13, dtype=torch.long, device="meta")
        whole = counter.count(model, tokens, phase, cache)
        assert whole[""] == flops(spec, phase, 13, 2, causal=False)
        extrapolated = counted_flops(counter, spec, phase, 13, 2)
        for index, block in enumerate(spec.layers):
            for part in ("mixer", "mlp"):
                assert whole[f"layers.{index}.{part}"] == extrapolated[block][part]


@EACH_COUNTER
def test_the_hybrid_has_two_kinds_of_layers_that_cost_differently(counter: Counter) -> None:
    parts = counted_flops(counter, hybrid(), "prefill", 13, 2)
    assert parts["dense"]["mixer"] != parts["banded"]["mixer"]
    assert parts["dense"]["mlp"] != parts["banded"]["mlp"]


@pytest.mark.parametrize("name", ["gpt3-175b", "chatglm-6b", "llama2-70b", "baichuan-13b", "gpt3-small-fixed"])
@EACH_COUNTER
def test_full_size_models_are_counted_at_full_length(name: str, counter: Counter) -> None:
    spec = load_spec(name)
    longest = spec.dims.max_seq_len
    counted = counted_flops(counter, spec, "prefill", longest, 1)
    assert counted == flops_breakdown(spec, "prefill", longest, causal=False)


@pytest.mark.parametrize("name", spec_names())
def test_every_exact_metric_checks_itself_on_every_spec(name: str) -> None:
    spec = small(name)
    for metric in map(metrics.__getitem__, EXACT):
        result = metric().measure(spec, metric().settings(spec, "quick"))
        assert json.loads(json.dumps(result)) == result


def cumsum(_: object, x: Tensor) -> Tensor:
    return x.cumsum(-1)


def fourier(_: object, x: Tensor) -> Tensor:
    return torch.fft.rfft(x).abs().sum() * x


def distances(_: object, x: Tensor) -> Tensor:
    return x * torch.cdist(x, x).sum()


def sorted_values(_: object, x: Tensor) -> Tensor:
    return x.sort(-1).values


@pytest.mark.parametrize(
    ("activation", "operator"),
    [(cumsum, "cumsum"), (fourier, "fft"), (distances, "cdist"), (sorted_values, "sort")],
)
@EACH_COUNTER
def test_an_operator_that_no_one_knows_is_an_error_that_names_it_and_its_layer(
    counter: Counter, activation: Callable[..., Tensor], operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SwiGLUMLP, "activation", activation)
    for phase in counter.phases:
        with pytest.raises(CountMismatchError, match=rf"^llama-7b: .*{phase}.*{operator}.* in .*layers\.0\.mlp"):
            counted_flops(counter, small(), phase, 13, 2)


def product(_: object, x: Tensor) -> Tensor:
    return (x @ x.transpose(-1, -2)).sum(-1, keepdim=True) * x


@EACH_COUNTER
def test_a_product_that_the_choice_does_not_state_is_counted(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = counted_flops(counter, small(), "prefill", 13, 2)
    monkeypatch.setattr(SwiGLUMLP, "activation", product)
    counted = counted_flops(counter, small(), "prefill", 13, 2)
    hidden = 2 * 2 * 13 * 13 * small().choices.mlp.intermediate_size  # 2 B T T F
    assert counted["layer"]["mlp"] - stated["layer"]["mlp"] == hidden
    assert counted["layer"]["mixer"] == stated["layer"]["mixer"]


@EACH_COUNTER
def test_flops_outside_the_components_are_an_error(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = torch.nn.RMSNorm.forward

    def with_product(self: torch.nn.RMSNorm, x: Tensor) -> Tensor:
        return forward(self, x) @ self.weight.expand(32, 32)

    monkeypatch.setattr(torch.nn.RMSNorm, "forward", with_product)
    with pytest.raises(CountMismatchError, match=f"{3 * 2 * 2 * 13 * 32 * 32:,} FLOPs lie outside"):
        counted_flops(counter, small(), "prefill", 13, 2)


def one_more(method: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(*args: Any) -> Any:
        right = method(*args)
        return right + (State(cached=1) if isinstance(right, State) else 1)

    return wrong


@pytest.mark.parametrize(
    ("choice", "method", "metric", "message"),
    [
        (SwiGLU, "params", "params", "mlp has"),
        (Softmax, "params", "params", "mixer has"),
        (SwiGLU, "flops", "flops", "mlp of 'layer' takes"),
        (Softmax, "flops", "flops", "mixer of 'layer' takes"),
        (Softmax, "state", "kv_cache", "what is kept of 1 x 24 tokens has"),
        (Dense, "cached_keys", "kv_cache", "what is kept of 1 x 24 tokens has"),
        (Dense, "visible_pairs", "attention_pairs", "dense of block 'layer' shows"),
    ],
)
def test_a_wrong_formula_is_an_error_that_names_spec_and_component(
    choice: type, method: str, metric: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, measured = small(), metrics[metric]()
    settings = measured.settings(spec, "quick")
    measured.measure(spec, settings)
    monkeypatch.setattr(choice, method, one_more(getattr(choice, method)))
    with pytest.raises(CountMismatchError, match=f"^llama-7b: {message}"):
        measured.measure(spec, settings)


def test_masks_are_added_up() -> None:
    assert [mask_sum(Dense(), n) for n in (1, 2, 5)] == [1, 3, 15]
