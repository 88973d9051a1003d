"""First weights and optimiser of a recipe."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from harness.factory import build
from harness.modules.decoder import Decoder
from harness.modules.experts.top_k import StackedLinear
from harness.modules.layers import Linear, Table, draw
from harness.modules.residuals import Block
from harness.spec.model import Spec
from harness.training.recipe import Recipe


@torch.no_grad()
def fresh(spec: Spec, recipe: Recipe, seed: int) -> Decoder:
    """A model whose matrices have a variance of 1 / inputs, and tables that of the recipe; gains are 1, biases 0.

    A head that is tied to the token table has the table's variance. There the gains before the head make up for it,
    so that the logits of every fresh model have a variance near 1.
    """
    model = build(spec, mtp=True)
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, Linear | StackedLinear):
            draw(module.weight, module.weight.shape[-1] ** -0.5, generator)
        elif isinstance(module, Table):
            draw(module.weight, recipe.embedding_std, generator)
    for scheme in model.positions.modules():
        if isinstance(scheme, Table):
            draw(scheme.weight, recipe.position_std, generator)
    if spec.choices.head.tied:
        for gain in _last_gains(model):
            gain.div_(recipe.embedding_std * spec.dims.hidden_size**0.5)
    return model


def _last_gains(model: Decoder) -> list[nn.Parameter]:
    """The gains of the norms before the head, if they have any: of the final one, or in post-LN the last of a block;
    and of those behind modules of multi-token prediction.
    """
    last_block = model.layers[-1]
    assert isinstance(last_block, Block)
    norm = model.final_norm if len(model.final_norm) else getattr(last_block, last_block.norm_names[-1])
    further: Any = model.mtp
    return [gain for each in (norm, *(module.final_norm for module in further)) for gain in _gains(each)]


def _gains(norm: nn.Module) -> list[nn.Parameter]:
    found = (module.weight for module in norm.modules() if isinstance(module, nn.LayerNorm | nn.RMSNorm))
    return [gain for gain in found if gain is not None]


def optimiser_of(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over all parameters, in torch's fused kernel."""
    return torch.optim.AdamW(
        model.parameters(),
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        weight_decay=recipe.weight_decay,
        fused=True,
    )
