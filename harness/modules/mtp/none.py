"""No multi-token prediction."""

from torch import nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.mtp.none import NoMTP
from harness.modules import computes


@computes(NoMTP)
def nothing_further(choice: NoMTP, dims: Dims, last: Choices) -> list[nn.Module]:
    """No modules."""
    return []
