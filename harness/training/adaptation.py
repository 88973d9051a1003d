"""Two ways to use the same few examples of a new task: gradient steps on them, or to read them in front of a query,
either again for every query, or once, if what is read does not look ahead at the query.

The task is the classification that a model was trained to do in context, with labels bound afresh to the groups:
k pairs of item and label, and then every item is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from harness.modules.decoder import Decoder
from harness.modules.objectives import Batch
from harness.spec.model import Spec
from harness.tasks.synthetic.classification import Task, tasks
from harness.tasks.synthetic.vocabulary import ITEMS, LABELS
from harness.training.loop import one_thread
from harness.training.mixture import objective_of

LABEL_WORDS = slice(LABELS.start, LABELS.stop)


@dataclass(frozen=True)
class FineTuning:
    """Gradient steps of AdamW on all parameters, every step on all the examples.

    Attributes:
        steps: how many.
        learning_rate: constant.
        task_head: whether a fresh linear head over the labels takes the place of that over the words, as in
            Radford et al. 2018 (GPT-1), section 3.2; else the label is predicted as the next word.
    """

    steps: int
    learning_rate: float
    task_head: bool


@dataclass(frozen=True)
class Adapted:
    """What came of one task.

    Attributes:
        accuracy: over all items.
        seconds: of one core, for all items together, what was done before included.
    """

    accuracy: float
    seconds: float


class TaskHead(nn.Module):
    """A linear head over the labels, [.., D] -> [.., labels], that starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(LABELS), width))

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """Logits; the token table is not used."""
        return linear(x, self.weight)


def in_context(model: Decoder, task: Task) -> Adapted:
    """Every item asked for behind all the examples, which are read again for each."""
    prompts = np.hstack((_shown(task).repeat(len(ITEMS), axis=0), np.array(ITEMS)[:, None]))
    with one_thread():
        started = time.process_time()
        found = _predicted(model, objective_of(model.spec).prompt(prompts), LABEL_WORDS)
        return Adapted(_accuracy(found, task), time.process_time() - started)


@torch.no_grad()
def read_once(model: Decoder, task: Task) -> Adapted:
    """Every item asked for behind all the examples, which are read once; the items go on from their cache.

    Only for a model of which `reads_forward` is true; the answers are those of `in_context`.
    """
    shown, items = torch.from_numpy(_shown(task)), torch.tensor(ITEMS)[:, None]
    with one_thread():
        started = time.process_time()
        cache = model.new_cache()
        model(shown, cache=cache, last=1)
        logits = model(items, cache=cache.rows(torch.zeros(len(items), dtype=torch.long)))[:, -1]
        found = logits[:, LABEL_WORDS].argmax(-1).numpy() + LABELS.start
        return Adapted(_accuracy(found, task), time.process_time() - started)


def reads_forward(spec: Spec) -> bool:
    """Whether examples are read alike whatever is asked behind them: no layer looks ahead in its context, and the
    objective puts nothing behind a question.
    """
    looks_ahead = any(block.pattern.visible(0, 1, context=2) for block in spec.blocks.values())
    return not looks_ahead and _prompt_length(spec, 1) == 1


def fine_tuned(model: Decoder, task: Task, how: FineTuning) -> Adapted:
    """A copy of the model is trained on the examples, each alone, and then asked for every item alone."""
    objective = objective_of(model.spec)
    examples = objective.prompt(task.items[:, None])
    labels = torch.from_numpy(task.labels)
    words = LABEL_WORDS
    with one_thread():
        started = time.process_time()
        tuned = deepcopy(model)
        if how.task_head:
            tuned.head = TaskHead(model.spec.dims.hidden_size)
            labels, words = labels - LABELS.start, slice(None)
        optimiser = torch.optim.AdamW(tuned.parameters(), lr=how.learning_rate, weight_decay=0.0, fused=True)
        for _ in range(how.steps):
            optimiser.zero_grad()
            cross_entropy(_last(tuned, examples), labels).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        found = _predicted(tuned, objective.prompt(np.array(ITEMS)[:, None]), words)
        return Adapted(_accuracy(found, task), time.process_time() - started)


