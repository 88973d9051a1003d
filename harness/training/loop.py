"""The training loop: deterministic, and resumed to the bit from where it was killed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import cross_entropy

from harness.files import write_atomically
from harness.modules.decoder import Decoder
from harness.modules.objectives import IGNORED, Batch
from harness.spec.model import Spec
from harness.training.balance import balancing_loss, rebalance
from harness.training.recipe import Recipe
from harness.training.start import fresh, optimiser_of

SAVED_EVERY = 250
"""Steps between checkpoints, which take some milliseconds each."""

MTP_WEIGHT = 0.3
"""Of the mean loss of multi-token prediction: DeepSeek-AI 2024 (DeepSeek-V3), section 4.2, for most of the training."""

Progress = Callable[[int, float], None]
"""Told the steps done so far and the loss of the last."""
Loss = Callable[[Decoder, Batch], Tensor]
"""What is to be made small: one number for a model and a batch."""


def batch_loss(model: Decoder, batch: Batch) -> Tensor:
    """Mean cross entropy of the targets, in nats. Of multi-token prediction the gradient counts, the value does not."""
    assert batch.targets is not None
    if not model.mtp:
        logits = model(batch.input_ids, context=batch.context, position_ids=batch.position_ids)
        return _cross_entropy(logits, batch.targets)
    logits, *further = model.predictions(batch.input_ids)
    later = [(each, batch.targets[:, depth:]) for depth, each in enumerate(further, start=1)]
    losses = [_cross_entropy(*pair) for pair in later if (pair[1] != IGNORED).any()]
    beside = MTP_WEIGHT * torch.stack(losses).mean() if losses else torch.zeros(())
    return _cross_entropy(logits, batch.targets) + beside - beside.detach()


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


@dataclass(frozen=True)
class Trained:
    """A model at the end of its training.

    Attributes:
        model: in evaluation mode.
        losses: of every step, in nats a predicted token where that is the loss.
        seconds: of one core, those before an interruption included.
    """

    model: Decoder
    losses: list[float]
    seconds: float


def train(
    spec: Spec,
    recipe: Recipe,
    data: Callable[[int], Batch],
    seed: int,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    loss: Loss = batch_loss,
) -> Trained:
    """Train a fresh model of a spec on one thread.

    The same arguments give the same weights to the bit on one kind of machine, however often the training was
    killed: nothing random is drawn but the first weights, and the data, which is a function of the step.

    Args:
        spec: of the size that is to be trained.
        recipe: optimiser, schedule and first weights.
        data: the batch of each step, counted from 0.
        seed: of the first weights.
        checkpoint: a safetensors file that holds what is needed to go on, and in the end what came out. The caller
            names it by all that decides the result; one that is damaged, or is of another model, is written anew.
        progress: called after every step.
        loss: of a batch; cross entropy unless the task has another.
    """
    with one_thread():
        model = fresh(spec, recipe, seed)
        optimiser = optimiser_of(model, recipe)
        losses, seconds = _resumed(checkpoint, model, optimiser) if checkpoint else ([], 0.0)
        for step in range(len(losses), recipe.steps):
            started = time.process_time()
            losses.append(training_step(model, optimiser, data(step), recipe.rate(step), loss))
            seconds += time.process_time() - started
            if checkpoint and ((step + 1) % SAVED_EVERY == 0 or step + 1 == recipe.steps):
                write_atomically(checkpoint, _state(model, optimiser, losses, seconds))
            if progress:
                progress(step + 1, losses[-1])
        return Trained(model.eval(), losses, seconds)


def training_step(
    model: Decoder, optimiser: torch.optim.Optimizer, batch: Batch, rate: float, loss: Loss = batch_loss
) -> float:
    """One step at a learning rate; the loss before it, without what balances experts."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    found = loss(model, batch)
    optimiser.zero_grad()
    (found + balancing_loss(model)).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    optimiser.step()
    rebalance(model)
    return found.item()


@contextmanager
def one_thread() -> Iterator[None]:
    """More threads would add numbers up in another order, and tiny models would not be faster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _state(model: Decoder, optimiser: torch.optim.Optimizer, losses: list[float], seconds: float) -> bytes:
    """A safetensors file: weights, both moments of AdamW, and in its header losses, time and a digest of all."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        tensors |= {f"{moment}.{name}": tensor for moment, tensor in optimiser.state[parameter].items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}  # as safetensors wants them
    progress = json.dumps({"losses": losses, "seconds": seconds})
    return save(tensors, {"progress": progress, "sha256": _digest(progress, tensors)})


def _resumed(path: Path, model: Decoder, optimiser: torch.optim.Optimizer) -> tuple[list[float], float]:
    """Put a stored state back; losses and seconds so far, none where no state of this model is stored."""
    prefix, moments = "model.", ("exp_avg", "exp_avg_sq")
    progress, tensors = _read(path)
    shapes = {prefix + name: tensor.shape for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        shapes |= {f"{moment}.{name}": parameter.shape for moment in moments} | {f"step.{name}": torch.Size()}
    if {name: tensor.shape for name, tensor in tensors.items()} != shapes:
        return [], 0.0
    model.load_state_dict({name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)})
    for name, parameter in model.named_parameters():
        optimiser.state[parameter] = {
            "step": tensors[f"step.{name}"],  # the fused kernel wants moments that lie in memory as their parameter
            **{moment: torch.empty_like(parameter).copy_(tensors[f"{moment}.{name}"]) for moment in moments},
        }
    found = json.loads(progress)
    return found["losses"], found["seconds"]


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Progress and tensors of a file as `_state` makes them; no tensors where it is not there or damaged."""
    try:
        with safe_open(path, "pt") as file:
            stated = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError):
        return "", {}
    progress = stated.get("progress", "")
    return progress, tensors if stated.get("sha256") == _digest(progress, tensors) else {}


def _digest(progress: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of everything in a file: a safetensors file has no checksum of its own."""
    digest = hashlib.sha256(progress.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
