"""No positions."""

from harness.choices.positions.none import NoPosition
from harness.modules import computes
from harness.modules.positions import PositionModule

computes(NoPosition)(PositionModule)
