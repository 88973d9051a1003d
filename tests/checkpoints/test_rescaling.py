"""RWKV's release halves its stream every few layers at inference, which must change nothing that a spec would say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness import load_checkpoint
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.tiny import TINY, config_of, random_model, save

LOUD = 100.0
"""What the first norm gains, so that the stream is as large as what 16 bits could not hold in the end."""


@pytest.mark.parametrize("rescale_every", [0, 1, 2])
def test_halving_the_stream_is_undone_by_the_next_norm(rescale_every: int, tmp_path: Path) -> None:
    fields = {**TINY["rwkv"][0], "num_hidden_layers": 4, "rescale_every": rescale_every}
    reference = random_model(config_of("rwkv", fields))
    with torch.no_grad():
        reference.rwkv.blocks[0].pre_ln.weight.mul_(LOUD)
        save(reference, tmp_path)
        tokens = torch.randint(0, 99, (2, 17), generator=torch.Generator().manual_seed(1))
        expected, got = reference(tokens).logits, load_checkpoint(tmp_path)(tokens)
        assert reference.rwkv.layers_are_rescaled
        untouched = reference.train()(tokens).logits
    assert (got - expected).abs().max() < TOLERANCE
    assert (got - untouched).abs().max() < TOLERANCE
