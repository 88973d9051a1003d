"""A family tree of architectures: each released one under the earlier one that differs in the fewest choices.

It is computed from the specs, and says how near architectures are, not who read whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.report.architecture import by_block, summary
from harness.report.frames import Model

CHOICES = ("attention", "position", "norm", "residual", "mlp", "experts", "pattern", "head", "objective")
"""What models are compared by: kinds, no sizes."""


@dataclass
class Branch:
    """A model with those that stand under it.

    Attributes:
        names: models of the same choices, in order of release; the first one's title and date are shown.
        title: of the first.
        released: date of the first.
        changes: the choices that changed from the one above, as (choice, before, after).
        below: the later ones, in order of release.
    """

    names: list[str]
    title: str
    released: str
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    below: list[Branch] = field(default_factory=list)


def lineage(models: Sequence[Model]) -> list[Branch]:
    """The trees, earliest first: most often one. Only models that were released at a known date are in them."""
    dated = [model for model in models if model.record.released and model.record.provenance in ("released", "inferred")]
    dated.sort(key=lambda model: (model.record.released, model.name))
    trees: list[Branch] = []
    placed: list[tuple[dict[str, str], Branch, str]] = []
    for model in dated:
        choices = _choices(model)
        earlier = [each for each in placed if each[1].released < model.record.released or each[0] == choices]
        same = next((branch for other, branch, _ in earlier if other == choices), None)
        if same:
            same.names.append(model.name)
            continue
        branch = Branch([model.name], model.record.title, model.record.released)
        if earlier:
            nearest, above, _ = min(earlier, key=lambda each: (_apart(each[0], choices), each[2] != model.family))
            branch.changes = [(key, nearest[key], choices[key]) for key in CHOICES if nearest[key] != choices[key]]
            above.below.append(branch)
        else:
            trees.append(branch)
        placed.append((choices, branch, model.family))
    return trees


def _choices(model: Model) -> dict[str, str]:
    """In words; of patterns and experts, which tables tell with their sizes, the kinds alone."""
    architecture = model.record.architecture
    found = {key: str(summary(architecture)[key]) for key in CHOICES}
    for axis in ("pattern", "experts"):
        kinds = dict.fromkeys(options["kind"] for options in by_block(architecture, axis).values())
        found[axis] = " / ".join(sorted(kinds)) or "none"
    return found


def _apart(one: dict[str, str], other: dict[str, str]) -> int:
    return sum(one[key] != other[key] for key in CHOICES)
