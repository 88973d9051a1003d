"""A section for each metric of in-context learning that has results."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.frames import Model
from harness.report.sections import Section
from harness.report.sections.released import released
from harness.report.sections.trained import trained
from harness.report.sections.wider import wider

METRICS = {"icl": trained, "icl_weights": released, "icl_wide": wider}
"""Metrics that are shown for the models that have them; nothing is missing where there is none."""


def learning(models: Sequence[Model]) -> dict[str, Section]:
    """By the name of the metric; sections are made of good results, the others are told as failed."""
    found = {}
    for metric, section_of in METRICS.items():
        having = [model for model in models if metric in model.cells]
        good = {model.name: model for model in having if model.cells[metric].status == "ok"}
        if having:
            found[metric] = section_of(good) if good else Section()
            found[metric].failed.extend(
                f"{model.name}: {model.cells[metric].reason}" for model in having if model.name not in good
            )
    return found
