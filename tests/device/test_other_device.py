"""What runs on the CPU runs on another device unchanged, and computes the same: on a simulated one, which shares none.

It shows that nothing is left behind on the CPU, and that what a device without the CPU's kernels takes is right. How
fast a GPU is, and whether its own kernels are right, it cannot show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from harness.checkpoints.load import load_checkpoint
from harness.experiments import attention, decoding, experiments, norms, recurrences, throughput
from harness.factory import build
from harness.modules.decoder import Decoder
from harness.spec import Spec, load_spec, spec_names
from tests.checkpoints.test_golden import CONTEXTS, GOLDEN
from tests.device.simulated import OnDevice, simulated
from tests.kernels.rows import changed

EXPERIMENTS = (attention, decoding, norms, recurrences, throughput)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The device, on which all experiments run."""
    with simulated(monkeypatch) as name:
        for experiment in EXPERIMENTS:
            monkeypatch.setattr(experiment, "device", lambda: name)
        yield name


def small(spec: Spec) -> Spec:
    return spec.scaled(hidden_size=64, num_layers=2, vocab_size=512, max_seq_len=512)


def same(found: object, expected: object, tolerance: float = 1e-5) -> None:
    """Tensors of the device, however they are grouped, and those of the CPU: to a share of the largest entry."""
    if isinstance(expected, Tensor):
        assert isinstance(found, OnDevice)
        assert_close(found.cpu(), expected, rtol=0.0, atol=tolerance * float(expected.detach().abs().max()))
    elif isinstance(expected, tuple | list):
        assert isinstance(found, tuple | list)
        for one, other in zip(found, expected, strict=True):
            same(one, other, tolerance)
    else:
        raise TypeError(f"cannot compare {expected!r}")


def on_both(
    monkeypatch: pytest.MonkeyPatch, made: Callable[[], dict[str, Callable[[], object]]], tolerance: float = 1e-5
) -> None:
    """Call every candidate on the CPU and, made of the same random numbers, on the device."""
    torch.manual_seed(0)
    expected = {name: call() for name, call in made().items()}
    with simulated(monkeypatch) as name:
        for experiment in EXPERIMENTS:
            monkeypatch.setattr(experiment, "device", lambda: name)
        torch.manual_seed(0)
        calls = made()
        assert calls.keys() == expected.keys()
        for candidate, call in calls.items():
            same(call(), expected[candidate], tolerance)


def test_the_device_takes_no_tensor_of_the_cpu(device: str) -> None:
    there, here = torch.arange(3, device=device), torch.arange(3)
    assert (there + there).device.type == device
    assert (there + there).tolist() == [0, 2, 4]
    with pytest.raises(RuntimeError, match="on simulated and on the CPU"):
        there + here
    there[1:] += 5
    assert (there + here.to(device)).cpu().tolist() == [0, 7, 9]
    weight = torch.ones(2, device=device, requires_grad=True)
    (grad,) = torch.autograd.grad((weight * 3).sum(), weight)
    assert grad.device.type == device
    assert grad.tolist() == [3, 3]


