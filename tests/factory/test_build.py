"""Fresh weights, devices and number formats."""

from __future__ import annotations

import pytest
import torch

from harness.factory import build, initialise
from harness.metrics.params import params
from harness.modules.layers import INIT_STD
from harness.spec import Spec, load_spec
from tests.contract.examples import EXAMPLES, Example, spec_of, tokens_for


def small(name: str = "gpt2-small") -> Spec:
    return load_spec(name).scaled(hidden_size=32, vocab_size=61, max_seq_len=24)


def weights(spec: Spec, seed: int) -> dict[str, torch.Tensor]:
    return build(spec, seed=seed).state_dict()


@pytest.mark.parametrize("name", ["gpt2-small", "llama-7b", "chatglm-6b"])
def test_a_seed_gives_the_same_weights_and_another_gives_others(name: str) -> None:
    first, again, other = weights(small(name), 7), weights(small(name), 7), weights(small(name), 8)
    assert first.keys() == again.keys() == other.keys()
    assert all(torch.equal(first[key], again[key]) for key in first)
    drawn = [key for key in first if first[key].dim() == 2]
    assert drawn
    assert not any(torch.equal(first[key], other[key]) for key in drawn)


def test_weights_do_not_hang_on_the_global_generator() -> None:
    torch.manual_seed(1)
    first = weights(small(), 0)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again = weights(small(), 0)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_matrices_are_drawn_gains_are_one_and_biases_zero(example: Example) -> None:
    """The mean of n normal numbers lies within 5 / sqrt(n) deviations, their own deviation within 5 / sqrt(2n)."""
    model = build(spec_of(example))
    starts = [module for module in model.modules() if hasattr(module, "start")]  # what is set by the module itself
    own = {id(parameter) for module in starts for parameter in module.parameters(recurse=False)}
    for name, weight in model.named_parameters():
        if id(weight) in own:
            continue
        if name.endswith("bias"):
            assert (weight == 0).all(), name
        elif weight.dim() == 1:
            assert (weight == 1).all(), name
        else:
            n = weight.numel()
            assert weight.mean().abs() < 5 * INIT_STD / n**0.5, name
            assert abs(weight.std() / INIT_STD - 1) < 5 / (2 * n) ** 0.5, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_every_parameter_has_the_number_format(dtype: torch.dtype) -> None:
    for name in ("gpt2-small", "llama-7b", "chatglm-6b"):
        model = build(small(name), dtype=dtype)
        assert {parameter.dtype for parameter in model.parameters()} == {dtype}
        assert not list(model.buffers())


@pytest.mark.parametrize("name", ["gpt2-small", "llama-7b", "chatglm-6b", "llama-7b-alibi"])
def test_a_model_answers_in_its_number_format(name: str) -> None:
    for dtype in (torch.float64, torch.bfloat16):
        model = build(small(name), dtype=dtype)
        with torch.no_grad():
            assert model(tokens_for(model.spec, 1)).dtype == dtype


def test_a_model_comes_in_training_mode_and_knows_its_spec() -> None:
    spec = small()
    model = build(spec)
    assert model.training
    assert model.spec is spec


@pytest.mark.parametrize("name", ["gpt3-175b", "llama2-70b", "chatglm-6b"])
def test_a_model_on_meta_has_every_parameter_and_no_number(name: str) -> None:
    spec = load_spec(name)
    model = build(spec, device="meta", dtype=torch.bfloat16)
    assert {(parameter.device.type, parameter.dtype) for parameter in model.parameters()} == {("meta", torch.bfloat16)}
    assert all(parameter.untyped_storage().data_ptr() == 0 for parameter in model.parameters())
    assert sum(parameter.numel() for parameter in model.parameters()) == params(spec)


def test_a_model_on_meta_answers_with_shapes() -> None:
    logits = build(load_spec("gpt3-175b"), device="meta")(torch.empty(1, 4, dtype=torch.long, device="meta"))
    assert logits.shape == (1, 4, 50257)


def test_a_parameter_that_no_module_starts_is_an_error() -> None:
    model = build(spec_of(EXAMPLES[0]), "meta").to_empty(device="cpu")
    model.layers[0].register_parameter("stray", torch.nn.Parameter(torch.empty(3)))
    with pytest.raises(RuntimeError, match=r"^no module initialises layers\.0\.stray$"):
        initialise(model, torch.Generator().manual_seed(0))
