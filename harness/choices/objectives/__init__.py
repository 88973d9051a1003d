"""What a model is trained to predict. It changes no shape and no cost of one pass."""

from typing import ClassVar

from harness.choices.base import Choice
from harness.registry import Registry


class Objective(Choice):
    """A training objective.

    Attributes:
        predicts_all: whether every token of a text is predicted from those before it. Otherwise a text teaches less,
            and the same number of steps is not the same number of answers.
    """

    predicts_all: ClassVar[bool]


objectives: Registry[type[Objective]] = Registry("objective", __name__)
