"""Every behaviour is found where it is, and missed where a module is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from harness.behaviours import behaviours
from harness.choices.patterns.prefix import Prefix
from harness.metrics.behaviour import Behaviour
from harness.modules.embeddings.table import TokenEmbedding
from harness.modules.objectives import blank_infilling
from harness.modules.objectives.blank_infilling import FillBlanks
from harness.modules.positions.rope import RotaryPositions
from harness.modules.residuals.deepnorm import DeepNormBlock
from harness.modules.residuals.pre import PreNormBlock
from harness.spec import load_spec

FOUND = {
    ("causal", "gpt2-small"): True,
    ("causal", "chatglm-6b"): True,
    ("context_sees_itself_alone", "chatglm-6b"): True,
    ("context_sees_itself_alone", "chatglm2-6b"): False,
    ("rest_sees_all_before", "chatglm-6b"): True,
    ("rest_sees_all_before", "llama-7b"): True,
    ("attentions_a_layer", "llama-7b"): 1,
    ("relative_positions", "llama-7b"): True,
    ("relative_positions", "chatglm-6b"): True,
    ("relative_positions", "chatglm2-6b"): True,
    ("relative_positions", "gpt2-small"): False,
    ("norm_centres", "gpt1"): True,
    ("norm_centres", "llama-7b"): False,
    ("norm_scales_as_layernorm", "llama-7b"): True,
    ("norm_behind_layers", "gpt1"): False,
    ("norm_behind_layers", "gpt2-xl"): True,
    ("deepnorm_block", "chatglm-6b"): True,
    ("deepnorm_block", "gpt2-small-post-ln"): False,
    ("embedding_gradient", "chatglm-6b"): 1,
    ("embedding_gradient", "chatglm-6b-documented"): 0.1,
    ("shrink_lowers_gradient_norm", "chatglm-6b-documented"): True,
    ("shrink_lowers_gradient_norm", "chatglm-6b"): False,
    ("one_mask_a_span", "chatglm-6b"): True,
    ("one_mask_a_span", "llama-7b"): False,
    ("spans_random", "chatglm-6b"): True,
    ("spans_random", "llama-7b"): False,
    ("spans_short_and_long", "chatglm-6b"): True,
    ("spans_short_and_long", "llama-7b"): False,
    ("spans_shuffled", "chatglm-6b"): True,
    ("spans_shuffled", "chatglm-6b-ordered"): False,
    ("spans_start_and_stop", "chatglm-6b"): True,
    ("spans_start_and_stop", "llama-7b"): False,
    ("positions_of_spans", "chatglm-6b"): True,
    ("positions_of_spans", "llama-7b"): False,
}


@pytest.mark.parametrize(("name", "spec"), FOUND)
def test_a_behaviour_is_found_where_it_is(name: str, spec: str) -> None:
    assert behaviours[name](load_spec(spec)) == FOUND[name, spec]


def test_no_behaviour_goes_without_a_test() -> None:
    assert {name for name, _ in FOUND} == set(behaviours.names())


def test_the_metric_holds_all_of_them() -> None:
    spec = load_spec("llama-7b")
    found = Behaviour().measure(spec, Behaviour().settings(spec, "quick"))["facts"]
    assert list(found) == behaviours.names()
    assert found["causal"] is True


def _sees_ahead(self: Any, q: Any, k: Any, context: Any = 0) -> Any:
    return (k <= q + 1) | (k < context)


def _context_is_causal(self: Any, q: Any, k: Any, context: Any = 0) -> Any:
    return k <= q


def _half_turned(self: Any, x: Any, tables: Any) -> Any:
    cos, sin = (table.to(x.dtype) for table in tables)
    return self.layout.turned(x, cos, sin * 0.5)


def _alpha_one(self: Any, x: Any, step: Any) -> Any:
    x = self.mixer_norm(x + self.mixer(x, step))
    return self.mlp_norm(x + self.mlp(x))


def _unshrunk(self: Any, input_ids: Any, position: Any, places: Any) -> Any:
    return self.norm(position.embed(self.table(input_ids) if input_ids.dim() == 2 else input_ids, places))


BROKEN = [
    ("context_sees_itself_alone", "chatglm-6b", Prefix, "visible", _context_is_causal),
    ("rest_sees_all_before", "chatglm-6b", Prefix, "visible", _sees_ahead),
    ("relative_positions", "llama-7b", RotaryPositions, "rotate", _half_turned),
    ("deepnorm_block", "chatglm-6b", DeepNormBlock, "forward", _alpha_one),
    ("embedding_gradient", "chatglm-6b-documented", TokenEmbedding, "forward", _unshrunk),
    ("shrink_lowers_gradient_norm", "chatglm-6b-documented", TokenEmbedding, "forward", _unshrunk),
]


@pytest.mark.parametrize(("name", "spec", "module", "method", "broken"), BROKEN)
def test_a_broken_module_is_noticed(
    name: str,
    spec: str,
    module: type,
    method: str,
    broken: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = behaviours[name](load_spec(spec))
    monkeypatch.setattr(module, method, broken)
    assert behaviours[name](load_spec(spec)) != good


def test_a_second_attention_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = PreNormBlock.__init__

    def with_another(self: Any, residual: Any, dims: Any, choices: Any) -> None:
        made(self, residual, dims, choices)
        self.cross = type(self.mixer)(choices.mixer, dims, choices)

    monkeypatch.setattr(PreNormBlock, "__init__", with_another)
    assert behaviours["attentions_a_layer"](load_spec("llama-7b")) == 2


def test_a_look_ahead_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.behaviours.attention.small_model", lambda spec: _Leaking())
    assert behaviours["causal"](load_spec("llama-7b")) is False


class _Leaking(nn.Module):
    """Every output is the sum of all inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = load_spec("llama-7b").scaled()

    def forward(self, x: torch.Tensor, context: int) -> torch.Tensor:
        return x.sum(1, keepdim=True).expand_as(x)


def test_a_norm_without_scale_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.RMSNorm, "forward", lambda self, x: x)
    assert behaviours["norm_scales_as_layernorm"](load_spec("llama-7b")) is False
    assert behaviours["norm_behind_layers"](load_spec("llama-7b")) is False


def test_broken_examples_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load_spec("chatglm-6b")
    made = FillBlanks.example

    def broken(change: Callable[[Any], None]) -> Callable[..., Any]:
        def example(self: Any, *arguments: Any) -> Any:
            one = made(self, *arguments)
            change(one)
            return one

        return example

    def no_mask(one: Any) -> None:
        one.inputs[one.inputs.index(40)] = 0

    def no_start(one: Any) -> None:
        one.inputs[one.context] = 0

    def wrong_target(one: Any) -> None:
        one.targets[one.context] = 0

    def wrong_place(one: Any) -> None:
        one.in_span[-1] += 1

    for name, change in [
        ("one_mask_a_span", no_mask),
        ("one_mask_a_span", no_start),
        ("spans_start_and_stop", wrong_target),
        ("positions_of_spans", wrong_place),
    ]:
        monkeypatch.setattr(FillBlanks, "example", broken(change))
        assert behaviours[name](spec) is False, name
    monkeypatch.setattr(FillBlanks, "example", made)
    monkeypatch.setattr(blank_infilling, "cut", lambda rng, length: [(3, 6)])
    assert behaviours["spans_random"](spec) is False
    assert behaviours["spans_short_and_long"](spec) is False
