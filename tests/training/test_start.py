"""First weights: as wide as the recipe says, and logits of a size that does not depend on the head."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.choices.norms import norms
from harness.metrics.params import params
from harness.spec import load_spec
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training.matching import matched
from harness.training.recipe import Recipe
from harness.training.start import fresh, optimiser_of


@pytest.mark.parametrize("name", ["llama-7b", "gpt1", "gpt2-small", "chatglm-6b"])
def test_fresh_logits_have_a_variance_near_one(name: str) -> None:
    model = fresh(matched(load_spec(name), 110_000, params, SIZE, 50), Recipe(), 0)
    tokens = torch.randint(0, SIZE, (16, 34), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert model(tokens).var().item() == pytest.approx(1, rel=0.35)


def test_a_tied_head_behind_norms_without_gains_starts_too() -> None:
    """Nothing makes up for its table there."""
    small = matched(load_spec("gpt2-small"), 20_000, params, SIZE, 50)
    plain = norms["plain_rmsnorm"](eps=1e-5)
    blocks = {name: replace(block, norm=plain) for name, block in small.blocks.items()}
    model = fresh(replace(small, choices=replace(small.choices, norm=plain), blocks=blocks), Recipe(), 0)
    assert model(torch.zeros(1, 4, dtype=torch.long)).isfinite().all()


def test_tables_and_matrices_are_as_wide_as_the_recipe_says() -> None:
    spec = matched(load_spec("gpt2-small"), 110_000, params, SIZE, 50)
    model = fresh(spec, Recipe(embedding_std=2.0, position_std=0.3), 0)
    weights = dict(model.named_parameters())
    width = spec.dims.hidden_size
    assert weights["embedding.table.weight"].std().item() == pytest.approx(2.0, rel=0.05)
    assert weights["positions.0.table.weight"].std().item() == pytest.approx(0.3, rel=0.05)
    assert weights["layers.0.mlp.up.weight"].std().item() == pytest.approx(width**-0.5, rel=0.05)
    assert weights["layers.0.mlp.up.bias"].abs().max() == 0


def test_the_optimiser_is_that_of_the_recipe() -> None:
    recipe = Recipe(learning_rate=1.0, beta1=0.5, beta2=0.6, weight_decay=0.7)
    spec = matched(load_spec("llama-7b"), 20_000, params, SIZE, 50)
    model = fresh(spec, recipe, 0)
    (group,) = optimiser_of(model, recipe).param_groups
    assert (group["lr"], group["betas"], group["weight_decay"], group["fused"]) == (1.0, (0.5, 0.6), 0.7, True)
    assert len(group["params"]) == len(list(model.parameters()))
