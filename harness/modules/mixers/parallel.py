"""Attention and a recurrence side by side."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mixers.parallel import Parallel
from harness.modules import computed_by, computes
from harness.modules.states import Joined, Room
from harness.modules.step import LayerStep


@computes(Parallel)
class ParallelLayer(nn.Module):
    """Gives both the same input, and adds up what they make of it; the factors stand at both ends of each."""

    def __init__(self, mixer: Parallel, dims: Dims, choices: Choices) -> None:
        super().__init__()
        self.attention, self.recurrence = (
            computed_by(part)(part, dims, alone) for part, alone in mixer.parts(choices).values()
        )
        self.choice = mixer

    def forward(self, x: Tensor, step: LayerStep) -> Tensor:
        """[B, T, D] -> [B, T, D]."""
        choice, state = self.choice, step.state
        assert state is None or isinstance(state, Joined)
        kept_by_attention, kept_by_recurrence = state.parts if state else (None, None)
        # Each gets a tensor of its own: by that torch's module tracker tells their backward passes apart.
        attended = self.attention(_times(x, choice.attention_in_scale), replace(step, state=kept_by_attention))
        recurred = self.recurrence(_times(x, choice.recurrence_in_scale), replace(step, state=kept_by_recurrence))
        return _times(attended, choice.attention_out_scale) + _times(recurred, choice.recurrence_out_scale)

    def new_state(self, room: Room) -> Joined:
        """Both states."""
        return Joined((self.attention.new_state(room), self.recurrence.new_state(room)))


def _times(x: Tensor, factor: float) -> Tensor:
    return x.view_as(x) if factor == 1.0 else x * factor
