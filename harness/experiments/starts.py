"""First weights that become smaller with depth, as some architectures ask for beside where their norms stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.modules.decoder import Decoder


@dataclass(frozen=True)
class Start:
    """What the first weights of some matrices of a block are multiplied by.

    Attributes:
        matrices: names of the projections, as the modules of attention and MLP call them.
        factor: of the number of blocks, L.
    """

    matrices: tuple[str, ...]
    factor: Callable[[int], float]


STARTS = {
    # Radford et al. 2019 (GPT-2), section 2.3: 1 / sqrt(N) for the N = 2 L matrices that write to the stream.
    "GPT-2's": Start(("out", "down"), lambda depth: (2 * depth) ** -0.5),
    # Wang et al. 2022 (DeepNet), https://arxiv.org/abs/2203.00555, figure 2: beta of decoders; not of queries and keys.
    "DeepNet's": Start(("value", "out", "gate", "up", "down"), lambda depth: (8 * depth) ** -0.25),
}


def rescale(model: Decoder, name: str | None) -> None:
    """Multiply the first weights of a fresh model as the rule of this name says; None leaves them as they are."""
    if name is None:
        return
    import torch

    from harness.modules.layers import Linear

    start = STARTS[name]
    factor = start.factor(len(model.layers))
    with torch.no_grad():
        for path, module in model.layers.named_modules():
            if isinstance(module, Linear) and path.rpartition(".")[2] in start.matrices:
                module.weight.mul_(factor)
