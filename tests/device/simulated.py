"""A device that computes like the CPU but is none: what only works where all tensors share a memory fails on it.

Its tensors hold one on the CPU and show another device. An operator takes either its tensors or the CPU's, but for
those that move numbers over, scalars, and indices, as on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "simulated"
aten = torch.ops.aten
MOVES = (aten._to_copy.default, aten.copy_.default)
INDEXED = {aten.index.Tensor: (0,), aten.index_put.default: (0, 2), aten.index_put_.default: (0, 2)}
"""Arguments that are to be on the device; indices may be on either."""


# Not in a fixture: whatever goes backward first settles for the whole process which devices there are.
_setup_privateuseone_for_python_backend(NAME)


class OnDevice(Tensor):
    """A tensor of the device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        """Show the shape and strides of what is held."""
        made: OnDevice = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        """Torch asks this of none that holds another."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute on the CPU what the device's tensors hold."""
        return _computed(func, args, kwargs or {})


class _Device(TorchDispatchMode):
    """Also takes what makes a tensor out of none."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Generator(torch.Generator):
    """Draws on the CPU for either."""

    def __new__(cls, device: object = None) -> _Generator:
        return super().__new__(cls, "cpu")


@contextmanager
def simulated(monkeypatch: Any) -> Iterator[str]:
    """The name of the device, for as long as it is there."""
    monkeypatch.setattr(torch, "Generator", _Generator)
    torch._C._set_only_lift_cpu_tensors(True)  # a list of numbers becomes a tensor of the CPU, and is moved then
    try:
        with _Device():
            yield NAME
    finally:
        torch._C._set_only_lift_cpu_tensors(False)


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if func is aten._fused_sdp_choice.default:
        return 0  # in plain products: the CPU's kernel is not there
    leaves, shape = tree_flatten((args, kwargs))
    there = any(isinstance(leaf, OnDevice) for leaf in leaves)
    device = kwargs.get("device")
    lands = there if device is None else torch.device(device).type == NAME
    if there and func not in MOVES:
        there_too = [args[place] for place in INDEXED[func]] if func in INDEXED else leaves
        if any(isinstance(x, Tensor) and not isinstance(x, OnDevice) and x.dim() > 0 for x in there_too):
            raise RuntimeError(f"{func} of tensors on {NAME} and on the CPU")
    if func is aten.copy_.default:
        lands = isinstance(args[0], OnDevice)
    owners = {id(leaf.held): leaf for leaf in leaves if isinstance(leaf, OnDevice)}
    leaves = [leaf.held if isinstance(leaf, OnDevice) else leaf for leaf in leaves]
    leaves = [torch.device("cpu") if isinstance(leaf, torch.device) and leaf.type == NAME else leaf for leaf in leaves]
    plain, named = tree_unflatten(leaves, shape)
    made = func(*plain, **named)

    def land(out: Any) -> Any:
        if not isinstance(out, Tensor) or isinstance(out, OnDevice):
            return out
        if id(out) in owners:
            return owners[id(out)]
        return OnDevice(out) if lands else out

    return tree_map(land, made)
