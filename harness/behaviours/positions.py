"""Whether attention knows where tokens stand, or only how far apart."""

from __future__ import annotations

from harness.behaviours import Fact, behaviours, small_model
from harness.spec.model import Spec

TOKENS, SHIFT = 8, 5
TOLERANCE = 1e-4
"""Angles are computed in single precision: that is 1e-6 of a logit here, where a learned table makes 0.1 and more."""


@behaviours.register("relative_positions")
def relative_positions(spec: Spec) -> Fact:
    """All positions moved by the same distance leave the outputs as they are."""
    import torch

    model = small_model(spec)
    ids = torch.arange(TOKENS)[None]
    places = torch.arange(TOKENS)
    if spec.choices.position.dimensions > 1:
        places = torch.stack([places] * spec.choices.position.dimensions)
    with torch.no_grad():
        here, there = model(ids, position_ids=places), model(ids, position_ids=places + SHIFT)
    return bool((here - there).abs().max() < TOLERANCE * here.abs().max())
