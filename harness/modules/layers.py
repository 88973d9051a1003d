"""Torch's layers without their own initialisation: the factory draws all weights in one place."""

from torch import nn


class Linear(nn.Linear):
    """y = x W^T (+ b)."""

    def reset_parameters(self) -> None:
        """Nothing; see `harness.factory.initialise`."""


class Table(nn.Embedding):
    """A trained vector for each index."""

    def reset_parameters(self) -> None:
        """Nothing; see `harness.factory.initialise`."""
