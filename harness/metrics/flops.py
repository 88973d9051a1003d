"""FLOPs of a forward pass, a decode step and a training step: closed form = torch's counter = fvcore.

Convention: 2 FLOPs a multiply-add; matrix products (projections, scores, weighted values, head for every position),
taps of convolutions, and the arithmetic of a recurrence as one step does it, in whatever form it is computed. Norms,
activations, rotations, softmax, residual sums and look-ups are element-wise and not counted.
The backward pass is twice the forward pass; the optimiser is not counted.
"""

from __future__ import annotations

from typing import Any, Literal

from harness.choices.mixers import Pass
from harness.errors import CountMismatchError
from harness.metrics import Metric, lengths_up_to, metrics, require, require_positive
from harness.spec.model import Spec

Phase = Literal["prefill", "decode", "train"]
PHASES: tuple[Phase, ...] = ("prefill", "decode", "train")
TRAIN_PASSES = 3
"""A training step in forward passes: one forward, and a backward that is two."""


def flops(spec: Spec, phase: Phase, seq_len: int, batch_size: int = 1, causal: bool = True) -> int:
    """FLOPs of one step over a batch.

    Args:
        spec: the model.
        phase: `prefill` computes seq_len tokens at once; `decode` one token, the seq_len-th, with the keys and
            values of those before it cached; `train` is forward and backward over seq_len tokens.
        seq_len: tokens of a sequence, n.
        batch_size: sequences.
        causal: count the query-key pairs that the pattern leaves visible (for a prefix pattern, with no context),
            or, if false, all n of each query, as a dense kernel with a mask computes them.

    Raises:
        HarnessError: an unknown phase, or a size below 1.
    """
    require("phase", phase, PHASES)
    require_positive(seq_len=seq_len, batch_size=batch_size)
    parts = flops_breakdown(spec, phase, seq_len, batch_size, causal)
    return sum(parts["model"].values()) + sum(
        count * sum(parts[block].values()) for block, count in spec.block_counts.items()
    )


def flops_breakdown(
    spec: Spec, phase: Phase, seq_len: int, batch_size: int = 1, causal: bool = True
) -> dict[str, dict[str, int]]:
    """FLOPs by component: of `embedding` and `head` under "model", and of `mixer` and `mlp` in one layer of each
    block.
    """
    new = 1 if phase == "decode" else seq_len
    tokens, one = batch_size * new, Pass(new, seq_len, causal)
    passes = TRAIN_PASSES if phase == "train" else 1
    parts = {
        "model": {
            "embedding": passes * spec.choices.embedding.flops(spec.dims, tokens),
            "head": passes * spec.choices.head.flops(spec.dims, tokens),
        }
    }
    for name in spec.block_counts:
        layer = spec.blocks[name]
        parts[name] = {
            "mixer": passes * batch_size * layer.mixer.flops(spec.dims, layer, one),
            "mlp": passes * layer.experts.flops(spec.dims, layer, tokens),
        }
    return parts


def mtp_flops(spec: Spec, seq_len: int, batch_size: int = 1, causal: bool = True) -> int:
    """FLOPs that multi-token prediction adds to a training step, its uses of the head included; see `flops`."""
    last, model = spec.layer(spec.dims.num_layers - 1), spec.choices
    total = 0
    for length in range(max(1, seq_len - model.mtp.depth), seq_len):  # module k has no place for the last k tokens
        tokens = batch_size * length
        total += model.mtp.flops(spec.dims, tokens) + model.head.flops(spec.dims, tokens)
        total += batch_size * last.mixer.flops(spec.dims, last, Pass(length, length, causal))
        total += last.experts.flops(spec.dims, last, tokens)
    return TRAIN_PASSES * total


def flops_table(spec: Spec, seq_len: int, batch_size: int = 1) -> dict[str, dict[str, int]]:
    """Every phase, full and causal."""
    return {
        phase: {
            "full": flops(spec, phase, seq_len, batch_size, causal=False),
            "causal": flops(spec, phase, seq_len, batch_size, causal=True),
        }
        for phase in PHASES
    }


@metrics.register("flops")
class Flops(Metric):
    """FLOPs over the context, checked by two counters at the longest context and at a ragged one in a batch."""

    version = 2

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """Lengths up to the longest that the model is made for; phase, batch size and length of what is checked.

        For a batch the FLOPs are a polynomial of second degree in the length, without a constant, so two lengths
        pin them down: the longest, and a ragged one. Of a recurrence, which is counted token by token, the longest that
        is counted at once is short; nothing of it grows faster than the length.
        """
        longest, ragged = spec.dims.max_seq_len, min(3 if spec.recurrent else 129, spec.dims.max_seq_len)
        at_once = min(7, longest) if spec.recurrent else longest
        return {
            "seq_lens": lengths_up_to(longest),
            "check": [["prefill", 1, at_once], ["decode", 2, longest], ["train", 2, ragged]],
        }

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Closed forms at every length, then the counters."""
        from harness.counters import COUNTERS, counted_flops

        checked = []
        for phase, batch_size, seq_len in settings["check"]:
            formula = flops_breakdown(spec, phase, seq_len, batch_size, causal=False)
            counters = [counter for counter in COUNTERS if phase in counter.phases]
            for counter in counters:
                counted = counted_flops(counter, spec, phase, seq_len, batch_size)
                _compare(spec, f"{counter.name}, {phase}, {batch_size} x {seq_len}", formula, counted)
            checked.append(
                {
                    "phase": phase,
                    "batch_size": batch_size,
                    "seq_len": seq_len,
                    "full": flops(spec, phase, seq_len, batch_size, causal=False),
                    "counters": [counter.name for counter in counters],
                }
            )
        points = [{"seq_len": n, **flops_table(spec, n)} for n in settings["seq_lens"]]
        return {"points": points, "checked": checked, **_mtp(spec, max(settings["seq_lens"]))}


def _mtp(spec: Spec, seq_len: int) -> dict[str, Any]:
    """What multi-token prediction adds to a training step, where a model has it."""
    if not spec.choices.mtp.depth:
        return {}
    return {"mtp": {"full": mtp_flops(spec, seq_len, causal=False), "causal": mtp_flops(spec, seq_len)}}


def _compare(spec: Spec, where: str, formula: dict[str, dict[str, int]], counted: dict[str, dict[str, int]]) -> None:
    for block, parts in formula.items():
        for component, expected in parts.items():
            if counted[block][component] != expected:
                raise CountMismatchError(
                    f"{spec.name}: {component} of {block!r} takes {expected:,} FLOPs by formula and "
                    f"{counted[block][component]:,} by {where}"
                )
