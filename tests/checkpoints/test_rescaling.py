"""RWKV's release halves its stream every few layers at inference, against overflow in 16 bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness import load_checkpoint
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.tiny import TINY, config_of, random_model, save


@pytest.mark.parametrize("gain", [1.0, 100.0])
@pytest.mark.parametrize("rescale_every", [0, 1, 2])
def test_norms_undo_that_a_stream_is_halved(rescale_every: int, gain: float, tmp_path: Path) -> None:
    """Where it is large, as in what could overflow; a small one comes near eps, and training tells what is meant."""
    fields = {**TINY["rwkv"][0], "num_hidden_layers": 4, "rescale_every": rescale_every}
    reference = random_model(config_of("rwkv", fields))
    with torch.no_grad():
        reference.rwkv.blocks[0].pre_ln.weight.mul_(gain)
    save(reference, tmp_path)
    tokens = torch.randint(0, 99, (2, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        got, at_inference = load_checkpoint(tmp_path)(tokens), reference(tokens).logits
        assert reference.rwkv.layers_are_rescaled
        in_training = reference.train()(tokens).logits
    assert (got - in_training).abs().max() < TOLERANCE
    if gain > 1 or not rescale_every:
        assert (got - at_inference).abs().max() < TOLERANCE
