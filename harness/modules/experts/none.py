"""No experts."""

from torch import nn

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.choices.experts.none import NoExperts
from harness.modules import computed_by, computes


@computes(NoExperts)
def the_mlp(experts: NoExperts, dims: Dims, choices: Choices) -> nn.Module:
    """The MLP itself."""
    module: nn.Module = computed_by(choices.mlp)(choices.mlp, dims)
    return module
