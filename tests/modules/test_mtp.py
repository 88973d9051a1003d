"""Multi-token prediction: what it computes, what it costs, and what it changes in training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, rms_norm, silu
from torch.utils.flop_counter import FlopCounterMode

from harness.choices.axes import AXES
from harness.choices.base import Choice
from harness.counters import parameter_count
from harness.factory import build
from harness.metrics.flops import flops, mtp_flops
from harness.metrics.params import mtp_params, params
from harness.modules.decoder import Decoder
from harness.modules.objectives import IGNORED, Batch
from harness.spec import Spec, load_spec
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training.loop import MTP_WEIGHT, batch_loss, train
from harness.training.mixture import mixture
from harness.training.recipe import Recipe
from tests.contract.examples import BASE, TINY, T, problems, spec_with, tokens_for

HEADS = 4


def tiny(modules: int, **choices: Choice) -> Spec:
    """The tiny model of the contract tests with modules of multi-token prediction."""
    mtp: Choice = AXES["mtp"]["sequential"](modules=modules)
    layer = replace(BASE, **{"mtp": mtp, **choices})  # type: ignore[arg-type]
    return replace(spec_with("mtp", mtp), choices=layer, blocks={"layer": layer})


def lively(spec: Spec) -> Decoder:
    """Built with its modules, in float64, with no gain 1 and attention that is not even."""
    model = build(spec, dtype=torch.float64, mtp=True)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def plain_layer(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    """A pre-norm layer of causal attention without positions and SwiGLU, [B, T, D] -> [B, T, D]."""

    def normalised(x: Tensor, norm: str) -> Tensor:
        return rms_norm(x, x.shape[-1:], weights[f"{name}{norm}.weight"], 1e-5)

    def times(x: Tensor, matrix: str) -> Tensor:
        return x @ weights[f"{name}{matrix}.weight"].T

    y = normalised(x, "mixer_norm")
    query, key, value = (
        times(y, f"mixer.{part}").unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in ("query", "key", "value")
    )
    scores = query @ key.mT / query.shape[-1] ** 0.5
    hidden = torch.ones(scores.shape[-2:]).triu(1).bool()
    mixed = scores.masked_fill(hidden, -torch.inf).softmax(-1) @ value
    x = x + times(mixed.transpose(1, 2).flatten(2), "mixer.out")
    y = normalised(x, "mlp_norm")
    return x + times(silu(times(y, "mlp.gate")) * times(y, "mlp.up"), "mlp.down")


def plainly(weights: dict[str, Tensor], tokens: Tensor, modules: int) -> list[Tensor]:
    """Logits of the next token and of further ones by section 2.2 of DeepSeek-V3's report, [B, T - k, V] each."""

    def normalised(x: Tensor, norm: str) -> Tensor:
        return rms_norm(x, x.shape[-1:], weights[f"{norm}.weight"], 1e-5)

    table, head = weights["embedding.table.weight"], weights["head.out.weight"]
    x = table[tokens]
    for layer in range(TINY.num_layers):
        x = plain_layer(x, weights, f"layers.{layer}.")
    hidden = normalised(x, "final_norm.0")
    logits = [hidden @ head.T]
    for k in range(1, modules + 1):
        name = f"mtp.{k - 1}."
        later, before = table[tokens[:, k:]], hidden[:, :-1]
        both = [normalised(later, f"{name}embedding_norm"), normalised(before, f"{name}hidden_norm")]
        hidden = plain_layer(torch.cat(both, dim=-1) @ weights[f"{name}join.weight"].T, weights, f"{name}layer.")
        logits.append(normalised(hidden, f"{name}final_norm.0") @ head.T)
    return logits


