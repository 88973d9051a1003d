"""RMSNorm against LayerNorm, like for like: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467, section 6.

The paper reports 7 % to 64 % less time. Which of two implementations is compared decides more than the formula does,
so each pairing is named: `textbook`, both written out in elementary operations; `native`, torch's own kernels;
`compiled`, the textbook through torch.compile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from harness.experiments import Experiment, experiments
from harness.experiments.compiled import require_compiler
from harness.timing import Samples, compared, conditions, device, in_fresh_processes, in_turns, ratio

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Norm = Callable[[Tensor], Tensor]

EPS = 1e-5
MATRIX = 512
"""Rows and columns of the product beside whole steps."""
PAIRS = {
    "textbook": [("textbook rms", "textbook layer")],
    "native": [("native rms", "native layer")],
    "compiled": [("compiled rms", "compiled layer"), ("compiled rms", "native layer")],
    "model": [("rms", "layer")],
}
"""Which candidates are compared, by implementation; the second is the one that the other is divided by."""


@experiments.register("norms")
class Norms(Experiment):
    """The time of one norm over [tokens, width], and of a whole training step with either."""

    version = 2

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """Widths 768 to 8192 and tokens 1 to 4096 in the full profile; the corners of what fits in the quick one."""
        full = profile == "full"
        widths, tokens = ([768, 1024, 2048, 4096, 8192], [1, 16, 256, 4096]) if full else ([768, 4096], [1, 1024])
        shapes = [[count, width] for width in widths for count in tokens]
        timing = {"processes": 5, "rounds": 9 if full else 7, "block_s": 0.004 if full else 0.003}
        each = {"shapes": shapes, "passes": ["forward", "training"], **timing}
        found = [
            {"implementation": name, "dtype": dtype, **each}
            for name in ("textbook", "native")
            for dtype in (("float32", "bfloat16") if full else ("float32",))
        ]
        if full:  # each shape is compiled anew in each process, which takes longer than all the rest
            compiled = {"implementation": "compiled", **each, "shapes": [[1, 4096], [256, 768], [4096, 4096]]}
            found += [{**compiled, "dtype": dtype} for dtype in ("float32", "bfloat16")]
        found.append({**each, "implementation": "model", "dtype": "float32", "shapes": [[128, 576]], "rounds": 5})
        return found

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Ratios with intervals, the share of copy bandwidth, and all samples."""
        if settings["implementation"] == "compiled":
            require_compiler()
        runs = in_fresh_processes(sample, settings, settings["processes"])
        pairs = PAIRS[settings["implementation"]]
        rows = []
        for name, case in runs[0].items():
            samples: list[Samples] = [run[name]["samples"] for run in runs]
            for of, to in pairs:
                row: dict[str, Any] = {"name": f"{of} to {to}, {name}, {settings['dtype']}"}
                row |= {key: case[key] for key in ("tokens", "width", "pass")}
                row |= {"of": of, "to": to}
                row |= compared(samples, of, to, controlled=_controlled(settings), anchor=_anchor(settings))
                if "copy" in case["samples"] and case["pass"] == "forward":
                    row["share_of_copy"] = {each: asdict(ratio(samples, "copy", each)) for each in (of, to)}
                rows.append(row)
        return {
            "conditions": conditions(),
            "rows": rows,
            "samples": [{name: case["samples"] for name, case in run.items()} for run in runs],
        }


def _controlled(settings: dict[str, Any]) -> str:
    """The candidate that runs against itself."""
    return PAIRS[settings["implementation"]][-1][1]


def _anchor(settings: dict[str, Any]) -> str:
    """The candidate that does not change with this program."""
    return "matrix product" if settings["implementation"] == "model" else "copy"


def sample(settings: dict[str, Any], number: int) -> dict[str, Any]:
    """Samples of every case, in this process."""
    import torch

    dtype = getattr(torch, settings["dtype"])
    cases = {}
    for tokens, width in settings["shapes"]:
        for which in settings["passes"]:
            calls = (_steps if settings["implementation"] == "model" else norms_of)(
                settings["implementation"], tokens, width, which, dtype
            )
            cases[f"{tokens} x {width}, {which}"] = {
                "tokens": tokens,
                "width": width,
                "pass": which,
                "samples": in_turns(calls, _controlled(settings), settings["rounds"], settings["block_s"], number),
            }
    return cases


def norms_of(
    implementation: str, tokens: int, width: int, which: str, dtype: torch.dtype
) -> dict[str, Callable[[], object]]:
    """Both norms of an implementation over [tokens, width], and copying as much."""
    import torch

    x = torch.randn(tokens, width, dtype=dtype, device=device(), requires_grad=which == "training")
    gain, bias = (torch.rand(width, dtype=dtype, device=device(), requires_grad=which == "training") for _ in range(2))
    ahead = torch.randn_like(x)

    def textbook_layer(x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + EPS) * gain + bias

    def textbook_rms(x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * gain

    def native_layer(x: Tensor) -> Tensor:
        return torch.nn.functional.layer_norm(x, (width,), gain, bias, EPS)

    def native_rms(x: Tensor) -> Tensor:
        return torch.nn.functional.rms_norm(x, (width,), gain, EPS)

    norms: dict[str, Norm] = {"native layer": native_layer}
    if implementation == "textbook":
        norms = {"textbook layer": textbook_layer, "textbook rms": textbook_rms}
    elif implementation == "native":
        norms["native rms"] = native_rms
    else:
        torch._dynamo.reset()  # kernels slow down as shapes accumulate
        norms |= {
            "compiled layer": torch.compile(textbook_layer, dynamic=False),
            "compiled rms": torch.compile(textbook_rms, dynamic=False),
        }

    def call(name: str, norm: Norm) -> Callable[[], object]:
        if which == "forward":
            return lambda: norm(x)
        trained = (x, gain, bias) if name.endswith("layer") else (x, gain)
        return lambda: torch.autograd.grad(norm(x), trained, ahead)

    return {name: call(name, norm) for name, norm in norms.items()} | {"copy": x.detach().clone}


def _steps(
    implementation: str, tokens: int, width: int, which: str, dtype: torch.dtype
) -> dict[str, Callable[[], object]]:
    """A pass of a model of the LLaMA kind, two layers deep, that differs in nothing but its norms."""
    import torch

    from harness.choices.norms import norms
    from harness.factory import build
    from harness.spec.library import load_spec
    from harness.spec.model import Spec

    spec = load_spec("llama-7b").scaled(hidden_size=width, num_layers=2, vocab_size=1024, max_seq_len=tokens)
    ids = torch.randint(1024, (1, tokens), device=device())
    matrix = torch.randn(MATRIX, MATRIX, dtype=dtype, device=device())

    def with_norm(kind: str) -> Spec:
        norm = norms[kind](eps=EPS)
        blocks = {name: replace(block, norm=norm) for name, block in spec.blocks.items()}
        return replace(spec, choices=replace(spec.choices, norm=norm), blocks=blocks)

    def call(kind: str) -> Callable[[], object]:
        model = build(with_norm(kind), device(), dtype)
        parameters = list(model.parameters())

        @torch.no_grad()
        def forward() -> Tensor:
            return model(ids)  # type: ignore[no-any-return]

        def training() -> object:
            return torch.autograd.grad(model(ids).sum(), parameters)

        return forward if which == "forward" else training

    return {"rms": call("rmsnorm"), "layer": call("layernorm"), "matrix product": lambda: matrix @ matrix}
