"""Norms, MLPs and blocks in float64 against formulas written out from the papers."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.choices.axes import AXES
from harness.choices.base import Dims
from harness.choices.mlps import MLP
from harness.choices.norms import Norm
from harness.choices.residuals.deepnorm import DeepNorm
from harness.modules import computed_by
from tests.contract.examples import BASE

DIMS = Dims(num_layers=7, hidden_size=12, vocab_size=8, max_seq_len=16)
EXACT = {"rtol": 0.0, "atol": 1e-12}
"""Sums of at most 20 products of numbers below 10, in float64: errors are below 1e-13."""


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(module: nn.Module) -> nn.Module:
    """The module in float64 with random weights."""
    module = module.double()
    for seed, parameter in enumerate(module.parameters()):
        parameter.data = noise(*parameter.shape, seed=seed + 1)
    return module


def norm_of(kind: str, eps: float) -> tuple[Norm, Any]:
    norm = AXES["norm"][kind](eps=eps)
    return norm, drawn(computed_by(norm)(norm, DIMS.hidden_size))


@pytest.mark.parametrize("eps", [1e-6, 1e-5, 0.5])
def test_layernorm_is_its_formula(eps: float) -> None:
    _, module = norm_of("layernorm", eps)
    x = 3 * noise(2, 5, 12) + 1
    rows = []
    for row in x.reshape(-1, 12):
        mean = sum(row) / 12
        variance = sum((value - mean) ** 2 for value in row) / 12
        rows.append((row - mean) / (variance + eps) ** 0.5 * module.weight + module.bias)
    torch.testing.assert_close(module(x), torch.stack(rows).reshape(2, 5, 12), **EXACT)


@pytest.mark.parametrize("eps", [1e-6, 1e-5, 0.5])
def test_rmsnorm_is_its_formula(eps: float) -> None:
    _, module = norm_of("rmsnorm", eps)
    x = 3 * noise(2, 5, 12) + 1
    rows = [row / (sum(value**2 for value in row) / 12 + eps) ** 0.5 * module.weight for row in x.reshape(-1, 12)]
    torch.testing.assert_close(module(x), torch.stack(rows).reshape(2, 5, 12), **EXACT)


def test_rmsnorm_without_gains_is_its_formula() -> None:
    _, module = norm_of("plain_rmsnorm", 0.5)
    x = 3 * noise(2, 5, 12) + 1
    rows = [row / (sum(value**2 for value in row) / 12 + 0.5) ** 0.5 for row in x.reshape(-1, 12)]
    torch.testing.assert_close(module(x), torch.stack(rows).reshape(2, 5, 12), **EXACT)
    assert not list(module.parameters())


def gelu_exact(x: float) -> float:
    """X times the Gaussian distribution function: Hendrycks and Gimpel 2016, equation 1."""
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


def gelu_tanh(x: float) -> float:
    """Their approximation, equation 2."""
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu(x: float) -> float:
    return x / (1 + math.exp(-x))


def relu(x: float) -> float:
    return x if x > 0 else 0.0


def relu2(x: float) -> float:
    return relu(x) ** 2


ACTIVATIONS = [
    ("relu", {}, relu),
    ("relu2", {}, relu2),
    ("gelu", {"approximate": "none"}, gelu_exact),
    ("gelu", {"approximate": "tanh"}, gelu_tanh),
    ("geglu", {"approximate": "none"}, gelu_exact),
    ("geglu", {"approximate": "tanh"}, gelu_tanh),
    ("swiglu", {}, silu),
]


def test_every_mlp_has_a_formula_here() -> None:
    elsewhere = {"xielu", "none", "clamped_swiglu", "rwkv"}
    assert {kind for kind, _, _ in ACTIVATIONS} | elsewhere == set(AXES["mlp"].names())


def test_a_clamped_mlp_is_its_formula() -> None:
    mlp = AXES["mlp"]["clamped_swiglu"](intermediate_size=20, bias=True, alpha=1.7, limit=0.3)
    module = drawn(computed_by(mlp)(mlp, DIMS))
    of, x = dict(module.named_parameters()), noise(2, 5, 12)
    gate = (x @ of["gate.weight"].T + of["gate.bias"]).clamp(max=0.3)
    up = (x @ of["up.weight"].T + of["up.bias"]).clamp(-0.3, 0.3)
    inner = gate / (1 + torch.exp(-1.7 * gate)) * (up + 1)
    torch.testing.assert_close(module(x), inner @ of["down.weight"].T + of["down.bias"])


def test_channel_mixing_is_its_formula() -> None:
    mlp = AXES["mlp"]["rwkv"](intermediate_size=20)
    module = drawn(computed_by(mlp)(mlp, DIMS))
    of, x = dict(module.named_parameters()), noise(2, 5, 12)
    step = SimpleNamespace(mlp_state=None, blank=lambda x: x)  # a pass from the start, without padding

    def mixed(product: str) -> Tensor:
        previous = torch.cat((torch.zeros(2, 1, 12), x[:, :-1]), 1)
        share = of[f"{product}.share"]
        return (share * x + (1 - share) * previous) @ of[f"{product}.weight"].T

    gate = 1 / (1 + torch.exp(-mixed("receptance")))
    expected = gate * (mixed("key").clamp(min=0) ** 2 @ of["value.weight"].T)
    torch.testing.assert_close(module(x, step), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("kind", "options", "activation"), ACTIVATIONS)
def test_an_mlp_is_its_formula(kind: str, options: dict[str, str], activation: Any, bias: bool) -> None:
    mlp: MLP = AXES["mlp"][kind](intermediate_size=20, bias=bias, **options)
    module = drawn(computed_by(mlp)(mlp, DIMS))
    x = noise(2, 5, 12)

    def linear(name: str, y: Tensor) -> Tensor:
        weights = dict(module.named_parameters())
        out = y @ weights[f"{name}.weight"].T
        return out + weights[f"{name}.bias"] if bias else out

    def activated(y: Tensor) -> Tensor:
        return torch.tensor([activation(value) for value in y.flatten().tolist()], dtype=y.dtype).reshape(y.shape)

    gated = kind in ("geglu", "swiglu")
    inner = activated(linear("gate", x)) * linear("up", x) if gated else activated(linear("up", x))
    # products of 12 and 20 numbers of up to 5, through a gate: values of some 100, errors of some 1e-13
    torch.testing.assert_close(module(x), linear("down", inner), rtol=0.0, atol=1e-11)


@pytest.mark.parametrize(("kind", "options", "activation"), ACTIVATIONS)
def test_an_mlp_is_the_same_where_nothing_is_trained(kind: str, options: dict[str, str], activation: Any) -> None:
    mlp: MLP = AXES["mlp"][kind](intermediate_size=20, bias=False, **options)
    module, x = drawn(computed_by(mlp)(mlp, DIMS)), noise(2, 5, 12)
    trained, before = module(x), x.clone()
    with torch.no_grad():
        assert torch.equal(module(x), trained)
    assert torch.equal(x, before)


def test_the_two_gelus_differ() -> None:
    assert abs(gelu_exact(1.0) - gelu_tanh(1.0)) > 1e-4


class Sublayer(nn.Module):
    """Stands in for attention and MLP: a matrix, whatever it is told beside."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.matrix = noise(12, 12, seed=seed)

    def forward(self, x: Tensor, step: object = None) -> Tensor:
        return x @ self.matrix


