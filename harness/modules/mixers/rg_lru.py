"""RG-LRU in Griffin's recurrent block."""

from __future__ import annotations

from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, softplus

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.rg_lru import RGLRU
from harness.modules import computes
from harness.modules.kernels.scan import scan
from harness.modules.layers import INIT_STD, Linear, draw
from harness.modules.mixers.mamba2 import ShortConvolution
from harness.modules.states import Carried, Room
from harness.modules.step import LayerStep

SHARPNESS = 8.0
"""What the paper calls c: decays are those of its trained numbers to this power, where a gate is open."""
FIRST_DECAY = (0.9, 0.999)
"""Between what the paper draws a^(1 / c), evenly by its square."""
TINY = 1e-12
"""The root of what is smaller has no gradient, for that would be without bounds."""


class BlockDiagonal(nn.Module):
    """Products of the channels of a block with each other, [.., W] -> [.., W], with a bias."""

    def __init__(self, blocks: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(blocks, width, width))  # [block, in, out]
        self.bias = nn.Parameter(torch.empty(blocks, width))

    def start(self, generator: torch.Generator) -> None:
        """As other matrices."""
        draw(self.weight, INIT_STD, generator)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, W] -> [B, T, W]."""
        rows = torch.unflatten(x.flatten(0, 1), -1, self.bias.shape).transpose(0, 1)  # [block, B T, width]
        out = (rows @ self.weight).transpose(0, 1) + self.bias
        return out.flatten(1).view_as(x)


@computes(RGLRU)
class RGLRULayer(nn.Module):
    """Projects, convolves, runs the recurrence, gates, and projects back."""

    def __init__(self, mixer: RGLRU, dims: Dims, choices: Choices) -> None:
        super().__init__()
        made = {name: Linear(*astuple(product)) for name, product in mixer.projections(dims).items()}
        self.into, self.gate, self.out = made["into"], made["gate"], made["out"]
        self.convolution = ShortConvolution(mixer.width, mixer.taps, bias=True, kept_columns=mixer.taps - 1)
        self.input_gate, self.decay_gate = (BlockDiagonal(mixer.num_blocks, mixer.block) for _ in range(2))
        self.decay = nn.Parameter(torch.empty(mixer.width))

    def start(self, generator: torch.Generator) -> None:
        """Softplus of it such that decays at open gates lie where the paper has them."""
        low, high = (bound**2 for bound in FIRST_DECAY)
        decays = self.decay.uniform_(low, high, generator=generator).sqrt()
        self.decay.copy_((1 / decays - 1).log())

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        state = step.state
        assert state is None or isinstance(state, Carried)
        given = step.blank(self.into(x))
        inner, columns = self.convolution(given, state.get("convolution") if state else None)
        numbers = state.get("numbers") if state else None
        mixed, numbers = self._recurrence(step.blank(inner), step, numbers)
        if state:
            state.advance(int(x.shape[1]), convolution=columns, numbers=numbers)
        out: Tensor = self.out(mixed * gelu(self.gate(x), approximate="tanh"))
        return out

    def new_state(self, room: Room) -> Carried:
        """The last inputs of the convolution, and the numbers of the recurrence."""
        return Carried()

    def _recurrence(self, x: Tensor, step: LayerStep, numbers: Tensor | None) -> tuple[Tensor, Tensor]:
        """[B, T, W] and the numbers before, [B, W] -> [B, T, W], and the numbers behind."""
        precise = x.dtype if x.dtype == torch.float64 else torch.float32
        log_a = -SHARPNESS * self.decay_gate(x).sigmoid().to(precise) * softplus(self.decay.to(precise))
        root = (-torch.expm1(2 * log_a)).clamp(min=TINY).sqrt()
        is_first = (step.places.queries == 0)[..., None]  # [T, 1] or [B, T, 1]
        given = (x * self.input_gate(x).sigmoid()).to(precise) * torch.where(is_first, 1.0, root)
        if numbers is None:
            numbers = given.new_zeros(given[:, 0].shape)
        held = scan(log_a.exp().transpose(0, 1), given.transpose(0, 1), numbers).transpose(0, 1)
        return held.to(x.dtype), held[:, -1]
