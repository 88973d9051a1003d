"""Does it train stably? Scales over depth in fresh models, and short trainings at rising learning rates.

After Xiong et al. 2020, https://arxiv.org/abs/2002.04745, who find that post-LN needs warm-up and pre-LN does not.
First weights are those of all small models, with a variance of 1 / inputs: 0.02, which models are usually released to
have started with, is as much at a width of 2500, and next to nothing at 64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, linear_regression
from typing import Any

from harness.experiments import Experiment, experiments
from harness.experiments.scales import scales
from harness.experiments.short_training import losses
from harness.experiments.starts import rescale
from harness.experiments.text import Text
from harness.experiments.variants import changed
from harness.progress import tell
from harness.spec.library import load_spec
from harness.spec.model import Spec
from harness.training.recipe import Recipe

Settings = Mapping[str, Any]

BASES: dict[str, dict[str, Any]] = {
    # With matrices of their own for values and head, so that only what differs differs: the functions are GPT-2's.
    "gpt2-small": {"head": {"kind": "untied", "bias": False}},
    "llama-7b": {},
}
"""What candidates are variants of: LayerNorm and GELU, RMSNorm and SwiGLU."""
QK_NORM = {"mixer": {"qk_norm": "all"}}
CANDIDATES: dict[str, dict[str, Any]] = {
    "post": {"choices": {"residual": {"kind": "post"}}},
    "pre": {"choices": {"residual": {"kind": "pre"}}},
    "pre, GPT-2's start": {"choices": {"residual": {"kind": "pre"}}, "start": "GPT-2's"},
    "deepnorm, DeepNet's start": {
        "choices": {"residual": {"kind": "deepnorm", "alpha": "(2L)^(1/4)"}},
        "start": "DeepNet's",
    },
    "reordered": {"choices": {"residual": {"kind": "reordered"}}},
    "reordered, QK norm": {"choices": {"residual": {"kind": "reordered"}, **QK_NORM}},
    "sandwich": {"choices": {"residual": {"kind": "sandwich"}}},
    "deepnorm": {"choices": {"residual": {"kind": "deepnorm", "alpha": "(2L)^(1/4)"}}},
    "parallel": {"choices": {"residual": {"kind": "parallel"}}},
    "parallel, two norms": {"choices": {"residual": {"kind": "parallel_two_norms"}}},
    "pre, LayerNorm": {"choices": {"residual": {"kind": "pre"}, "norm": {"kind": "layernorm", "eps": 1e-6}}},
}
"""By name: the choices that make it, and the rule of its first weights where it has one of its own.

Figures have as many lines as there are colours, so those come first that tell more.
"""
AT_START = [name for name in CANDIDATES if name not in ("pre, LayerNorm", "parallel, two norms")]
"""Fresh norms are all alike, so two of them are as one there."""
OTHER_MLP: dict[str, dict[str, dict[str, Any]]] = {
    "gpt2-small": {"post, SwiGLU": {"kind": "swiglu", "intermediate_size": 2048, "bias": False}},
    "llama-7b": {"post, GELU": {"kind": "gelu", "intermediate_size": 16384, "approximate": "tanh", "bias": False}},
}
"""By base: the other one's MLP with as many parameters, for it decides whether gradients explode behind post-norms."""
TRAINED = ["post", "pre", "deepnorm, DeepNet's start", "sandwich", "pre, LayerNorm"]
COMPARED = ["post", "pre", "pre, LayerNorm"]
"""Those that claims are made about."""
TEXT = Text(words=8, length=16, concentration=0.1, seed=7)
WARMUP = 30
"""Steps of warm-up of 100, where there is any."""
LAST = 20
"""Steps whose losses make the final one."""


