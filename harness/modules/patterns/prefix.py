"""Prefix attention: a pass over nothing but context sees all, one without context is dense causal attention."""

from torch import Tensor

from harness.choices.patterns.prefix import Prefix
from harness.modules import computes
from harness.modules.patterns import View
from harness.modules.patterns.dense import attend as attend_densely
from harness.modules.patterns.masked import attend_all, attend_masked


@computes(Prefix)
def attend(pattern: Prefix, q: Tensor, k: Tensor, v: Tensor, view: View) -> Tensor:
    """Softmax over the context and the keys up to each query, [B, T, H, C]."""
    n, context = int(q.shape[1]), view.context
    if n == 1 or (isinstance(context, int) and context <= 1):
        return attend_densely(pattern, q, k, v, view)
    if view.plain and view.from_start and isinstance(context, int) and context >= n:
        return attend_all(q, k, v, view)
    return attend_masked(pattern, q, k, v, view)
