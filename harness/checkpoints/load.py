"""From a checkpoint to a model with its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from harness.checkpoints import gguf
from harness.checkpoints.config import read_config
from harness.checkpoints.folder import FLOATS, WHOLE, TensorFolder, TensorSource, TextTensors
from harness.checkpoints.layout import QKV, Released, Templates, released_tensors, shape_of, whole_of
from harness.checkpoints.translate import family_of, import_config
from harness.checkpoints.unread import quantised
from harness.checkpoints.wrappers import text_of
from harness.choices.heads import heads
from harness.errors import HarnessError
from harness.factory import build
from harness.files import write_atomically
from harness.modules.context import find_context
from harness.modules.decoder import Decoder
from harness.spec.emit import document_of, spec_text
from harness.spec.library import load_spec
from harness.spec.model import Spec, Weights

SPEC = "spec.yaml"
OLDER_NAME = re.compile(r"^(layers\.\d+\.)attention(?=\.|_norm\.|_out_norm\.)")
"""How names of a mixer and its norms begin in checkpoints of versions that may also have fused its matrices."""
Shapes = dict[str, tuple[int, ...]]
HEAD, TABLE = "head.out.weight", "embedding.table.weight"


def load_checkpoint(
    path: str | Path, *, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> Decoder:
    """The model of a checkpoint with its released weights, in evaluation mode.

    Files are mapped into memory and read one tensor at a time. No code is run, nothing is unpickled. A model that reads
    a context in both directions finds it in its tokens as the release does, unless a call says how long it is.

    Args:
        path: a folder in the Hugging Face layout, with `config.json` and safetensors; or one that
            `save_checkpoint` wrote; or a file in GGUF of the LLaMA family, whose quantised weights are expanded.
        dtype: of all parameters.
        device: where to.

    Raises:
        HarnessError: the config cannot be expressed, a file is missing or damaged, or a tensor is missing, left over
            or of another shape than the config asks for.
    """
    checkpoint = _opened(Path(path))
    model = build(checkpoint.spec, device="meta", dtype=dtype)
    tensors = tensors_of(model)
    shapes = _shapes(model)
    weights: dict[str, Tensor] = {}
    for released in checkpoint.fitting(shapes):
        for own, part in zip(released.own, checkpoint.read(released, shapes), strict=True):
            name, number = whole_of(own)
            if name not in weights:
                weights[name] = torch.empty_like(tensors[name], device=device, requires_grad=False)
            (weights[name] if number is None else weights[name][number]).copy_(part)
    model.load_state_dict(weights, assign=True)
    if any(block.pattern.visible(0, 1, context=2) for block in model.spec.blocks.values()):
        model.find_context = partial(find_context, model.spec.context_tokens)
    return model.eval()


def check_checkpoint(path: str | Path) -> Spec:
    """The spec of a checkpoint whose tensors all fit it, by their headers, with the checkpoint as its weights.

    Raises:
        HarnessError: as `load_checkpoint`.
    """
    checkpoint = _opened(Path(path))
    checkpoint.fitting(_shapes(build(checkpoint.spec, device="meta")))
    return replace(checkpoint.spec, weights=Weights(file=str(path)))


def checkpoint_spec(path: str | Path) -> Spec:
    """The spec of a checkpoint that `load_checkpoint` reads, with the checkpoint as its weights.

    Raises:
        HarnessError: the config cannot be expressed, or there is none.
    """
    path = Path(path)
    if (path / SPEC).is_file():
        spec = load_spec(path / SPEC)
    elif path.suffix == ".gguf":
        spec = gguf.spec_of(gguf.GGUFFile(path))
    else:
        spec = _released(path).spec
    return replace(spec, weights=Weights(file=str(path)))


def save_checkpoint(model: Decoder, folder: str | Path) -> None:
    """Write a model as its spec, `spec.yaml`, and its parameters under their own names, `model.safetensors`.

    Args:
        model: what to save; a matrix that two parts share is written once.
        folder: where to; it is made if need be. The spec comes last, so that a folder with one is whole.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SPEC).unlink(missing_ok=True)
    weights = {name: tensor.detach() for name, tensor in tensors_of(model).items()}
    temporary = folder / f".{WHOLE}.tmp"
    save_file(weights, temporary)
    temporary.replace(folder / WHOLE)
    write_atomically(folder / SPEC, spec_text(document_of(model.spec)))


