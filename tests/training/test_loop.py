"""Training is deterministic, goes on from a checkpoint to the bit, and teaches something."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from harness.metrics.icl import LONGEST, TARGET
from harness.metrics.params import params
from harness.spec import Spec, load_spec
from harness.tasks.synthetic.vocabulary import LABELS, SIZE, VALUES
from harness.training import loop
from harness.training.loop import Trained, one_thread, train
from harness.training.matching import matched, standing_for
from harness.training.mixture import mixture
from harness.training.recipe import Recipe

SHORT = Recipe(steps=8, batch_size=4)


class KilledError(Exception):
    """What ends a training in a test."""


def killed_at(step: int) -> Callable[[int, float], None]:
    def progress(done: int, loss: float) -> None:
        if done == step:
            raise KilledError

    return progress


def small(name: str) -> Spec:
    return matched(load_spec(name), 20_000, params, SIZE, 50)


def trained(
    spec: Spec, seed: int = 0, checkpoint: Path | None = None, **options: Callable[[int, float], None]
) -> Trained:
    return train(spec, SHORT, mixture(spec, SHORT.batch_size, seed), seed, checkpoint, **options)


def same(one: Trained, other: Trained) -> bool:
    weights, others = one.model.state_dict(), other.model.state_dict()
    return one.losses == other.losses and all(torch.equal(weights[name], others[name]) for name in weights)


@pytest.mark.parametrize("name", ["llama-7b", "gpt3-small", "chatglm-6b"])
def test_one_seed_gives_the_same_bits_twice_and_another_seed_others(name: str) -> None:
    spec = small(name)
    torch.manual_seed(1)
    first = trained(spec)
    torch.manual_seed(2)
    assert same(first, trained(spec))
    assert not same(first, trained(spec, seed=1))


@pytest.mark.parametrize("name", ["llama-7b", "chatglm-6b"])
def test_a_killed_training_goes_on_to_the_bit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVED_EVERY", 3)
    spec, path = small(name), tmp_path / "folder" / "state.safetensors"
    whole = trained(spec)
    for step in (2, 5, 7):
        with pytest.raises(KilledError):
            trained(spec, checkpoint=path, progress=killed_at(step))
    steps: list[int] = []
    assert same(whole, trained(spec, checkpoint=path, progress=lambda done, loss: steps.append(done)))
    assert steps == [7, 8]
    assert [file.name for file in path.parent.iterdir()] == ["state.safetensors"]


def test_what_is_trained_is_not_trained_again(tmp_path: Path) -> None:
    spec, path = small("llama-7b"), tmp_path / "state.safetensors"
    first = trained(spec, checkpoint=path)
    again = trained(spec, checkpoint=path, progress=killed_at(1))
    assert same(first, again)
    assert again.seconds == first.seconds


def empty(whole: bytes) -> bytes:
    return b""


def truncated(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def without_metadata(whole: bytes) -> bytes:
    return save(load(whole))


def without_a_digest(whole: bytes) -> bytes:
    return save(load(whole), {"progress": '{"losses": [], "seconds": 0}'})


@pytest.mark.parametrize("damage", [empty, truncated, without_metadata, without_a_digest])
def test_a_damaged_checkpoint_is_written_anew(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    spec, path = small("llama-7b"), tmp_path / "state.safetensors"
    whole = trained(spec, checkpoint=path)
    path.write_bytes(damage(path.read_bytes()))
    assert same(whole, trained(spec, checkpoint=path))
    assert same(whole, trained(spec, checkpoint=path, progress=killed_at(1)))


def test_no_byte_of_a_checkpoint_can_change_unnoticed(tmp_path: Path) -> None:
    """Those of the header, of which some are names, losses and places, and those of the tensors."""
    spec, path = small("llama-7b"), tmp_path / "state.safetensors"
    trained(spec, checkpoint=path)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for place in (*range(0, header, 97), *range(header, len(whole), 20_011), len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(KilledError):
            trained(spec, checkpoint=path, progress=killed_at(1))


def test_a_checkpoint_of_another_model_is_written_anew(tmp_path: Path) -> None:
    """Of other names, and of the same names and other shapes; nothing of it gets into the model."""
    path = tmp_path / "state.safetensors"
    larger = matched(load_spec("llama-7b"), 30_000, params, SIZE, 50)
    spec = small("llama-7b")
    for other in (small("gpt2-small"), larger):
        trained(other, checkpoint=path)
        assert same(trained(spec), trained(spec, checkpoint=path))


def test_sequences_are_those_of_the_seed_and_the_step_whatever_the_spec() -> None:
    llama, gpt = (mixture(small(name), 4, 3) for name in ("llama-7b", "gpt2-small"))
    assert torch.equal(llama(5).input_ids, gpt(5).input_ids)
    assert not torch.equal(llama(5).input_ids, llama(6).input_ids)
    assert not torch.equal(llama(5).input_ids, mixture(small("llama-7b"), 4, 4)(5).input_ids)


def test_sixty_steps_teach_more_than_how_often_words_come() -> None:
    """Below the entropy of a label or value drawn evenly, which no model can reach that does not read."""
    recipe = Recipe(steps=60)
    spec = standing_for(load_spec("llama-7b"), TARGET, params, SIZE, LONGEST)
    losses = train(spec, recipe, mixture(spec, recipe.batch_size, 0), 0).losses
    unigram = (math.log(len(LABELS)) + math.log(len(VALUES))) / 2
    assert losses[0] > unigram
    assert sum(losses[-5:]) / 5 < 0.97 * unigram


def test_the_rate_warms_up_stays_and_falls_to_nothing() -> None:
    recipe = Recipe(steps=1000, warmup_steps=50, constant_until=0.7, learning_rate=1.0)
    rates = [recipe.rate(step) for step in range(1000)]
    assert rates[:50] == pytest.approx([(step + 1) / 50 for step in range(50)])
    assert set(rates[50:701]) == {1.0}
    assert all(earlier > later for earlier, later in pairwise(rates[700:]))
    assert rates[850] == pytest.approx(0.5)
    assert rates[-1] < 1e-4


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
