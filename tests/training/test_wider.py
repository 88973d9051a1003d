"""Chains and linear functions are trained by the same loop: deterministic, resumed to the bit, and to some effect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from harness.metrics.params import params
from harness.modules.objectives import Batch
from harness.spec import Spec, load_spec
from harness.tasks.synthetic.markov import Chains
from harness.tasks.synthetic.regression import LinearFunctions
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training import loop, markov, regression
from harness.training.loop import Trained, train
from harness.training.matching import matched
from harness.training.recipe import Recipe
from harness.training.regression import predicted
from harness.training.scoring import scored
from harness.training.start import fresh
from tests.training.test_loop import KilledError, killed_at, same

CHAINS = Chains(states=4, length=12)
FUNCTIONS = LinearFunctions(dimensions=2, pairs=5)
SHORT = Recipe(steps=8, batch_size=4)

Train = Callable[..., Trained]


def small(name: str, words: int) -> Spec:
    return matched(load_spec(name), 20_000, params, words, 50)


def on_chains(name: str, seed: int = 0, checkpoint: Path | None = None, **options: object) -> Trained:
    spec = small(name, SIZE)
    return train(spec, SHORT, markov.batches(CHAINS, spec, 4, seed), seed, checkpoint, **options)


def on_functions(name: str, seed: int = 0, checkpoint: Path | None = None, **options: object) -> Trained:
    spec, data = small(name, FUNCTIONS.coordinates), regression.batches(FUNCTIONS, 4, seed)
    return train(spec, SHORT, data, seed, checkpoint, loss=regression.squared_error, **options)


@pytest.mark.parametrize("trained", [on_chains, on_functions])
@pytest.mark.parametrize("name", ["llama-7b", "chatglm-6b"])
def test_one_seed_gives_the_same_bits_twice_and_another_seed_others(trained: Train, name: str) -> None:
    torch.manual_seed(1)
    first = trained(name)
    torch.manual_seed(2)
    assert same(first, trained(name))
    assert not same(first, trained(name, seed=1))


@pytest.mark.parametrize("trained", [on_chains, on_functions])
def test_a_killed_training_goes_on_to_the_bit(trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVED_EVERY", 3)
    whole, path = trained("llama-7b"), tmp_path / "state.safetensors"
    for step in (2, 5, 7):
        with pytest.raises(KilledError):
            trained("llama-7b", checkpoint=path, progress=killed_at(step))
    steps: list[int] = []
    assert same(whole, trained("llama-7b", checkpoint=path, progress=lambda done, loss: steps.append(done)))
    assert steps == [7, 8]


def test_an_objective_of_text_makes_no_difference_to_functions() -> None:
    assert same(on_functions("chatglm-6b"), on_functions("chatglm-6b-causal"))
    assert not same(on_chains("chatglm-6b"), on_chains("chatglm-6b-causal"))


def test_all_specs_are_shown_the_same() -> None:
    llama, gpt = (markov.batches(CHAINS, small(name, SIZE), 4, 3)(5) for name in ("llama-7b", "gpt2-small"))
    assert torch.equal(llama.input_ids, gpt.input_ids)
    assert torch.equal(llama.targets[:, :-1], llama.input_ids[:, 1:])
    assert torch.equal(
        regression.batches(FUNCTIONS, 4, 3)(5).input_ids, regression.batches(FUNCTIONS, 4, 3)(5).input_ids
    )
    assert not torch.equal(
        regression.batches(FUNCTIONS, 4, 3)(5).input_ids, regression.batches(FUNCTIONS, 4, 3)(6).input_ids
    )


def test_answers_are_told_from_what_stands_before_and_from_nothing_else() -> None:
    """The error of the scorer is that of the loss, and a value that is changed changes later answers only."""
    model = fresh(small("chatglm-6b", FUNCTIONS.coordinates), SHORT, 0).eval()
    points, values = FUNCTIONS.examples(np.random.default_rng(0), 30)
    answers = predicted(model, FUNCTIONS, points, values)
    batch = Batch(torch.from_numpy(FUNCTIONS.read(points, values)).float(), torch.from_numpy(values).float())
    with torch.no_grad():
        assert ((answers - values) ** 2).mean() == pytest.approx(
            regression.squared_error(model, batch).item(),
            rel=1e-5,  # float32
        )
    values[:, 2] += 1
    changed = predicted(model, FUNCTIONS, points, values) != answers
    assert not changed[:, :3].any()
    assert changed[:, 3:].all()


def test_nats_are_the_cross_entropy_of_the_next_word() -> None:
    """In float32, in which the model is."""
    model = fresh(small("llama-7b", SIZE), SHORT, 0).eval()
    asked = CHAINS.questions(np.random.default_rng(0), 30, 7)
    with torch.no_grad():
        logits = model(torch.from_numpy(asked.prompts))[:, -1]
    expected = cross_entropy(logits, torch.from_numpy(asked.answers))
    assert scored(model, asked).nats.mean() == pytest.approx(expected.item(), rel=1e-5)


def test_a_hundred_steps_teach_that_functions_are_linear() -> None:
    recipe, task = Recipe(steps=100), LinearFunctions(dimensions=1, pairs=4)
    spec = matched(load_spec("llama-7b"), 110_000, params, task.coordinates, 50)
    model = train(spec, recipe, regression.batches(task, 32, 0), 0, loss=regression.squared_error).model
    points, values = task.examples(np.random.default_rng(1), 500)
    errors = (predicted(model, task, points, values) - values) ** 2
    assert errors[:, 0].mean() > 0.8
    assert errors[:, 3].mean() < 0.5
