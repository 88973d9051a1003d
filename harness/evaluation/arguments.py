"""Arguments of lm-eval's model `harness`: words or values of Python to what the model is made with."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from harness.errors import HarnessError, did_you_mean
from harness.evaluation.tokenizers import read_fields

DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in ("float32", "float64", "bfloat16", "float16")}
"""Of parameters and of what is computed, by their names as an argument."""

AUTO = "auto"


def count_of(name: str, value: int | str) -> int:
    """A number of tokens or sequences, as a number or as words."""
    if not (str(value).isdecimal() and int(value) > 0):
        raise HarnessError(f"model harness: {name}: found {value!r}, expected a whole number above 0")
    return int(value)


def dtype_of(name: str, checkpoint: Path) -> torch.dtype:
    """A dtype by name. What "auto" means stands in a released config; where none does, it is float32."""
    if name == AUTO:
        config = read_fields(checkpoint / "config.json")
        parts = (config, config.get("text_config") or {})
        stated = (part.get(field) for part in parts for field in ("dtype", "torch_dtype"))
        name = next(filter(None, stated), "float32")
    if not isinstance(name, str) or name not in DTYPES:
        raise HarnessError(f"model harness: unknown dtype {name!r}; {did_you_mean(str(name), [AUTO, *DTYPES])}")
    return DTYPES[name]


def device_of(name: str | None) -> torch.device:
    """A device by name. lm-eval asks for a GPU where its user said nothing, so one that is not there is no error."""
    try:
        device = torch.device(name or "cpu")
    except (RuntimeError, TypeError):
        raise HarnessError(f"model harness: unknown device {name!r}; expected cpu, cuda, cuda:1 or the like") from None
    there = torch.accelerator.current_accelerator(check_available=True)
    if device.type == "cpu" or (there is not None and there.type == device.type and _index_is_there(device)):
        return device
    logging.getLogger(__name__).warning("there is no device %r; computing on the CPU", name)
    return torch.device("cpu")


def _index_is_there(device: torch.device) -> bool:
    return (device.index or 0) < torch.accelerator.device_count()
