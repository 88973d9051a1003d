"""How much can be recalled from how many bytes: small models that differ in their mixers and the size of their states.

The question is that of Arora et al. 2024 (Based), https://arxiv.org/abs/2402.18668: attention keeps all of its context
and recalls from it, a recurrence keeps a state of one size. Depth, width and parameters are equal, the MLP makes up for
what a mixer takes; every model reads the same sequences of keys and values, and is asked for the value of a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from statistics import fmean
from typing import Any

from harness.experiments import Experiment, experiments
from harness.experiments.variants import changed
from harness.spec.library import load_spec
from harness.spec.model import Spec
from harness.training.matching import stretched
from harness.training.recipe import Recipe

BASE = "llama-7b"
WIDTH, HEAD = 64, 16
TARGET = 120_000
"""Parameters of all models."""
PAIRS, MOST_KEYS = 33, 32
"""Pairs of a training sequence, and the most keys that they use."""
KEYS = (2, 4, 8, 16, 32)
"""Pairs to recall from."""
DOCUMENTS = 1000
QUESTIONS_SEED = 1
LAST = 50
"""Steps whose losses make the final one."""

ATTENTION = {"kind": "softmax", "num_heads": WIDTH // HEAD, "bias": False}


def _attention(kv_heads: int = WIDTH // HEAD, window: int | None = None) -> dict[str, Any]:
    pattern = {"pattern": {"kind": "banded", "window": window}} if window else {}
    return {"mixer": {**ATTENTION, "num_kv_heads": kv_heads}, **pattern}


def _recurrent(kind: str, **options: Any) -> dict[str, Any]:
    return {"mixer": {"kind": kind, **options}}


def _mamba2(state_size: int) -> dict[str, Any]:
    return _recurrent("mamba2", num_heads=2 * WIDTH // HEAD, head_dim=HEAD, state_size=state_size)


def _gated_delta(key_dim: int) -> dict[str, Any]:
    return _recurrent("gated_delta", num_heads=WIDTH // HEAD, key_dim=key_dim, value_dim=HEAD)


CANDIDATES: dict[str, list[dict[str, Any]]] = {
    "attention": [_attention()] * 2,
    "Mamba-2, 16": [_mamba2(16)] * 2,
    "Mamba-2, 16, then attention": [_mamba2(16), _attention()],
    "gated DeltaNet, 16": [_gated_delta(16)] * 2,
    "attention, window 16": [_attention(window=16)] * 2,
    "attention, one key-value head": [_attention(kv_heads=1)] * 2,
    "attention, window 4": [_attention(window=4)] * 2,
    "attention, window 32": [_attention(window=32)] * 2,
    "gated DeltaNet, 4": [_gated_delta(4)] * 2,
    "gated DeltaNet, 64": [_gated_delta(64)] * 2,
    "Mamba-2, 4": [_mamba2(4)] * 2,
    "Mamba-2, 64": [_mamba2(64)] * 2,
    "Mamba": [_recurrent("mamba", inner_size=2 * WIDTH, state_size=16, rank=4)] * 2,
    "lightning attention": [_recurrent("lightning", num_heads=WIDTH // HEAD)] * 2,
    "Kimi delta attention": [_recurrent("kimi_delta", num_heads=WIDTH // HEAD, head_dim=HEAD)] * 2,
    "short convolution": [_recurrent("short_convolution", taps=3)] * 2,
    "attention, then Mamba-2, 16": [_attention(), _mamba2(16)],
    "gated DeltaNet, 16, then attention": [_gated_delta(16), _attention()],
}
"""By name: what each of the layers chooses. The number behind a recurrence is of its keys' channels."""
QUICK = 4
"""How many of them the quick profile trains."""


