"""Gradients: one family for each way to join sublayers to the stream."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness import import_config, load_checkpoint
from harness.checkpoints.families import families
from harness.checkpoints.layout import released_tensors
from tests.checkpoints.tiny import TINY, config_of, random_model, save

KINDS = {
    "openai-gpt": "post",
    "gpt2": "pre",
    "gptj": "parallel",
    "falcon": "parallel_two_norms",
    "gemma2": "sandwich",
    "olmo2": "reordered",
    "rwkv": "pre",
}


@pytest.mark.parametrize(("kind", "residual"), KINDS.items())
def test_gradients_are_those_of_the_reference(kind: str, residual: str, tmp_path: Path) -> None:
    configs = [config_of(kind, fields) for fields in TINY[kind]]
    config = next(each for each in configs if import_config(each.to_dict()).choices.residual.kind == residual)
    reference = random_model(config)
    save(reference, tmp_path)
    model = load_checkpoint(tmp_path)
    assert model.spec.choices.residual.kind == residual
    tokens = torch.randint(0, reference.config.vocab_size, (2, 17), generator=torch.Generator().manual_seed(1))
    weights = torch.randn(2, 17, reference.config.vocab_size, generator=torch.Generator().manual_seed(2))
    (reference(tokens).logits * weights).mean().backward()
    (model(tokens) * weights).mean().backward()
    parameters = dict(model.named_parameters())
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    theirs = dict(reference.named_parameters())
    for released in released_tensors(families[kind]().templates(model.spec), model.spec, shapes):
        gradient = theirs[released.name].grad
        assert gradient is not None
        ours = [parameters[own].grad for own in released.own]
        wanted = released.form.to_model(gradient, [shapes[own] for own in released.own])
        for own, got, want in zip(released.own, ours, wanted, strict=True):
            if kind == "gemma2" and "norm" in own:
                want = want - 1  # noqa: PLW2901  # the form adds 1 to a gain; a gradient has none to add
            # float32 sums of some hundred terms, against gradients of up to 1e-2
            torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6, msg=own)