@experiments.register("stability")
class Stability(Experiment):
    """Small models that differ in where their norms stand, or in the norm, and in nothing else."""

    version = 3
    timed = False

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """Fresh models of 6 to 48 or 96 blocks on both bases; trainings of 6 and, in the full profile, 12 blocks."""
        full = profile == "full"
        start = {
            "part": "start",
            "size": {"hidden_size": 64, "vocab_size": 256, "max_seq_len": 64},
            "depths": [6, 12, 24, 48, 96] if full else [6, 12, 24, 48],
            "batch_size": 4,
            "seeds": [0, 1, 2, 3, 4] if full else [0, 1, 2],
        }
        training = {
            "part": "training",
            "size": {"hidden_size": 32, "vocab_size": TEXT.words, "max_seq_len": TEXT.length},
            "text": asdict(TEXT),
            "rates": [1e-3, 3e-3, 1e-2, 3e-2, 1e-1] if full else [3e-3, 1e-2, 3e-2],
            "seeds": [0, 1, 2] if full else [0, 1],
        }
        trainings = [("llama-7b", TRAINED if full else COMPARED, 6, warmup) for warmup in (0, WARMUP)]
        if full:
            trainings += [("llama-7b", TRAINED, 12, 0), ("gpt2-small", ["post", "pre"], 6, 0)]
        return [{**start, **_with_other_mlp(_based(base, AT_START), OTHER_MLP[base])} for base in BASES] + [
            {**training, **_based(base, names), "depth": depth, "recipe": asdict(_recipe(warmup))}
            for base, names, depth, warmup in trainings
        ]

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """What each candidate does, seed by seed, and in `samples` every block or every step of it."""
        found = (_start if settings["part"] == "start" else _training)(settings)
        return {"conditions": {"device": "cpu", "dtype": "float32", "threads": 1}, **found}


def _based(base: str, names: Sequence[str]) -> dict[str, Any]:
    """Base and candidates as settings. The hash says what the base's name stood for."""
    of_base = {"spec": base, "hash": load_spec(base).hash, "choices": BASES[base]}
    return {"base": of_base, "candidates": {name: CANDIDATES[name] for name in names}}


def _with_other_mlp(based: dict[str, Any], mlps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    more = {name: {"choices": {**CANDIDATES["post"]["choices"], "mlp": mlp}} for name, mlp in mlps.items()}
    return {**based, "candidates": more | based["candidates"]}


def _recipe(warmup_steps: int) -> Recipe:
    """The one of all small models, but shorter, at a constant rate, and without weight decay, which hides growth."""
    return Recipe(steps=100, batch_size=16, weight_decay=0.0, warmup_steps=warmup_steps, constant_until=1.0)


def spec_of(name: str, settings: Settings, depth: int) -> Spec:
    """The model of a candidate at this depth."""
    base = changed(load_spec(settings["base"]["spec"]), settings["base"]["choices"])
    return changed(base, settings["candidates"][name]["choices"]).scaled(num_layers=depth, **settings["size"])


def _start(settings: Settings) -> dict[str, Any]:
    samples: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name in settings["candidates"]}
    done, total = 0, len(samples) * len(settings["depths"])
    for name, of_name in samples.items():
        for depth in settings["depths"]:
            of_name[str(depth)] = [_fresh_scales(name, settings, depth, seed) for seed in settings["seeds"]]
            done += 1
            tell("fresh models", done, total)
    rows = [
        {"name": f"{name}, {depth} blocks", "candidate": name, "depth": int(depth), **_summary(seeds)}
        for name, of_name in samples.items()
        for depth, seeds in of_name.items()
    ]
    return {"rows": rows, "laws": list(_laws(rows)), "samples": samples}


def _fresh_scales(name: str, settings: Settings, depth: int, seed: int) -> dict[str, Any]:
    import torch

    from harness.training.loop import one_thread
    from harness.training.start import fresh

    size = settings["size"]
    with one_thread():
        model = fresh(spec_of(name, settings, depth), Recipe(), seed)
        rescale(model, settings["candidates"][name].get("start"))
        words = torch.randint(
            size["vocab_size"],
            (settings["batch_size"], size["max_seq_len"] + 1),
            generator=torch.Generator().manual_seed(1000 + seed),  # not the generator of the weights
        )
        return {what: _rounded(value) for what, value in scales(model, words).items()}


def _rounded(value: Any) -> Any:
    """Six digits, which is what adding up float32 in another order leaves."""
    return [_rounded(each) for each in value] if isinstance(value, list) else float(f"{value:.6g}")


