"""Tokens a second and peak memory of whole models: all specs at an equal number of parameters, and real shapes.

A prefill computes n tokens through an empty cache and the logits of the last; decoding computes the tokens behind
them one by one. Weights are random: no time depends on them. Where a matrix product bounds the one and reading memory
the other, the share of that bound is told, measured in the same rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from harness.choices.mixers import Pass
from harness.experiments import Experiment, experiments
from harness.intervals import geometric
from harness.spec.library import load_spec, spec_names, trained_names
from harness.spec.model import Spec
from harness.timing import Samples, compared, conditions, device, device_name, in_fresh_processes, in_turns, ratio

if TYPE_CHECKING:
    from harness.modules.states import Cache

REFERENCE = "llama-7b"
"""What the others are compared with."""
REAL = "smollm2-135m"
"""The released model that is small enough for a CPU."""
BLOCKS = (
    "gpt3-6-7b chatglm-6b chatglm2-6b llama-7b llama-7b-gqa8 llama-7b-mqa qwen-7b qwen2-7b-instruct baichuan-7b"
).split()
"""Specs of 6 to 8 billion parameters, one layer of which is timed on a GPU."""
WIDTHS = range(192, 321, 4)
"""Hidden sizes that matched models have."""
ENOUGH = 1 << 30
"""Bytes that no cache of a processor holds."""
ANCHORS = {"prefill": "matrix product", "decode": "read"}
"""What no change of this program makes faster, by phase; phases are methods of `Candidate`."""
BOUNDS = {"prefill": "fastest matrix product", "decode": "read"}
"""What bounds each phase."""


@experiments.register("throughput")
class Throughput(Experiment):
    """Prefill and decoding of one sequence, and what they hold in memory."""

    version = 6

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """Matched models of a few specs or of all, and SmolLM2; on a GPU also blocks and a whole model of 7B."""
        full = profile == "full"
        each = {"new_tokens": 8, "dtype": "float32", "matrix": 1024, "block_s": 0.004}
        matched = {"params": 5_000_000, "num_layers": 4, "vocab_size": 4096, "max_seq_len": 2048}
        found: list[dict[str, Any]] = [
            {
                **each,
                "models": "matched",
                "specs": _hashes(spec_names() if full else trained_names("quick")),
                "size": matched,
                "seq_len": 1024 if full else 512,
                "processes": 5,
                "rounds": 3 if full else 2,
            },
            {
                **each,
                "models": "whole",
                "specs": _hashes([REAL]),
                "seq_len": 512,
                "processes": 5 if full else 3,
                "rounds": 3 if full else 2,
            },
        ]
        if device_name() != "cpu":
            large = {**each, "dtype": "bfloat16", "matrix": 8192, "seq_len": 2000, "processes": 5, "rounds": 5}
            found.append({**large, "models": "block", "specs": _hashes(BLOCKS), "size": {"vocab_size": 1024}})
            found.append({**large, "models": "whole", "specs": _hashes([REFERENCE])})
        return found

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Ratios to the reference, tokens a second, shares of the bounds, bytes held, and all samples."""
        specs = {name: _SIZED[settings["models"]](load_spec(name), settings) for name in settings["specs"]}
        groups = _alike(specs)
        candidates = {names[0]: specs[names[0]] for names in groups}
        told = {**settings, "candidates": candidates}
        (held,) = in_fresh_processes(bytes_held, told, 1)  # of its own: what was profiled is slower afterwards
        runs = in_fresh_processes(sample, told, settings["processes"])
        models = [
            {"name": names[0], "stands_for": names, "hidden_size": specs[names[0]].dims.hidden_size} | held[names[0]]
            for names in groups
        ]
        return {
            "conditions": conditions(),
            "exact": {"models": models},
            "rows": [
                row
                for phase in BOUNDS
                for row in _rows(phase, candidates, settings, held, [run[phase] for run in runs])
            ],
            "samples": runs,
        }


def _hashes(names: Iterable[str]) -> dict[str, str]:
    """What each name stood for: a spec that is changed is measured anew."""
    return {name: load_spec(name).hash for name in names}


def _matched(spec: Spec, settings: Mapping[str, Any]) -> Spec:
    from harness.factory import build
    from harness.training.matching import matched

    def size(spec: Spec) -> int:
        return sum(parameter.numel() for parameter in build(spec, "meta").parameters())

    wanted = settings["size"]
    return matched(
        spec, wanted["params"], size, wanted["vocab_size"], wanted["max_seq_len"], wanted["num_layers"], WIDTHS
    )


def _block(spec: Spec, settings: Mapping[str, Any]) -> Spec:
    """The first layer at full size, with a vocabulary so small that its head takes next to nothing."""
    return replace(spec, dims=spec.dims.model_copy(update={"num_layers": 1, **settings["size"]}))


_SIZED: dict[str, Callable[[Spec, Mapping[str, Any]], Spec]] = {
    "matched": _matched,
    "block": _block,
    "whole": lambda spec, settings: spec,
}


def _alike(specs: Mapping[str, Spec]) -> list[list[str]]:
    """Names whose models are the same at this size; the reference stands for those like it."""
    groups: dict[str, list[str]] = {}
    for name in sorted(specs, key=lambda name: name != REFERENCE):
        groups.setdefault(specs[name].hash, []).append(name)
    return list(groups.values())


