"""How much of its gradient reaches the token table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.behaviours import Fact, behaviours, small_model
from harness.spec.model import Spec

if TYPE_CHECKING:
    from torch import Tensor

STEP = 1e-6


@behaviours.register("embedding_gradient")
def embedding_gradient(spec: Spec) -> Fact:
    """The gradient that autograd gives the table through the input, over the slope of the values themselves."""
    import torch

    from harness.modules.positions import Places, PositionModule

    model = small_model(spec)
    table, scheme = model.embedding.table.weight, model.positions[0]
    assert isinstance(scheme, PositionModule)
    ids = torch.arange(8)
    generator = torch.Generator().manual_seed(0)
    to = torch.randn(8, model.spec.dims.hidden_size, dtype=table.dtype, generator=generator)
    way = torch.randn(table.shape, dtype=table.dtype, generator=generator)

    def value(moved: float) -> Tensor:
        before = table.detach().clone()
        with torch.no_grad():
            table.add_(way, alpha=moved)
            out: Tensor = (model.embedding(ids[None], scheme, Places(ids, 8))[0] * to).sum()
            table.copy_(before)
        return out

    (gradient,) = torch.autograd.grad((model.embedding(ids[None], scheme, Places(ids, 8))[0] * to).sum(), table)
    slope = (value(STEP) - value(-STEP)) / (2 * STEP)
    return round(float((gradient * way).sum() / slope), 4)  # the slope is known to some 1e-6


@behaviours.register("shrink_lowers_gradient_norm")
def shrink_lowers_gradient_norm(spec: Spec) -> Fact:
    """The norm of all gradients of a language model is smaller than that of the same model without a shrink."""
    whole = spec.choices.embedding.model_copy(update={"gradient_scale": 1.0})
    blocks = {name: replace(block, embedding=whole) for name, block in spec.blocks.items()}
    return _norm(spec) < _norm(replace(spec, choices=replace(spec.choices, embedding=whole), blocks=blocks))


def _norm(spec: Spec) -> float:
    import torch

    model = small_model(spec)
    ids = torch.arange(16)
    loss = torch.nn.functional.cross_entropy(model(ids[None, :-1])[0], ids[1:])
    gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    return float(torch.stack([gradient.norm() for gradient in gradients if gradient is not None]).norm())