def compared(
    model: Decoder, shots: int, count: int, ways: Mapping[str, FineTuning], flops: CountFlops, seed: int
) -> list[dict[str, Any]]:
    """Tasks solved in context and in every other way, ready for JSON.

    Args:
        model: trained.
        shots: examples of a task.
        count: tasks, two at least.
        ways: to fine-tune, by name.
        flops: counts the FLOPs of a pass.
        seed: of the tasks.

    Returns:
        A row for each way: mean accuracy over the tasks with its standard error, and FLOPs and seconds of one core for
        all that a task asks, what is done before included.
    """
    given = tasks(np.random.default_rng(seed), count, shots)
    outcomes = {"in context": ([in_context(model, task) for task in given], cost_in_context(model.spec, shots, flops))}
    if reads_forward(model.spec):
        once = [read_once(model, task) for task in given]
        outcomes["in context, read once"] = (once, cost_of_reading_once(model.spec, shots, flops))
    for name, how in ways.items():
        tuned = [fine_tuned(model, task, how) for task in given]
        outcomes[name] = (tuned, cost_of_fine_tuning(model.spec, shots, how, flops))
    return [
        {
            "way": name,
            "shots": shots,
            "accuracy": fmean(each.accuracy for each in adapted),
            "standard_error": stdev(each.accuracy for each in adapted) / len(adapted) ** 0.5,
            "flops": cost,
            "core_seconds": fmean(each.seconds for each in adapted),
        }
        for name, (adapted, cost) in outcomes.items()
    ]


class CountFlops(Protocol):
    """`harness.metrics.flops.flops`, which stands above this part of the program."""

    def __call__(
        self, spec: Spec, phase: Literal["prefill", "decode", "train"], seq_len: int, batch_size: int, causal: bool
    ) -> int:
        """FLOPs of one step over a batch."""


def cost_in_context(spec: Spec, shots: int, flops: CountFlops) -> int:
    """FLOPs of `in_context`: every prompt is computed whole, all n^2 pairs."""
    return flops(spec, "prefill", _prompt_length(spec, 2 * shots + 1), len(ITEMS), causal=False)


def cost_of_reading_once(spec: Spec, shots: int, flops: CountFlops) -> int:
    """FLOPs of `read_once`: the examples, all n^2 pairs, and one more token for every item."""
    examples = flops(spec, "prefill", 2 * shots, 1, causal=False)
    return examples + flops(spec, "decode", 2 * shots + 1, len(ITEMS), causal=False)


def cost_of_fine_tuning(spec: Spec, shots: int, how: FineTuning, flops: CountFlops) -> int:
    """FLOPs of `fine_tuned`: the steps, and all items after them. A task head is counted as the head it stands for."""
    length = _prompt_length(spec, 1)
    step = flops(spec, "train", length, shots, causal=False)
    return how.steps * step + flops(spec, "prefill", length, len(ITEMS), causal=False)


def _shown(task: Task) -> np.ndarray:
    """The examples as they are read, [1, 2 k]."""
    return np.stack((task.items, task.labels), axis=-1).reshape(1, -1)


def _prompt_length(spec: Spec, tokens: int) -> int:
    """Tokens of a prompt with what the objective adds."""
    return int(objective_of(spec).prompt(np.zeros((1, tokens), dtype=np.int64)).input_ids.shape[1])


def _last(model: Decoder, batch: Batch) -> Tensor:
    """Logits at the last place, [B, words]."""
    logits: Tensor = model(batch.input_ids, context=batch.context, position_ids=batch.position_ids)[:, -1]
    return logits


@torch.no_grad()
def _predicted(model: Decoder, batch: Batch, words: slice) -> np.ndarray:
    return _last(model, batch)[:, words].argmax(-1).numpy() + LABELS.start


def _accuracy(found: np.ndarray, task: Task) -> float:
    return float((found == task.answers).mean())
