"""How the last hidden state becomes logits."""

from typing import ClassVar

from pydantic import PositiveFloat

from harness.choices.base import Choice
from harness.registry import Registry


class Head(Choice):
    """A matrix product onto the vocabulary, for every position.

    Attributes:
        scale: what the logits are multiplied by (Cohere, Granite).
        softcap: if given, logits become softcap tanh(logits / softcap) (Gemma 2, https://arxiv.org/abs/2408.00118).
    """

    scale: PositiveFloat = 1.0
    softcap: PositiveFloat | None = None

    tied: ClassVar[bool]
    """Whether the matrix is the token table."""


heads: Registry[type[Head]] = Registry("head", __name__)