@pytest.mark.parametrize("which", ["forward", "training"])
@pytest.mark.parametrize("n", [300, 512])
def test_patterns_attend_alike(which: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_both(monkeypatch, lambda: attention.calls_of(attention.KINDS, n, which, "float32"))


@pytest.mark.parametrize("n", [300, 5000])
@pytest.mark.parametrize("arrangement", decoding.ARRANGEMENTS)
def test_a_step_of_decoding_is_alike(arrangement: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    @torch.no_grad()
    def steps() -> dict[str, Callable[[], object]]:
        step, nbytes = decoding.ARRANGEMENTS[arrangement].step(n, 2, torch.float32)
        held.append(nbytes)
        return {"first": torch.no_grad()(step), "second": torch.no_grad()(step)}

    on_both(monkeypatch, steps, n * 2**-24)  # sums of n numbers that are alike are rounded alike
    assert held[0] == held[1]


@pytest.mark.parametrize("which", ["forward", "training"])
@pytest.mark.parametrize("implementation", ["textbook", "native"])
def test_norms_are_alike(implementation: str, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_both(monkeypatch, lambda: norms.norms_of(implementation, 3, 64, which, torch.float32))


@pytest.mark.parametrize(
    ("experiment", "changes"),
    [
        (attention, {"seq_lens": [256], "dense_up_to": {"forward": 256, "training": 256}, "matrix": 8}),
        (decoding, {"seq_lens": [256]}),
        (norms, {"shapes": [[2, 64]]}),
        (norms, {"shapes": [[2, 64]], "implementation": "model"}),
    ],
    ids=["attention", "decoding", "norms", "norms in a model"],
)
def test_experiments_sample_every_candidate(experiment: ModuleType, changes: dict[str, Any], device: str) -> None:
    name = experiment.__name__.rpartition(".")[-1]
    settings = experiments[name]().settings("quick")[0] | changes | {"rounds": 1, "block_s": 1e-9}
    with torch.enable_grad():  # undoes that a process of its own would be left without gradients
        assert experiment.sample(settings, 0)


@pytest.mark.parametrize("name", spec_names())
def test_models_run_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small(load_spec(name))
    model = build(spec)
    ids = torch.randint(512, (2, 300), generator=torch.Generator().manual_seed(1))
    padding = torch.tensor([0, 3])

    @torch.no_grad()
    def computed(model: Decoder, ids: Tensor, padding: Tensor) -> list[Tensor]:
        cache = model.new_cache()
        parts = [
            model(ids[:, :280], cache=cache),
            *(model(token, cache=cache) for token in ids[:, 280:283].split(1, 1)),
        ]
        drawn = model.generate(ids[:, :9], 4, padding=padding, temperature=0.7, top_k=40, top_p=0.9)
        return [model(ids), *parts, drawn]

    expected = computed(model, ids, padding)
    with simulated(monkeypatch) as device, changed(mask_strip_elsewhere=100):
        there = build(spec, device)
        same(list(there.parameters()), list(model.parameters()))
        same(computed(there, ids.to(device), padding.to(device)), expected)


@pytest.mark.parametrize("name", ["gpt3-small", "llama-7b", "chatglm-6b", "llama-7b-alibi"])
def test_models_are_trained_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small(load_spec(name))
    ids = torch.randint(512, (2, 300), generator=torch.Generator().manual_seed(1))

    def gradients(model: Decoder, ids: Tensor) -> tuple[Tensor, ...]:
        # A bias of keys adds the same to all scores of a query: without rotation its gradient is rounding alone.
        trained = [parameter for name, parameter in model.named_parameters() if not name.endswith("key.bias")]
        return torch.autograd.grad(model(ids).square().mean(), trained)

    expected = gradients(build(spec), ids)
    with simulated(monkeypatch) as device:
        same(gradients(build(spec, device), ids.to(device)), expected)


@pytest.mark.parametrize("name", CONTEXTS)
def test_checkpoints_are_loaded_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.arange(12)[None]
    with torch.no_grad():
        expected = load_checkpoint(GOLDEN / name)(ids, context=CONTEXTS[name])
        with simulated(monkeypatch) as device:
            there = load_checkpoint(GOLDEN / name, device=device)
            same(there(ids.to(device), context=CONTEXTS[name]), expected)


def test_a_context_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.tensor([[5, 6, 7, 151, 154, 8, 9], [5, 151, 154, 6, 7, 8, 9]])
    expected = load_checkpoint(GOLDEN / "chatglm-6b")(ids)
    with simulated(monkeypatch) as device:
        same(load_checkpoint(GOLDEN / "chatglm-6b", device=device)(ids.to(device)), expected)


def test_throughput_prefills_and_decodes_there(device: str) -> None:
    with torch.no_grad():
        settings = {"dtype": "bfloat16", "seq_len": 384, "new_tokens": 2}
        candidate = throughput.Candidate(small(load_spec("gpt3-small")), settings)
        candidate.decode()
    assert candidate.cache.length == 384
    assert {parameter.device.type for parameter in candidate.model.parameters()} == {device}
