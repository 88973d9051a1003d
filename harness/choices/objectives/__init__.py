"""What a model is trained to predict. It changes no shape and no cost of one pass."""

from harness.choices.base import Choice
from harness.registry import Registry


class Objective(Choice):
    """A training objective."""


objectives: Registry[type[Objective]] = Registry("objective", __name__)
