"""How the last hidden state becomes logits."""

from harness.choices.base import Choice
from harness.registry import Registry


class Head(Choice):
    """A matrix product onto the vocabulary, for every position."""


heads: Registry[type[Head]] = Registry("head", __name__)