@dataclass(frozen=True)
class _Checkpoint:
    """A spec, and where its tensors lie under which names."""

    spec: Spec
    templates: Templates
    source: TensorSource
    ignored: tuple[str, ...] = ()
    also_called: Mapping[str, str] = field(default_factory=dict)

    def fitting(self, shapes: Shapes) -> list[Released]:
        """All released tensors, once each is there in the shape that the spec asks for, and no other."""
        released = list(released_tensors(self.templates, self.spec, shapes))
        used = {self.source.stored(name) for name, own in self.templates.items() if own == HEAD}
        for tensor in released:
            used.add(self._fitting(tensor, shapes))
        for name in self.source.names:
            if name not in used and not name.endswith(self.ignored) and not name.startswith(self.ignored):
                raise HarnessError(
                    f"{self.source.where}: tensor {name!r} has no place in the model that the config describes"
                )
        return released

    def _fitting(self, released: Released, shapes: Shapes) -> str:
        name = self._stored(released.name)
        if name is None:
            raise HarnessError(f"{self.source.where}: tensor {released.name!r} is missing")
        expected = released.form.shape([shape_of(own, shapes) for own in released.own])
        found = self.source.shape(name)
        if expected != found:
            raise HarnessError(
                f"{self.source.where}: tensor {name!r} has shape {found}; the config asks for {expected}"
            )
        if (dtype := self.source.dtype(name)) not in FLOATS:
            raise HarnessError(f"{self.source.where}: tensor {name!r} is of {dtype}; expected {', '.join(FLOATS)}")
        return name

    def read(self, released: Released, shapes: Shapes) -> list[Tensor]:
        """One released tensor as the parameters that it holds."""
        name = self._stored(released.name)
        assert name is not None
        stored = self.source.tensor(name)
        # The extremes, which a NaN becomes too: `isfinite` of a whole tensor would take its memory thrice.
        if stored.numel() and not torch.stack(stored.aminmax()).isfinite().all():
            raise HarnessError(f"{self.source.where}: tensor {name!r} holds numbers that are not finite")
        return released.form.to_model(stored, [shape_of(own, shapes) for own in released.own])

    def _stored(self, name: str) -> str | None:
        """The name under which a released tensor is stored, None where it is not."""
        others = [name.replace(part, other) for part, other in self.also_called.items() if part in name]
        return next(filter(None, map(self.source.stored, [name, *others])), None)


def _opened(path: Path) -> _Checkpoint:
    if (path / SPEC).is_file():
        spec = load_spec(path / SPEC)
        folder = TensorFolder(path)
        own = {name: name for name in tensors_of(build(spec, device="meta"))}
        older = {name: todays_name(name) for name in folder.names if todays_name(name) in own or QKV in name}
        stored = {name: of for name, of in own.items() if of not in older.values()}
        return _Checkpoint(spec, stored | older, folder)
    if path.suffix == ".gguf":
        file = gguf.GGUFFile(path)
        spec = gguf.spec_of(file)
        return _Checkpoint(spec, gguf.templates(spec), file, (gguf.FREQUENCIES,))
    return _released(path)


def todays_name(name: str) -> str:
    """What a parameter of this name, as an older version wrote it, is called today."""
    return OLDER_NAME.sub(r"\1mixer", name)


def _released(path: Path) -> _Checkpoint:
    """A folder in the Hugging Face layout."""
    text = text_of(read_config(path))
    spec = import_config(path)
    if rounded := quantised(text.fields) or quantised(read_config(path)):
        raise HarnessError(f"{path}: weights are quantised, {rounded}: only their spec can be had, by `harness import`")
    family = family_of(text.fields, str(path))
    folder: TensorSource = TensorFolder(path)
    folder = TextTensors(folder) if text.about else folder
    spec = _with_stored_head(spec, family.templates(spec), folder)
    modules = max(1, spec.choices.mtp.depth) if family.predicts_further else 0
    further = tuple(f"model.layers.{spec.dims.num_layers + module}." for module in range(modules))
    return _Checkpoint(spec, family.templates(spec), folder, (*family.ignored, *further), family.also_called)


def tensors_of(model: Decoder) -> dict[str, Tensor]:
    """What a checkpoint of a model holds, each shared tensor once: its parameters, and what else belongs to it."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _shapes(model: Decoder) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors_of(model).items()}


def _with_stored_head(spec: Spec, templates: Templates, source: TensorSource) -> Spec:
    """An untied head where the file stores a head that is not the table, whatever the config says."""
    by_own = {own: name for name, own in templates.items() if isinstance(own, str)}
    head, table = (source.stored(by_own[own]) if own in by_own else None for own in (HEAD, TABLE))
    if not spec.choices.head.tied or head is None or table is None:
        return spec
    if torch.equal(source.tensor(head), source.tensor(table)):
        return spec
    options = {**spec.choices.head.model_dump(), "bias": spec.choices.head.params(spec.dims) > 0}
    untied = heads["untied"](**options)
    blocks = {name: replace(block, head=untied) for name, block in spec.blocks.items()}
    return replace(spec, choices=replace(spec.choices, head=untied), blocks=blocks)
