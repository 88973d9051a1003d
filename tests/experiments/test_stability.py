"""Stability: what is measured of fresh models, held against the textbook; and short trainings that go well or wrong."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from harness.errors import HarnessError
from harness.experiments import experiments
from harness.experiments.scales import scales
from harness.experiments.short_training import losses
from harness.experiments.stability import AT_START, BASES, CANDIDATES, LAST, OTHER_MLP, final, law, spec_of
from harness.experiments.starts import rescale
from harness.experiments.text import Text
from harness.experiments.variants import changed
from harness.factory import build
from harness.metrics.params import params
from harness.modules.decoder import Decoder
from harness.spec import Spec, load_spec
from harness.spec.diff import difference
from harness.training.recipe import Recipe
from harness.training.start import fresh

TEXT = Text(words=4, length=8, concentration=0.1, seed=0)
SHORT = Recipe(steps=30, batch_size=8, weight_decay=0.0, warmup_steps=0, constant_until=1.0)


def spec_with(residual: str, depth: int = 3) -> Spec:
    """Without positions and gates, so that a few lines compute it; two heads, of 16 channels."""
    patch = {
        "residual": {"kind": residual},
        "norm": {"kind": "layernorm", "eps": 1e-5},
        "position": {"kind": "none"},
        "mlp": {"kind": "relu", "intermediate_size": 4 * 4096, "bias": False},
        "mixer": {"num_heads": 2, "num_kv_heads": 2, "bias": False},
    }
    small = changed(load_spec("llama-7b"), patch)
    return small.scaled(hidden_size=32, num_layers=depth, vocab_size=11, max_seq_len=16)


Weights = dict[str, Tensor]


def normed(x: Tensor, of: Weights, name: str) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / ((centred**2).mean(-1, keepdim=True) + 1e-5) ** 0.5 * of[f"{name}.weight"] + of[f"{name}.bias"]


def attended(x: Tensor, of: Weights) -> Tensor:
    """Two heads of causal attention."""
    q, k, v = (
        (x @ of[f"mixer.{name}.weight"].T).unflatten(-1, (2, -1)).transpose(1, 2) for name in ("query", "key", "value")
    )
    hidden = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
    scores = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).masked_fill(hidden, -math.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2) @ of["mixer.out.weight"].T


def fed(x: Tensor, of: Weights) -> Tensor:
    return (x @ of["mlp.up.weight"].T).clamp(min=0) @ of["mlp.down.weight"].T


def textbook(residual: str, weights: Weights, words: Tensor) -> dict[str, Any]:
    """The same measures in float64 from the formulas, without hooks."""
    blocks: list[Weights] = [{}, {}, {}]
    for path, weight in weights.items():
        if path.startswith("layers."):
            _, number, name = path.split(".", 2)
            blocks[int(number)][name] = weight
    stream = [weights["embedding.table.weight"][words[:, :-1]]]
    for of in blocks:
        x = stream[-1]
        if residual == "post":
            x = normed(x + attended(x, of), of, "mixer_norm")
            x = normed(x + fed(x, of), of, "mlp_norm")
        else:
            x = x + attended(normed(x, of, "mixer_norm"), of)
            x = x + fed(normed(x, of, "mlp_norm"), of)
        stream.append(x)
    last = stream[-1] if residual == "post" else normed(stream[-1], weights, "final_norm.0")
    logits = last @ weights["head.out.weight"].T
    likely = logits.log_softmax(-1).gather(-1, words[:, 1:, None])
    loss = -likely.mean()
    gradients = [torch.autograd.grad(loss, [*of.values()], retain_graph=True) for of in blocks]
    of_stream = torch.autograd.grad(loss, stream[:-1])
    return {
        "loss": loss.item(),
        "stream": [float((x.detach() ** 2).mean() ** 0.5) for x in stream],
        "weight_gradients": [math.sqrt(sum(float((g**2).sum()) for g in of)) for of in gradients],
        "stream_gradients": [float((g**2).sum() ** 0.5) for g in of_stream],
    }


def drawn(spec: Spec, seed: int = 0) -> Decoder:
    return fresh(spec, Recipe(), seed)


def some_words(spec: Spec, batch: int = 3) -> Tensor:
    return torch.randint(spec.dims.vocab_size, (batch, 13), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("residual", ["post", "pre"])
@pytest.mark.parametrize("double", [True, False])
def test_scales_are_those_of_the_textbook(residual: str, double: bool) -> None:
    """To the digits of the number format. Gains and biases are moved away from 1 and 0."""
    model = drawn(spec_with(residual))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))
    words = some_words(model.spec)
    weights = {name: value.detach().double().requires_grad_() for name, value in model.named_parameters()}
    found = scales(model.double() if double else model, words)
    expected = textbook(residual, weights, words)
    assert set(found) == set(expected)
    for measure, values in expected.items():
        assert found[measure] == pytest.approx(values, rel=1e-9 if double else 1e-4), measure


def test_scales_leave_neither_hooks_nor_gradients_behind() -> None:
    model = drawn(spec_with("pre"))
    words = some_words(model.spec)
    assert scales(model, words) == scales(model, words)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(layer._forward_pre_hooks or layer._forward_hooks for layer in model.layers)


@pytest.mark.parametrize("residual", ["post", "deepnorm"])
def test_the_stream_behind_a_norm_is_of_unit_scale(residual: str) -> None:
    spec = changed(spec_with("post", depth=6), {"residual": {"kind": "deepnorm", "alpha": "(2L)^(1/4)"}})
    spec = spec if residual == "deepnorm" else spec_with("post", depth=6)
    assert scales(drawn(spec), some_words(spec))["stream"][1:] == pytest.approx([1.0] * 6, rel=1e-4)  # but for eps


def test_the_variance_of_the_stream_of_pre_norm_grows_about_linearly() -> None:
    """Every block adds as much: half of the blocks about half of what all 24 do."""
    spec = spec_with("pre", depth=24)
    for seed in range(3):
        variance = [rms**2 for rms in scales(drawn(spec, seed), some_words(spec))["stream"]]
        halves = variance[12] - variance[0], variance[24] - variance[12]
        assert 0.6 < halves[0] / halves[1] < 1.4
        assert variance[24] > 8 * variance[0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("GPT-2's", {"out": 6**-0.5, "down": 6**-0.5}),
        ("DeepNet's", dict.fromkeys(("value", "out", "up", "down"), 24**-0.25)),
    ],
)
def test_rules_of_first_weights_rescale_what_they_name(rule: str, expected: dict[str, float]) -> None:
    """Three blocks: (2 L)^(-1/2) and (8 L)^(-1/4)."""
    spec = spec_with("pre")
    before, after = dict(drawn(spec).named_parameters()), drawn(spec)
    rescale(after, rule)
    for name, weight in after.named_parameters():
        factor = expected.get(name.split(".")[-2], 1.0) if name.startswith("layers.") else 1.0
        torch.testing.assert_close(weight, before[name] * factor)


def test_a_patch_of_the_same_kind_changes_options_and_another_kind_replaces_all() -> None:
    spec = load_spec("gpt2-small")
    patched = changed(spec, {"mixer": {"bias": False}, "norm": {"kind": "rmsnorm", "eps": 1e-6}})
    assert difference(spec, patched) == {
        "mixer.bias": (True, False),
        "norm": ("layernorm", "rmsnorm"),
        "norm.eps": (1e-5, 1e-6),
        "norm.gain": (True, None),
        "norm.bias": (True, None),
    }
    assert patched.layer(0).norm == patched.choices.norm
    with pytest.raises(HarnessError, match="unknown norm 'rmsnrm'"):
        changed(spec, {"norm": {"kind": "rmsnrm"}})
    with pytest.raises(ValidationError):
        changed(spec, {"norm": {"epsilon": 1e-6}})


def settings(profile: str = "quick", part: str = "training", **changes: Any) -> dict[str, Any]:
    found = next(each for each in experiments["stability"]().settings(profile) if each["part"] == part)
    return {**found, **changes}


@pytest.mark.parametrize("base", BASES)
def test_candidates_differ_in_what_they_are_named_for_alone(base: str) -> None:
    found = next(each for each in experiments["stability"]().settings("full") if each["base"]["spec"] == base)
    post = spec_of("post", found, 6)
    specs = {name: spec_of(name, found, 6) for name in found["candidates"]}
    axes = {name: {key.split(".")[0] for key in difference(post, spec)} for name, spec in specs.items()}
    assert axes == {
        **{name: {"residual"} for name in AT_START},
        "post": set(),
        "reordered, QK norm": {"residual", "mixer"},
        **{name: {"mlp"} for name in OTHER_MLP[base]},
    }
    (other,) = OTHER_MLP[base]
    assert params(specs[other]) == pytest.approx(params(post), rel=0.03)


def test_two_fresh_norms_behind_one_stream_are_as_one() -> None:
    """Which is why `parallel_two_norms` is not measured."""
    names = ("parallel", "parallel, two norms")
    assert "parallel, two norms" not in AT_START
    found = settings(part="start", candidates={name: CANDIDATES[name] for name in names}, depths=[3, 4], seeds=[0])
    samples = experiments["stability"]().measure(found)["samples"]
    one, two = (samples[name]["4"][0] for name in names)
    assert one["stream"] == two["stream"]
    assert one["stream_gradients"] == pytest.approx(two["stream_gradients"], rel=1e-5)


def test_the_entropies_of_the_text_are_those_of_all_its_sequences() -> None:
    """Every sequence of three words and one more, of three, with its probability."""
    text = Text(words=3, length=3, concentration=0.5, seed=1)
    pairs = np.full((3, 3), 1 / 9)
    for _ in range(2000):
        pairs = np.array(
            [[sum(pairs[a, b] * text.following[a, b, c] for a in range(3)) for c in range(3)] for b in range(3)]
        )
    likely = {
        (a, b, c, d): pairs[a, b] * text.following[a, b, c] * text.following[b, c, d]
        for a, b, c, d in product(range(3), repeat=4)
    }
    assert sum(likely.values()) == pytest.approx(1)
    first = pairs.sum(1)
    surprise = -sum(p * math.log(p / first[words[0]]) for words, p in likely.items() if p)
    assert text.best == pytest.approx(surprise / 3, rel=1e-9)
    assert text.unigram == pytest.approx(-sum(p * math.log(p) for p in pairs.sum(0)), rel=1e-9)
    assert text.best < text.unigram < math.log(3)


def test_sequences_of_the_text_follow_their_seed_and_come_as_often_as_they_should() -> None:
    words = TEXT.sequences(np.random.default_rng(0), 40_000)
    assert words.shape == (40_000, 9)
    assert (words == TEXT.sequences(np.random.default_rng(0), 40_000)).all()
    assert (words != TEXT.sequences(np.random.default_rng(1), 40_000)).any()
    for place in (0, 7):  # in the first words and in the last
        seen = np.bincount(4 * words[:, place] + words[:, place + 1], minlength=16) / 40_000
        assert seen == pytest.approx(TEXT.pairs.ravel(), abs=0.012)  # five standard errors
    a, b = np.unravel_index(TEXT.pairs.argmax(), TEXT.pairs.shape)
    behind = words[(words[:, 3] == a) & (words[:, 4] == b), 5]
    assert np.bincount(behind, minlength=4) / len(behind) == pytest.approx(TEXT.following[a, b], abs=0.03)


def tiny(**choices: Any) -> Spec:
    sizes = {"hidden_size": 16, "num_layers": 2, "vocab_size": 4, "max_seq_len": 8}
    return changed(load_spec("llama-7b"), choices).scaled(**sizes)


def test_a_training_that_goes_wrong_ends_where_its_loss_is_no_number() -> None:
    assert len(losses(tiny(), None, SHORT, TEXT, 0)) == SHORT.steps
    wrong = losses(tiny(), None, replace(SHORT, learning_rate=1e30), TEXT, 0)
    assert 1 <= len(wrong) < SHORT.steps
    assert all(map(math.isfinite, wrong))
    assert final(wrong, SHORT.steps) is None


def test_the_final_loss_is_the_mean_of_the_last_steps() -> None:
    assert final([9.0, *[2.0] * (LAST - 1), 3.0], LAST + 1) == pytest.approx((2 * (LAST - 1) + 3) / LAST, rel=1e-6)


def test_trainings_see_the_same_sequences_and_the_same_bits_each_time() -> None:
    first = losses(tiny(), None, SHORT, TEXT, 0)
    assert first == losses(tiny(), None, SHORT, TEXT, 0)
    assert first != losses(tiny(), None, SHORT, TEXT, 1)
    assert first != losses(tiny(), "GPT-2's", SHORT, TEXT, 0)


def test_divergence_is_told_from_training() -> None:
    """At a rate that trains, at one too low to, at one that is far too high, and at one that ends in no number."""
    recipe = {**settings()["recipe"], "steps": 60}
    changes = {"depth": 2, "rates": [1e-2, 1e-5, 1.0, 1e30], "seeds": [0], "recipe": recipe}
    found = experiments["stability"]().measure(settings(**changes))
    assert {row["candidate"] for row in found["rows"]} == set(settings()["candidates"])
    by_rate = [[row for row in found["rows"] if row["rate"] == rate] for rate in changes["rates"]]
    assert [{row["trained"][0] for row in rows} for rows in by_rate] == [{True}, {False}, {False}, {False}]
    assert {row["final"][0] for row in by_rate[3]} == {None}
    assert all(found["text"]["unigram"] < row["final"][0] < 99 for rows in by_rate[1:3] for row in rows)
    for row in by_rate[0]:
        assert found["text"]["best"] < row["final"][0] < found["text"]["threshold"] < found["text"]["unigram"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_fresh_models_from_end_to_end() -> None:
    found_settings = settings(part="start", depths=[2, 4, 8], seeds=[0, 1])
    found = experiments["stability"]().measure(found_settings)
    assert found == experiments["stability"]().measure(found_settings)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {(row["candidate"], row["depth"]) for row in found["rows"]} == set(
        product(found_settings["candidates"], [2, 4, 8])
    )
    for row in found["rows"]:
        for seed, sample in enumerate(found["samples"][row["candidate"]][str(row["depth"])]):
            assert len(sample["stream"]) == row["depth"] + 1
            gradients = sample["weight_gradients"]
            assert row["first_to_last"][seed] == pytest.approx(gradients[0] / gradients[-1], rel=1e-5)
            assert row["stream_growth"][seed] == pytest.approx(
                (sample["stream"][-1] / sample["stream"][1]) ** 2, rel=1e-5
            )
    assert {law["candidate"] for law in found["laws"]} == set(found_settings["candidates"])


def test_laws_are_found_again() -> None:
    depths = [6, 12, 24, 48]
    power = law(depths, [[3 * depth**0.5 for depth in depths], [depth**0.25 for depth in depths]])
    assert power["law"] == "power"
    assert power["exponents"] == pytest.approx([0.5, 0.25])
    growing = law(depths, [[0.1 * 1.2**depth for depth in depths], [1.1**depth for depth in depths]])
    assert growing["law"] == "exponential"
    assert growing["factors"] == pytest.approx([1.2, 1.1])
    assert law(depths, [[2.0] * 4])["exponents"] == [0.0]


def test_depth_makes_the_parameters_that_the_result_tells() -> None:
    changes = {"depth": 2, "rates": [1e-2], "seeds": [0], "recipe": {**settings()["recipe"], "steps": 1}}
    found_settings = settings(**changes)
    found = experiments["stability"]().measure(found_settings)
    spec = spec_of("post", found_settings, 2)
    assert found["exact"]["params"]["post"] == sum(p.numel() for p in build(spec, "meta").parameters())
    # Pre-norm has one more norm, behind the last block.
    assert found["exact"]["params"]["pre"] - found["exact"]["params"]["post"] == spec.dims.hidden_size