MEASURES = ("first_gradient", "last_gradient", "first_to_last", "stream_growth")


def _summary(seeds: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Of each seed: gradients by the weights of the first and the last block, their ratio, and growth of the stream.

    `stream_growth` is the mean square behind the last block over that behind the first.
    """
    gradients = [seed["weight_gradients"] for seed in seeds]
    return {
        "first_gradient": [each[0] for each in gradients],
        "last_gradient": [each[-1] for each in gradients],
        "first_to_last": _rounded([each[0] / each[-1] for each in gradients]),
        "stream_growth": _rounded([(seed["stream"][-1] / seed["stream"][1]) ** 2 for seed in seeds]),
    }


def _laws(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """How each measure grows over the depth L, by candidate: as a power of L or as a factor a block."""
    for name in dict.fromkeys(row["candidate"] for row in rows):
        of_name = [row for row in rows if row["candidate"] == name]
        for measure in MEASURES:
            seeds = list(zip(*(row[measure] for row in of_name), strict=True))
            yield {"candidate": name, "of": measure, **law([row["depth"] for row in of_name], seeds)}


def law(depths: Sequence[int], seeds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Which of two laws with as many parameters lies nearer to a measure over the depth, on a logarithmic scale.

    Args:
        depths: numbers of blocks.
        seeds: the measure at each depth, for each seed.

    Returns:
        law: `power`, a L^p, or `exponential`, a q^L.
        exponents: p for each seed.
        factors: q for each seed.
    """
    over = {"power": [math.log(depth) for depth in depths], "exponential": [float(depth) for depth in depths]}
    slopes: dict[str, list[float]] = {}
    errors: dict[str, float] = {}
    for name, x in over.items():
        fits = [linear_regression(x, [math.log(value) for value in seed]) for seed in seeds]
        slopes[name] = [fit.slope for fit in fits]
        errors[name] = sum(
            (math.log(value) - fit.intercept - fit.slope * at) ** 2
            for fit, seed in zip(fits, seeds, strict=True)
            for at, value in zip(x, seed, strict=True)
        )
    return {
        "law": min(errors, key=lambda name: errors[name]),
        "exponents": _rounded(slopes["power"]),
        "factors": _rounded([math.exp(slope) for slope in slopes["exponential"]]),
    }


def _training(settings: Settings) -> dict[str, Any]:
    text = Text(**settings["text"])
    threshold = (text.unigram + text.best) / 2
    rows: list[dict[str, Any]] = []
    samples: dict[str, dict[str, list[list[float]]]] = {name: {} for name in settings["candidates"]}
    done, total = 0, len(samples) * len(settings["rates"]) * len(settings["seeds"])
    for name, candidate in settings["candidates"].items():
        spec = spec_of(name, settings, settings["depth"])
        for rate in settings["rates"]:
            recipe = Recipe(**{**settings["recipe"], "learning_rate": rate})
            runs: list[list[float]] = []
            for seed in settings["seeds"]:
                runs.append(_rounded(losses(spec, candidate.get("start"), recipe, text, seed)))
                done += 1
                tell("trainings", done, total)
            samples[name][str(rate)] = runs
            finals = [final(run, recipe.steps) for run in runs]
            trained = [loss is not None and loss < threshold for loss in finals]
            row = {"name": f"{name}, {rate}", "candidate": name, "rate": rate, "final": finals, "trained": trained}
            rows.append(row)
    reachable = {"unigram": text.unigram, "best": text.best, "threshold": threshold}
    return {
        "text": {name: _rounded(value) for name, value in reachable.items()},
        "exact": {"params": _params(settings)},
        "rows": rows,
        "samples": samples,
    }


def final(run: Sequence[float], steps: int) -> float | None:
    """Mean loss of the last steps; None where the loss was no number by the end."""
    return _rounded(fmean(run[-LAST:])) if len(run) == steps else None


def _params(settings: Settings) -> dict[str, int]:
    """Parameters of each candidate, counted."""
    from harness.factory import build

    return {
        name: sum(
            parameter.numel() for parameter in build(spec_of(name, settings, settings["depth"]), "meta").parameters()
        )
        for name in settings["candidates"]
    }