def block_of(kind: str, **options: object) -> Any:
    residual = AXES["residual"][kind](**options)
    block = computed_by(residual)(residual, DIMS, BASE)
    block.mixer, block.mlp = Sublayer(1), Sublayer(2)
    return drawn(block)


def rms(x: Tensor, module: nn.RMSNorm) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * module.weight


def test_pre_ln_adds_to_a_stream_that_is_not_normalised() -> None:
    block, x = block_of("pre"), noise(2, 5, 12)
    middle = x + block.mixer(rms(x, block.mixer_norm))
    torch.testing.assert_close(block(x, None), middle + block.mlp(rms(middle, block.mlp_norm)), **EXACT)


@pytest.mark.parametrize(
    ("kind", "options", "alpha"),
    [
        ("post", {}, 1.0),
        ("deepnorm", {"alpha": 3.5}, 3.5),
        ("deepnorm", {"alpha": "(2L)^(1/4)"}, math.sqrt(math.sqrt(14))),
        ("deepnorm", {"alpha": "(2L)^(1/2)"}, math.sqrt(14)),
    ],
)
def test_post_ln_and_deepnorm_normalise_the_weighted_stream(kind: str, options: dict[str, Any], alpha: float) -> None:
    block, x = block_of(kind, **options), noise(2, 5, 12)
    middle = rms(alpha * x + block.mixer(x), block.mixer_norm)
    torch.testing.assert_close(block(x, None), rms(alpha * middle + block.mlp(middle), block.mlp_norm), **EXACT)


def test_deepnorm_weighs_what_a_sublayer_adds() -> None:
    block, x = block_of("deepnorm", alpha=3.5, scale=0.7), noise(2, 5, 12)
    middle = rms(3.5 * x + 0.7 * block.mixer(x), block.mixer_norm)
    torch.testing.assert_close(block(x, None), rms(3.5 * middle + 0.7 * block.mlp(middle), block.mlp_norm), **EXACT)


def test_alpha_of_chatglm_is_that_of_its_release() -> None:
    chatglm = Dims(num_layers=28, hidden_size=4096, vocab_size=8, max_seq_len=8)
    assert DeepNorm(alpha="(2L)^(1/2)").alpha_at(chatglm) == (2 * 28) ** 0.5
    assert DeepNorm(alpha="(2L)^(1/4)").alpha_at(chatglm) == (2 * 28) ** 0.25


@pytest.mark.parametrize(("kind", "norms"), [("pre", 1), ("post", 0), ("deepnorm", 0)])
def test_only_a_stream_that_is_not_normalised_gets_a_final_norm(kind: str, norms: int) -> None:
    options = {"alpha": 2.0} if kind == "deepnorm" else {}
    assert AXES["residual"][kind](**options).final_norms == norms