def _rows(
    phase: str,
    candidates: Mapping[str, Spec],
    settings: Mapping[str, Any],
    held: Mapping[str, Mapping[str, int]],
    runs: Sequence[Samples],
) -> list[dict[str, Any]]:
    bound, anchor = BOUNDS[phase], _anchor(phase, candidates)
    fixed = ANCHORS[phase]
    n, new = settings["seq_len"], settings["new_tokens"]
    rows = []
    for name, spec in candidates.items():
        to = fixed if name == anchor else anchor
        row: dict[str, Any] = {"name": f"{name} to {to}, {phase}", "model": name, "phase": phase}
        row |= {"to": to, **compared(runs, name, to, controlled=anchor, anchor=fixed)}
        tokens, work, unit = n, flops(spec, n), 2 * settings["matrix"] ** 3
        if phase == "decode":
            read_bytes = _read_bytes(next(iter(held.values()))["step_bytes"])
            tokens, work, unit = new, new * held[name]["step_bytes"], read_bytes
        row["tokens_per_s"] = asdict(geometric([tokens / statistics.median(run[name]) for run in runs]))
        row["share"] = asdict(ratio(runs, bound, name).times(work / unit))
        rows.append(row)
    return rows


def _anchor(phase: str, candidates: Mapping[str, Spec]) -> str:
    """The candidate that runs twice: the first, which others are compared with, or what one alone is compared with."""
    return next(iter(candidates)) if len(candidates) > 1 else ANCHORS[phase]


def _read_bytes(step_bytes: int) -> int:
    """What is added up to tell how fast memory is read: as much as the first candidate's step reads, or enough."""
    return min(step_bytes, ENOUGH)


def flops(spec: Spec, n: int) -> int:
    """FLOPs of a prefill of n tokens, 2 a multiply-add: visible pairs only, and the head for the last token alone."""
    layers = sum(
        count * (layer.mixer.flops(spec.dims, layer, Pass(n, n)) + layer.experts.flops(spec.dims, layer, n))
        for layer, count in spec.counted_layers
    )
    return layers + spec.choices.head.flops(spec.dims, 1)


def weights_read(spec: Spec) -> int:
    """Weights that a step of decoding multiplies by, each once: without the table that is looked up, or norms."""
    layers = sum(
        count * (layer.mixer.params(spec.dims) + layer.experts.active_params(spec.dims, layer))
        for layer, count in spec.counted_layers
    )
    return layers + spec.choices.head.flops(spec.dims, 1) // 2


def sample(settings: dict[str, Any], number: int) -> dict[str, Samples]:
    """Samples of this process by phase."""
    import torch

    from harness.modules.kernels.products import product

    torch.set_grad_enabled(False)
    models = {name: Candidate(spec, settings) for name, spec in settings["candidates"].items()}
    dtype, matrix = getattr(torch, settings["dtype"]), settings["matrix"]
    factor = torch.randn(matrix, matrix, dtype=dtype, device=device())
    read_bytes = _read_bytes(next(iter(models.values())).step_bytes)
    numbers = torch.ones(read_bytes // dtype.itemsize, dtype=dtype, device=device())
    beside: dict[str, dict[str, Callable[[], object]]] = {
        "prefill": {
            "matrix product": lambda: factor @ factor,
            "fastest matrix product": lambda: product(factor, factor),
        },
        "decode": {"read": numbers.sum},
    }
    samples = {}
    for phase in BOUNDS:
        calls = {name: getattr(model, phase) for name, model in models.items()} | beside[phase]
        anchor = _anchor(phase, settings["candidates"])
        samples[phase] = in_turns(calls, anchor, settings["rounds"], settings["block_s"], number)
    return samples


def bytes_held(settings: dict[str, Any], number: int) -> dict[str, dict[str, int]]:
    """The exact figures of each model, one model after the other."""
    import torch

    torch.set_grad_enabled(False)
    return {name: Candidate(spec, settings).held() for name, spec in settings["candidates"].items()}


class Candidate:
    """A model with random weights, a prompt, and a cache that holds it.

    Attributes:
        weight_bytes: bytes of all parameters.
        step_bytes: bytes that one step of decoding reads: of the weights that it multiplies by, each once, and of
            the cache.
    """

    def __init__(self, spec: Spec, settings: Mapping[str, Any]) -> None:
        import torch

        from harness.factory import build

        dtype = getattr(torch, settings["dtype"])
        n, self.new_tokens = settings["seq_len"], settings["new_tokens"]
        self.model = build(spec, device(), dtype)
        self.capacity = n + self.new_tokens
        self.prompt = torch.randint(spec.dims.vocab_size, (1, n), device=device())
        self.weight_bytes = sum(parameter.nbytes for parameter in self.model.parameters())
        self.cache = self.prefill()
        self.step_bytes = weights_read(spec) * dtype.itemsize + self.cache.nbytes

    def prefill(self) -> Cache:
        """The prompt at once, and the logits behind it, as generation begins."""
        cache = self.model.new_cache(capacity=self.capacity)
        self.model(self.prompt, cache=cache, last=1)
        return cache

    def decode(self) -> None:
        """The next tokens one by one, always from behind the prompt."""
        cache = self.cache.aliased()
        for _ in range(self.new_tokens):
            self.model(self.prompt[:, :1], cache=cache, last=1)

    def held(self) -> dict[str, int]:
        """Exact figures: parameters, and bytes of the weights, of the cache and of a step, and at the peak."""
        from harness.memory import peak_bytes

        self.decode()  # as prefill was called before: what only a first call sets up is there
        beyond_weights = max(peak_bytes(self.prefill), self.cache.nbytes + peak_bytes(self.decode))
        return {
            "params": sum(parameter.numel() for parameter in self.model.parameters()),
            "weight_bytes": self.weight_bytes,
            "cache_bytes": self.cache.nbytes,
            "step_bytes": self.step_bytes,
            "peak_bytes": self.weight_bytes + beyond_weights,
        }
