"""What a built model does, found out by running a small one: one fact a function, by its name.

A fact is true, false or a number. What a fact should be is said elsewhere: nothing here knows of claims.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.registry import Registry
from harness.spec.model import Spec

if TYPE_CHECKING:
    from harness.modules.decoder import Decoder

Fact = bool | int | float

behaviours: Registry[Callable[[Spec], Fact]] = Registry("behaviour", __name__)

SHARPER = 8
"""Times the usual weights: fresh ones are so small that attention hardly tells tokens apart."""


@lru_cache(maxsize=2)
def small_model(spec: Spec) -> Decoder:
    """The scaled model of a spec in double precision, with weights that make attention sharp.

    It is built once for all that is asked of a spec, so whoever changes it changes it back.
    """
    import torch

    from harness.factory import build

    model = build(spec.scaled(), dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(SHARPER)
    return model