@experiments.register("recall")
class Recall(Experiment):
    """Accuracy of recall against the bytes that a model keeps of the text that it recalls from."""

    version = 2
    timed = False

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """A few candidates and one seed, or all with three seeds and three learning rates; a result for each."""
        full = profile == "full"
        chosen = list(CANDIDATES) if full else list(CANDIDATES)[:QUICK]
        return [
            {
                "candidate": name,
                "layers": CANDIDATES[name],
                "base": {"spec": BASE, "hash": load_spec(BASE).hash},
                "width": WIDTH,
                "params": TARGET,
                "pairs": PAIRS,
                "most_keys": MOST_KEYS,
                "keys": list(KEYS),
                "documents": DOCUMENTS,
                "recipe": asdict(Recipe()),
                "rates": [1e-3, 3e-3, 1e-2] if full else [3e-3],
                "seeds": [0, 1, 2] if full else [0],
            }
            for name in chosen
        ]

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Accuracies by seed at the best rate, and all losses in `samples`.

        The best is the one at which the training of the first seed ends with the least loss; no other seed has a part
        in the choice, and none is trained at another rate.
        """
        from harness.counters import cache_bytes

        spec = model_of(settings)
        first, *others = settings["seeds"]
        runs = {rate: [_run(spec, settings, rate, first)] for rate in settings["rates"]}
        chosen = min(runs, key=lambda rate: _final(runs[rate][0]))
        runs[chosen] += [_run(spec, settings, chosen, seed) for seed in others]
        rows = [
            {
                "name": f"{settings['candidate']}, {rate:g}",
                "rate": rate,
                "final": [_rounded(_final(run)) for run in of_rate],
                "accuracy": [run["accuracy"] for run in of_rate],
            }
            for rate, of_rate in runs.items()
        ]
        tokens = 2 * max(settings["keys"]) + 1
        return {
            "conditions": {"device": "cpu", "dtype": "float32", "threads": 1},
            "exact": {"params": _params(spec), "state_bytes": cache_bytes(spec, tokens, 1)},
            "tokens": tokens,
            "best": chosen,
            "rows": rows,
            "samples": {
                str(rate): [_smoothed(run["losses"], settings) for run in of_rate] for rate, of_rate in runs.items()
            },
        }


def model_of(settings: Mapping[str, Any]) -> Spec:
    """The model of a candidate: its layers as they say, and the MLPs as wide as makes the parameters equal."""
    from harness.tasks.synthetic.vocabulary import SIZE

    base = load_spec(settings["base"]["spec"]).scaled(
        hidden_size=settings["width"],
        num_layers=len(settings["layers"]),
        vocab_size=SIZE,
        max_seq_len=2 * settings["pairs"],
    )
    blocks = {
        str(depth): next(iter(changed(base, patch).blocks.values())).tidied()
        for depth, patch in enumerate(settings["layers"])
    }
    spec = replace(base, name=settings["candidate"], blocks=blocks, layers=tuple(blocks))
    return stretched(spec, settings["params"] - _params(spec))


def _params(spec: Spec) -> int:
    """Counted: no other metric takes part in an experiment."""
    from harness.factory import build

    return sum(parameter.numel() for parameter in build(spec, "meta").parameters())


def _run(spec: Spec, settings: Mapping[str, Any], rate: float, seed: int) -> dict[str, Any]:
    import numpy as np

    from harness.tasks.synthetic import recall
    from harness.training.recalling import trained_on_recall
    from harness.training.scoring import answered

    recipe = Recipe(**{**settings["recipe"], "learning_rate": rate})
    trained = trained_on_recall(spec, recipe, seed, settings["pairs"], settings["most_keys"])
    asked = [
        recall.questions(np.random.default_rng(QUESTIONS_SEED), settings["documents"], keys)
        for keys in settings["keys"]
    ]
    return {
        "losses": trained.losses,
        "accuracy": [_rounded(float(answered(trained.model, questions).mean())) for questions in asked],
    }


def _final(run: Mapping[str, Any]) -> float:
    return fmean(run["losses"][-LAST:])


def _smoothed(losses: Sequence[float], settings: Mapping[str, Any]) -> list[float]:
    """Means over every 50 steps."""
    return [_rounded(fmean(losses[start : start + LAST])) for start in range(0, len(losses), LAST)]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
