"""A training step against the same model written plainly: same weights and batches; see `tests.bench.pairs`."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.metrics.icl import LONGEST, TARGET
from harness.metrics.params import params
from harness.spec import load_spec
from harness.tasks.synthetic.vocabulary import SIZE
from harness.timing import Samples, in_turns
from harness.training.loop import training_step
from harness.training.matching import matched
from harness.training.mixture import mixture
from harness.training.recipe import Recipe
from harness.training.start import fresh, optimiser_of
from tests.bench.pairs import Compare, Comparison, Measured, measure

PROCESSES, ROUNDS = 5, 9
STEPS = 4
"""Steps of one timing."""


class Plain(nn.Module):
    """A LLaMA as one would write it down: pre-norm, rotary positions from a table, gated MLP, untied head."""

    def __init__(self, layers: int, width: int, heads: int, intermediate: int, vocab: int, longest: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.layers = nn.ModuleList(PlainLayer(width, heads, intermediate) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, vocab, bias=False)
        frequencies = 10000 ** -(torch.arange(0, width // heads, 2) / (width // heads))
        angles = torch.arange(longest)[:, None] * frequencies
        self.register_buffer("cos", torch.cat((angles.cos(), angles.cos()), dim=-1))
        self.register_buffer("sin", torch.cat((angles.sin(), angles.sin()), dim=-1))

    def forward(self, input_ids: Tensor) -> Tensor:
        x = self.embedding(input_ids)
        length = input_ids.shape[1]
        for layer in self.layers:
            x = layer(x, self.cos[:length], self.sin[:length])
        return self.head(self.norm(x))


class PlainLayer(nn.Module):
    def __init__(self, width: int, heads: int, intermediate: int) -> None:
        super().__init__()
        self.heads = heads
        self.mixer_norm, self.mlp_norm = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, intermediate, bias=False) for _ in range(2))
        self.down = nn.Linear(intermediate, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, width = x.shape
        normed = self.mixer_norm(x)
        q, k, v = (
            project(normed).view(batch, length, self.heads, -1).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        q, k = q * cos + rotated(q) * sin, k * cos + rotated(k) * sin
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        normed = self.mlp_norm(x)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed))


def rotated(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def sample(settings: dict[str, int], number: int) -> dict[str, Samples]:
    """Steps of our model, and of the plain one with our weights."""
    spec = matched(load_spec("llama-7b"), TARGET, params, SIZE, LONGEST)
    recipe, layer = Recipe(), spec.layer(0)
    ours = fresh(spec, recipe, 0)
    plain = Plain(
        spec.dims.num_layers,
        spec.dims.hidden_size,
        layer.mixer.num_heads,
        layer.mlp.intermediate_size,
        SIZE,
        LONGEST,
    )
    load(plain, ours)
    batches = [mixture(spec, recipe.batch_size, 0)(step) for step in range(settings["steps"])]
    optimisers = optimiser_of(ours, recipe), optimiser_of(plain, recipe)

    def our_steps() -> list[float]:
        return [training_step(ours, optimisers[0], batch, 1e-3) for batch in batches]

    def plain_steps() -> list[float]:
        losses = []
        for batch in batches:
            for group in optimisers[1].param_groups:
                group["lr"] = 1e-3
            loss = F.cross_entropy(plain(batch.input_ids).flatten(0, 1), batch.targets.flatten())
            optimisers[1].zero_grad()
            loss.backward()
            optimisers[1].step()
            losses.append(loss.item())
        return losses

    torch.testing.assert_close(our_steps(), plain_steps(), rtol=1e-4, atol=0)  # the same model, and training
    calls = {"ours": our_steps, "plain": plain_steps}
    return {"steps": in_turns(calls, "plain", settings["rounds"], 0.0, number)}


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure(sample, {"steps": STEPS, "rounds": ROUNDS}, PROCESSES)


def test_step_of_a_small_llama(compare: Compare, measured: Measured) -> None:
    compare(measured, Comparison("training step to plain PyTorch, a small LLaMA", "steps", "ours", "plain", goal=1.03))


def load(plain: Plain, ours: nn.Module) -> None:
    """Give the plain model our weights."""
    weights = ours.state_dict()
    names = {
        "embedding.weight": "embedding.table.weight",
        "norm.weight": "final_norm.0.weight",
        "head.weight": "head.out.weight",
    }
    for index in range(len(plain.layers)):
        for part in ("query", "key", "value", "out"):
            names[f"layers.{index}.{part}.weight"] = f"layers.{index}.mixer.{part}.weight"
        for part in ("gate", "up", "down"):
            names[f"layers.{index}.{part}.weight"] = f"layers.{index}.mlp.{part}.weight"
        for part in ("mixer_norm", "mlp_norm"):
            names[f"layers.{index}.{part}.weight"] = f"layers.{index}.{part}.weight"
    plain.load_state_dict({mine: weights[other].clone() for mine, other in names.items()}, strict=False)