@pytest.mark.parametrize("modules", [1, 2, 3])
def test_predictions_are_those_of_the_paper(modules: int) -> None:
    spec = tiny(modules, position=AXES["position"]["none"]())
    model, tokens = lively(spec), tokens_for(spec, 2)
    with torch.no_grad():
        found, expected = model.predictions(tokens), plainly(dict(model.named_parameters()), tokens, modules)
        torch.testing.assert_close(found[0], model(tokens), rtol=0, atol=0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_a_prediction_knows_the_tokens_before_it_and_no_later_one() -> None:
    model, tokens, changed = lively(tiny(2)), tokens_for(tiny(2), 1), 6
    other = tokens.clone()
    other[0, changed] = (tokens[0, changed] + 1) % TINY.vocab_size
    with torch.no_grad():
        for depth, (one, two) in enumerate(zip(model.predictions(tokens), model.predictions(other), strict=True)):
            differs = (one != two).any(-1)[0].tolist()
            assert differs == [place + depth >= changed for place in range(T - depth)]


MOE = {"experts": AXES["experts"]["top_k"](num_experts=4, experts_per_token=2, normalised=True)}
POST = {"residual": AXES["residual"]["post"](), "norm": AXES["norm"]["layernorm"](eps=1e-5)}
LEARNED = {"position": AXES["position"]["learned"]()}


@pytest.mark.parametrize("choices", [{}, MOE, POST, LEARNED], ids=["llama", "experts", "post-norm", "learned"])
@pytest.mark.parametrize("modules", [1, 3])
def test_costs_are_those_of_the_modules_and_of_a_counter(modules: int, choices: dict[str, Choice]) -> None:
    spec = tiny(modules, **choices)
    model, alone = build(spec, device="meta", mtp=True), build(spec, device="meta")
    assert parameter_count(model) == {**parameter_count(alone), "mtp": mtp_params(spec)}
    assert params(spec) == sum(parameter.numel() for parameter in alone.parameters())
    tokens = torch.empty(2, T, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        torch.stack([logits.sum() for logits in model.predictions(tokens)]).sum().backward()
    beside = mtp_flops(spec, T, 2, causal=False)
    assert counter.get_total_flops() == flops(spec, "train", T, 2, causal=False) + beside


def test_its_gradient_counts_and_its_loss_is_not_told() -> None:
    spec = tiny(2)
    model = lively(spec)
    text = tokens_for(spec, 2, T + 1)
    targets = text[:, 1:].clone()
    targets[:, 4] = IGNORED
    found = batch_loss(model, Batch(text[:, :-1], targets))
    logits = model.predictions(text[:, :-1])
    each = [
        cross_entropy(one.flatten(0, 1), targets[:, depth:].flatten(), ignore_index=IGNORED)
        for depth, one in enumerate(logits)
    ]
    torch.testing.assert_close(found, each[0], rtol=0, atol=1e-12)
    whole = each[0] + MTP_WEIGHT * (each[1] + each[2]) / 2
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(found, parameters)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(gradients, torch.autograd.grad(whole, parameters), rtol=0, atol=1e-12)
    assert all(gradient.abs().max() > 0 for gradient in gradients)


def test_training_learns_by_it_and_a_model_of_none_trains_as_before() -> None:
    recipe = Recipe(steps=3, batch_size=4)
    plain = load_spec("llama-7b").scaled(vocab_size=SIZE, max_seq_len=50)
    model = replace(plain.choices, mtp=AXES["mtp"]["sequential"](modules=1))
    further = replace(plain, choices=model, blocks={"layer": model})
    trained = [train(spec, recipe, mixture(spec, 4, 0), 0) for spec in (plain, further)]
    assert [len(each.model.mtp) for each in trained] == [0, 1]
    assert trained[0].losses[0] == pytest.approx(trained[1].losses[0], abs=0.5)
    assert trained[0].losses != trained[1].losses
    assert all(parameter.isfinite().all() for parameter in trained[1].model.parameters())


def test_a_text_too_short_for_a_module_is_not_predicted_by_it() -> None:
    spec = tiny(3)
    model = build(spec, mtp=True)
    text = tokens_for(spec, 2, 3)
    assert [logits.shape[1] for logits in model.predictions(text[:, :2])] == [2, 1]
    assert len(model.predictions(text[:, :1])) == 1
    targets = torch.full((2, 2), IGNORED)
    targets[:, 0] = text[:, 1]
    assert batch_loss(model, Batch(text[:, :2], targets)).isfinite()
    assert mtp_flops(spec, 1) == 0
    assert spec.scaled(max_seq_len=2).choices.mtp.depth == 1


def test_what_it_does_not_fit_is_told() -> None:
    infilling = tiny(1, objective=AXES["objective"]["blank_infilling"]())
    assert ("kind", "found sequential with objective blank_infilling; expected causal_lm") in problems(infilling)
    assert ("modules", "found 24; expected fewer than max_seq_len 24") in problems(tiny(24))
