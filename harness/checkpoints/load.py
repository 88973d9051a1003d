"""From a released config to a spec, and from a checkpoint folder to a model with its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.checkpoints.config import Config, read_config
from harness.checkpoints.families import Family, families
from harness.choices.heads import heads
from harness.errors import HarnessError
from harness.spec.check import spec_from_tree
from harness.spec.model import Spec
from harness.spec.tree import tree_of

if TYPE_CHECKING:
    import torch

    from harness.checkpoints.folder import TensorFolder
    from harness.checkpoints.layout import Released
    from harness.modules.decoder import Decoder

HEAD, TABLE = "head.out.weight", "embedding.table.weight"


def import_config(config: dict[str, Any] | str | Path, name: str = "imported") -> Spec:
    """The spec of a released config. Reads no weights and needs neither torch nor transformers.

    Args:
        config: the fields, or the path of a `config.json` or of a folder with one.
        name: what the spec is called.

    Raises:
        HarnessError: the family is unknown, or a field means something that no spec can express; it is named.
    """
    return spec_from_tree(tree_of(document(config, name), _file(config)))


def document(config: dict[str, Any] | str | Path, name: str) -> dict[str, Any]:
    """The spec of a released config as plain data, in the order of a spec file."""
    fields = config if isinstance(config, dict) else read_config(config)
    family = _family(fields, _file(config))
    reader = Config(fields, _file(config))
    translated = family.document(reader)
    reader.finish()
    title, url = family.source
    return {
        "name": name,
        "family": fields["model_type"],
        "provenance": "released",
        "sources": {"layout": {"title": title, "url": url}},
        **translated,
    }


def load_checkpoint(
    folder: str | Path, *, dtype: torch.dtype | None = None, device: str | torch.device = "cpu"
) -> Decoder:
    """The model of a checkpoint folder with its released weights, in evaluation mode.

    Weights are mapped into memory and read one tensor at a time. No code of the folder is run, nothing is unpickled.

    Args:
        folder: in the Hugging Face layout, with `config.json` and safetensors.
        dtype: of all parameters; left out, float32.
        device: where to.

    Raises:
        HarnessError: the config cannot be expressed, a file is missing or damaged, or a tensor is missing, left over
            or of another shape than the spec asks for.
    """
    import torch

    from harness.checkpoints.folder import TensorFolder
    from harness.factory import build

    folder = Path(folder)
    tensors = TensorFolder(folder)
    family = _family(read_config(folder), str(folder))
    spec = _with_stored_head(import_config(folder, name=spec_name(folder)), family, tensors)
    model = build(spec, device="meta", dtype=dtype or torch.float32)
    weights: dict[str, torch.Tensor] = {}
    used = {tensors.stored(name) for name, own in family.templates(spec).items() if own == HEAD and tensors.holds(name)}
    for released in released_names(family, spec, model):
        used.add(tensors.stored(released.name))
        weights |= _read(released, tensors, model, dtype or torch.float32, device)
    _refuse_leftovers(tensors, used, family.ignored)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def spec_name(folder: Path) -> str:
    """A spec's name from that of a folder."""
    word = "".join(c if c.isalnum() or c in "._-" else "-" for c in folder.resolve().name.lower()).lstrip("._-")
    return word or "imported"


def released_names(family: Family, spec: Spec, model: Decoder) -> list[Released]:
    """The released tensors that hold the parameters of a model."""
    from harness.checkpoints.layout import released_tensors

    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    return released_tensors(family.templates(spec), spec, shapes)


def _read(
    released: Released, tensors: TensorFolder, model: Decoder, dtype: torch.dtype, device: str | torch.device
) -> dict[str, torch.Tensor]:
    """One released tensor as the parameters of the model that it holds."""
    from torch import nn

    name = released.name
    shapes = [tuple(model.get_parameter(own).shape) for own in released.own]
    expected, found = released.form.shape(shapes), tensors.shape(name)
    if expected != found:
        raise HarnessError(
            f"{tensors.folder}: tensor {name!r} has shape {list(found)}; the config asks for {list(expected)}"
        )
    parts = released.form.to_model(tensors.tensor(name), shapes)
    return {
        own: nn.Parameter(part.to(device=device, dtype=dtype).contiguous())
        for own, part in zip(released.own, parts, strict=True)
    }


def _with_stored_head(spec: Spec, family: Family, tensors: TensorFolder) -> Spec:
    """An untied head where the file stores a head that is not the table, whatever the config says."""
    import torch

    by_own = {own: name for name, own in family.templates(spec).items() if isinstance(own, str)}
    head, table = by_own[HEAD], by_own[TABLE]
    if spec.choices.head.params(spec.dims) or not tensors.holds(head):
        return spec
    if torch.equal(tensors.tensor(head), tensors.tensor(table)):
        return spec
    untied = heads["untied"]()
    blocks = {name: replace(block, head=untied) for name, block in spec.blocks.items()}
    return replace(spec, choices=replace(spec.choices, head=untied), blocks=blocks)


def _refuse_leftovers(tensors: TensorFolder, used: set[str], ignored: tuple[str, ...]) -> None:
    for name in tensors.names:
        if name not in used and not name.endswith(ignored):
            raise HarnessError(f"{tensors.folder}: tensor {name!r} has no place in the model that the config describes")


def _family(fields: dict[str, Any], file: str) -> Family:
    kind = fields.get("model_type")
    if not isinstance(kind, str):
        raise HarnessError(f"{file}: missing field 'model_type'")
    try:
        return families[kind]()
    except HarnessError as error:
        raise HarnessError(f"{file}: {error}") from None


def _file(config: dict[str, Any] | str | Path) -> str:
    return "config" if isinstance(config, dict) else str(config)
