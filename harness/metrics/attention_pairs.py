"""Query-key pairs that the patterns leave visible, against the n (n + 1) / 2 of dense causal attention."""

from __future__ import annotations

from typing import Any

from harness.choices.mixers import Pass
from harness.choices.patterns import triangle
from harness.errors import CountMismatchError
from harness.metrics import Metric, lengths_up_to, metrics
from harness.spec.model import Spec


def visible_pairs(spec: Spec, seq_len: int) -> int:
    """Visible pairs of one sequence over all layers; those of a prefix pattern with no context."""
    return sum(count * layer.mixer.pairs(layer, Pass(seq_len, seq_len)) for layer, count in spec.counted_layers)


@metrics.register("attention_pairs")
class AttentionPairs(Metric):
    """Visible pairs over the length, for all layers and for one of each block; checked by adding up masks."""

    version = 2
    needs = "a layer whose mixer uses a pattern"

    def applies(self, spec: Spec) -> bool:
        """Whether queries look at keys in any layer."""
        return bool(_patterned(spec))

    def settings(self, spec: Spec, profile: str) -> dict[str, Any]:
        """256 to 65536 tokens, and the ragged lengths whose masks are added up."""
        return {"seq_lens": lengths_up_to(65536), "check": [1, 129, 1000]}

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Closed forms, then the masks."""
        from harness.counters import mask_sum

        blocks = _patterned(spec)
        for block in blocks:
            pattern = spec.blocks[block].pattern
            for n in settings["check"]:
                formula, summed = pattern.visible_pairs(n), mask_sum(pattern, n)
                if formula != summed:
                    raise CountMismatchError(
                        f"{spec.name}: {pattern.kind} of block {block!r} shows {formula:,} pairs of {n} tokens by "
                        f"formula and {summed:,} in its mask"
                    )
        return {
            "points": [
                {
                    "seq_len": n,
                    "pairs": visible_pairs(spec, n),
                    "dense": spec.dims.num_layers * triangle(n),
                    "blocks": {block: spec.blocks[block].pattern.visible_pairs(n) for block in blocks},
                }
                for n in settings["seq_lens"]
            ],
            "checked": settings["check"],
        }


def _patterned(spec: Spec) -> list[str]:
    """Blocks whose mixer asks the pattern which keys a query sees."""
    return [block for block in spec.block_counts if spec.blocks[block].mixer.uses_pattern]
