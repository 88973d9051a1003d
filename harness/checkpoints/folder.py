"""The tensors of a checkpoint folder: safetensors, whole or in shards, mapped into memory and read one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError, safe_open
from torch import Tensor

from harness.errors import HarnessError
from harness.files import read_json

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
FLOATS = ("F64", "F32", "F16", "BF16")
"""What weights may be, as safetensors calls it; of 8 bits they would need scales."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class TensorSource(Protocol):
    """Where released tensors are read from, by name."""

    where: str

    @property
    def names(self) -> Sequence[str]:
        """Names of all tensors, as they are stored."""

    def stored(self, name: str) -> str | None:
        """The name under which a tensor is stored, None where it is not."""

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a stored tensor, without reading it."""

    def dtype(self, name: str) -> str:
        """What the numbers of a stored tensor are, as safetensors calls it, without reading it."""

    def tensor(self, name: str) -> Tensor:
        """A stored tensor."""


class TensorFolder:
    """Names and tensors of a folder. Only headers are read until a tensor is asked for.

    Raises:
        HarnessError: there are no tensors, only pickled ones, a shard is missing, or a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, str(folder)
        self._opened: tuple[str, Any] | None = None
        if (folder / WHOLE).is_file():
            self._places = dict.fromkeys(self._open(WHOLE).keys(), WHOLE)
        elif (folder / INDEX).is_file():
            self._places = self._indexed()
        else:
            self._refuse()

    @property
    def names(self) -> list[str]:
        """Names of all tensors."""
        return list(self._places)

    def stored(self, name: str) -> str | None:
        """The name under which a tensor is stored: some releases leave that of the trunk out."""
        return next((each for each in (name, name.partition(".")[2]) if each in self._places), None)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a stored tensor, from the header."""
        return tuple(self._open(self._places[name]).get_slice(name).get_shape())

    def dtype(self, name: str) -> str:
        """What the numbers of a stored tensor are, from the header."""
        return str(self._open(self._places[name]).get_slice(name).get_dtype())

    def tensor(self, name: str) -> Tensor:
        """Read a stored tensor."""
        tensor: Tensor = self._open(self._places[name]).get_tensor(name)
        return tensor

    def _indexed(self) -> dict[str, str]:
        try:
            places = read_json(self.folder / INDEX)["weight_map"]
            named = {str(name): str(file) for name, file in places.items()}
        except (OSError, KeyError, AttributeError, TypeError):
            raise HarnessError(f"{self.folder / INDEX}: is not an index of shards") from None
        for file in sorted(set(named.values())):
            if Path(file).name != file:
                raise HarnessError(f"{self.folder / INDEX}: shard {file!r} lies outside the folder")
            held = set(self._open(file).keys())
            absent = [name for name, place in named.items() if place == file and name not in held]
            if absent:
                raise HarnessError(f"{self.folder / file}: has no tensor {absent[0]!r}, which the index places there")
        return named

    def _open(self, file: str) -> Any:
        """One file at a time, so that no more than one shard is mapped."""
        if self._opened is None or self._opened[0] != file:
            self._opened = None
            path = self.folder / file
            try:
                self._opened = file, safe_open(path, framework="pt")
            except FileNotFoundError:
                raise HarnessError(f"{path}: the shard is missing") from None
            except (SafetensorError, OSError) as error:
                raise HarnessError(f"{path}: damaged or no safetensors file: {error}") from None
        return self._opened[1]

    def _refuse(self) -> None:
        pickled = [path.name for pattern in PICKLES for path in sorted(self.folder.glob(pattern))]
        if pickled:
            raise HarnessError(
                f"{self.folder / pickled[0]}: pickled weights can run code and are never read; convert to safetensors"
            )
        raise HarnessError(f"{self.folder}: has neither {WHOLE} nor {INDEX}")


TEXT = (
    ("model.language_model.model.", "model."),
    ("model.language_model.", "model."),
    ("model.text_model.", "model."),
    ("language_model.", ""),
)
"""How the names of a text model's tensors begin inside a larger model, and by themselves."""
BESIDE = (
    "visual. vision_tower. vision_model. vision_embed_tokens. multi_modal_projector. mlp1. audio_tower. "
    "img_projection. connector. image_newline vision_language_adapter. mm_projector."
).split()
"""How the names of the other parts' tensors begin, behind `model.` or not."""


class TextTensors:
    """The tensors of the text model among those of a model that reads more than text, by the names that it alone has.

    Args:
        whole: all tensors.
    """

    def __init__(self, whole: TensorSource) -> None:
        self.whole, self.where = whole, whole.where
        self._stored: dict[str, str] = {}
        for name in whole.names:
            if not name.removeprefix("model.").startswith(tuple(BESIDE)):
                begin, alone = next((each for each in TEXT if name.startswith(each[0])), ("", ""))
                self._stored[alone + name.removeprefix(begin)] = name

    @property
    def names(self) -> list[str]:
        """Names of the text model's tensors."""
        return list(self._stored)

    def stored(self, name: str) -> str | None:
        """The name under which a tensor is stored, None where it is not."""
        return name if name in self._stored else None

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a stored tensor, from the header."""
        return self.whole.shape(self._stored[name])

    def dtype(self, name: str) -> str:
        """What the numbers of a stored tensor are, from the header."""
        return self.whole.dtype(self._stored[name])

    def tensor(self, name: str) -> Tensor:
        """Read a stored tensor."""
        return self.whole.tensor(self._stored[name])
