"""From a spec to a torch model, on any device, at full size or scaled down."""

from __future__ import annotations

import torch
from torch import nn

from harness.modules.decoder import Decoder
from harness.modules.layers import INIT_STD, draw
from harness.spec.model import Spec


def build(
    spec: Spec,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    *,
    mtp: bool = False,
) -> Decoder:
    """The model of a spec, with fresh weights.

    Args:
        spec: what to build; `spec.scaled()` gives a small one of the same choices.
        device: where to; on "meta" a model of any size is built at once and holds no numbers.
        dtype: of all parameters.
        seed: of the weights; the same seed gives the same weights on one kind of device.
        mtp: whether with the modules of multi-token prediction, which training alone needs.

    Returns:
        The model in training mode.
    """
    with torch.device("meta"):
        model = Decoder(spec, mtp=mtp)
    model = model.to(dtype)
    if torch.device(device).type == "meta":
        return model
    model = model.to_empty(device=device)
    initialise(model, torch.Generator(device).manual_seed(seed))
    return model


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw matrices and tables from a normal distribution, set gains to 1 and biases to 0.

    What else a module trains it sets itself, in its method `start(generator)`.

    Raises:
        RuntimeError: a parameter that nothing has set; until then all are NaN.
    """
    for parameter in model.parameters():
        parameter.fill_(torch.nan)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            draw(module.weight, INIT_STD, generator)
        elif isinstance(module, nn.LayerNorm | nn.RMSNorm) and module.weight is not None:
            nn.init.ones_(module.weight)
        if isinstance(bias := getattr(module, "bias", None), nn.Parameter):
            nn.init.zeros_(bias)
        if callable(start := getattr(module, "start", None)):
            start(generator)
    unset = [name for name, parameter in model.named_parameters() if parameter.isnan().any()]
    if unset:
        raise RuntimeError(f"no module initialises {', '.join(unset)}")
