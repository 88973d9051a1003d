"""What the norms of a model do, and where they stand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.behaviours import Fact, behaviours, small_model
from harness.spec.model import Spec

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 64
LARGE = 1e4
"""So large a stream that the eps of a norm does not matter."""


def _normed(spec: Spec) -> tuple[Tensor, Any]:
    """Vectors of mean zero, and the norm of a spec."""
    import torch

    from harness.modules import computed_by

    x = torch.randn(16, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    norm = computed_by(spec.choices.norm)(spec.choices.norm, WIDTH).double()
    return x - x.mean(-1, keepdim=True), norm


@behaviours.register("norm_centres")
def norm_centres(spec: Spec) -> Fact:
    """The same number added to all channels changes nothing: the norm takes the mean off."""
    import torch

    x, norm = _normed(spec)
    return torch.allclose(norm(x), norm(x + 1))


@behaviours.register("norm_scales_as_layernorm")
def norm_scales_as_layernorm(spec: Spec) -> Fact:
    """Of vectors of mean zero the norm makes what a LayerNorm without bias makes."""
    import torch

    x, norm = _normed(spec)
    return torch.allclose(norm(LARGE * x), torch.nn.functional.layer_norm(LARGE * x, (WIDTH,), eps=1e-12))


@behaviours.register("norm_behind_layers")
def norm_behind_layers(spec: Spec) -> Fact:
    """What the last layer gives can be made any larger without a change of the outputs: a norm stands behind it."""
    import torch

    model = small_model(spec)
    factor = LARGE

    def larger(layer: object, given: object, out: Tensor) -> Tensor:
        return out * factor

    hook = model.layers[-1].register_forward_hook(larger)
    ids = torch.arange(8)[None]
    with torch.no_grad():
        first = model(ids)
        factor *= 2
        second = model(ids)
    hook.remove()
    return torch.allclose(first, second, rtol=1e-6)


@behaviours.register("deepnorm_block")
def deepnorm_block(spec: Spec) -> Fact:
    """A block is norm(alpha x + sublayer(x)), twice, with alpha = sqrt(2L): GLM-130B, section 2.1."""
    import torch

    model = small_model(spec)
    alpha = math.sqrt(2 * model.spec.dims.num_layers)
    block: Any = model.layers[0]
    found: list[bool] = []

    def check(block: Any, given: tuple[Any, ...], out: Tensor) -> None:
        x, step = given
        middle = block.mixer_norm(alpha * x + block.mixer(x, step))
        found.append(torch.allclose(out, block.mlp_norm(alpha * middle + block.mlp(middle, step))))

    if not {"mixer_norm", "mlp_norm"} <= set(dict(block.named_children())):
        return False
    hook = block.register_forward_hook(check)
    with torch.no_grad():
        model(torch.arange(8)[None])
    hook.remove()
    return all(found)
