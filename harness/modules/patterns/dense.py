"""Dense causal attention, without a mask in memory wherever torch's kernel can do without."""

from torch import Tensor

from harness.choices.patterns import Pattern
from harness.choices.patterns.dense import Dense
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.masked import attend_causally, attend_masked


@computes(Dense)
def attend(pattern: Pattern, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the keys up to each query, [B, T, H, C]."""
    if view.plain and (view.from_start or q.shape[1] == 1):
        return attend_causally(q, k, v, view)
    return attend_masked(pattern, q, k, v, view)
