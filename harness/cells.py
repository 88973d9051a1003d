"""Stored results: one JSON file a cell, written whole or not at all. The runner writes them, reports read them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import warnings
from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator, model_validator
from typing_extensions import TypedDict

from harness.errors import HarnessError, UnreadableResultWarning
from harness.files import read_text, write_atomically
from harness.processor import processor
from harness.result_types import RESULT_TYPES, Url, unlike
from harness.spec.check import Name, spec_from_tree
from harness.spec.model import Spec
from harness.spec.tree import tree_of
from harness.tuning import tuning

if TYPE_CHECKING:
    import pandas as pd

MACHINE = "_machine"
"""What the results of experiments are stored under in place of a spec's name."""
PACKAGES = ("torch", "fvcore", "lm-eval", "numpy")
"""Packages whose version could change a result."""


class SourceRecord(TypedDict):
    """A source that a spec cites."""

    title: str
    url: Url


class HardwareRecord(TypedDict):
    """The machine of a result."""

    machine: str
    processor: str
    cores: int | None
    kernels: NotRequired[str]


class EnvironmentRecord(TypedDict):
    """Versions of packages, and the machine."""

    packages: dict[str, str]
    hardware: HardwareRecord


class SpecRecord(BaseModel):
    """What a report needs to know of the spec that was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name  # of a folder too, so that it leads nowhere else
    hash: str
    title: str
    family: str
    provenance: str
    about: str
    released: str
    training: list[str]
    sources: dict[str, SourceRecord]
    architecture: dict[str, Any]


class Cell(BaseModel):
    """The result of one metric on one spec, or of one experiment, with one set of settings.

    Attributes:
        spec: what was measured; None for an experiment, which is about choices and this machine.
        metric: name of the metric or the experiment.
        status: `ok`, or `failed` with a reason: a number that could not be had is stored as such.
        values: what the metric returned; empty where it failed.
        environment: packages and hardware that it was measured with.
        created: UTC time, ISO 8601.
        seconds: how long the measurement took.
        during: what was seen of the machine meanwhile: the most memory that it held, and what disturbed a timing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[3] = 3
    """1 wrote one architecture in several ways, with a hash for each; 2 called the axis `mixer` attention. Both are
    read as 3."""
    spec: SpecRecord | None
    metric: str = Field(pattern=r"^[a-z0-9_]+$")
    version: int
    settings: dict[str, Any]
    environment: EnvironmentRecord
    status: Literal["ok", "failed"]
    reason: str = ""
    values: dict[str, Any] = {}
    created: str
    seconds: FiniteFloat
    during: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or fields.get("format") not in (1, 2):
            return fields
        return {**fields, "format": 3, "spec": fields.get("spec") and _settled(fields["spec"])}

    @field_validator("created")
    @classmethod
    def _a_time(cls, created: str) -> str:
        datetime.fromisoformat(created)
        return created

    @property
    def subject(self) -> str:
        """The name of the spec; for an experiment a word that no spec has for a name."""
        return self.spec.name if self.spec else MACHINE

    @property
    def key(self) -> str:
        """16 hexadecimal digits of all that decides the result."""
        return cell_key(self.spec.hash if self.spec else "", self.metric, self.version, self.settings, self.environment)


def _settled(stored: dict[str, Any]) -> dict[str, Any]:
    """An older record with the architecture, and its hash, as they are written today."""
    try:
        spec = _spec_of(json.dumps(stored["architecture"]))
    except (HarnessError, KeyError, TypeError) as error:
        raise ValueError(f"of an older version, and no longer understood: {error}") from None
    return {**stored, "architecture": spec.architecture, "hash": spec.hash}


@lru_cache(maxsize=4096)  # a spec has some results
def _spec_of(architecture: str) -> Spec:
    """The spec of a stored architecture, which is JSON.

    Raises:
        HarnessError, KeyError, TypeError: it is none.
    """
    stored = json.loads(architecture)
    parts = {key: stored[key] for key in ("dims", "choices", "blocks", "layers")}
    return spec_from_tree(tree_of({"name": "stored", **parts}, "its architecture"))


def cell_key(
    spec_hash: str, metric: str, version: int, settings: dict[str, Any], environment: EnvironmentRecord
) -> str:
    """Digest of the architecture (empty for an experiment), metric, version, settings, packages and hardware."""
    canonical = json.dumps([spec_hash, metric, version, settings, environment], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def record(spec: Spec) -> SpecRecord:
    """The part of a spec that is stored with its results."""
    return SpecRecord(
        name=spec.name,
        hash=spec.hash,
        title=spec.title,
        family=spec.family,
        provenance=spec.provenance,
        about=spec.about,
        released=spec.released,
        training=list(spec.training),
        sources={key: SourceRecord(title=source.title, url=source.url) for key, source in spec.sources.items()},
        architecture=spec.architecture,
    )


@cache
def environment() -> EnvironmentRecord:
    """Versions of the packages that results depend on, without importing any, the machine, and its row of kernels."""

    def installed(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    return {
        "packages": {"python": platform.python_version(), **{name: installed(name) for name in PACKAGES}},
        "hardware": {
            "machine": platform.machine(),
            "processor": str(processor()),
            "cores": os.cpu_count(),
            "kernels": tuning().identity,
        },
    }


def cell_path(folder: Path, subject: str, metric: str, key: str) -> Path:
    """Where a cell lies below the folder of a run."""
    return folder / "results" / subject / f"{metric}-{key}.json"


def write_cell(folder: Path, cell: Cell) -> Path:
    """Store a cell so that a reader, or a crash, sees either all of it or nothing."""
    path = cell_path(folder, cell.subject, cell.metric, cell.key)
    write_atomically(path, cell.model_dump_json(indent=1) + "\n")
    return path


def read_cell(path: Path) -> Cell:
    """Read one stored cell.

    Raises:
        HarnessError: the file is not a result of this program.
    """
    try:
        cell = Cell.model_validate_json(read_text(path))
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise _refused(path, f"{place}: {first['msg']}") from None
    if cell.status == "ok" and (wrong := unlike(cell.metric, cell.version, cell.settings, cell.values)):
        raise _refused(path, wrong)
    if not cell.spec:
        return cell
    try:
        spec = _spec_of(json.dumps(cell.spec.architecture))
    except (HarnessError, KeyError, TypeError) as error:
        raise _refused(path, f"spec.architecture: {error}") from None
    if cell.status == "ok" and any(set(told) != blocks for told, blocks in _told_by_block(cell, spec)):
        raise _refused(path, f"values: not told of the blocks of its architecture, {', '.join(spec.block_counts)}")
    written = cell.spec.model_copy(update={"architecture": spec.architecture})
    return cell.model_copy(update={"spec": written})


def _told_by_block(cell: Cell, spec: Spec) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """The parts of a result that are told by block, and the blocks that each must tell of."""
    blocks = set(spec.block_counts)
    match cell.metric if (cell.metric, cell.version) in RESULT_TYPES else None:
        case "params":
            yield from ((cell.values[part], blocks) for part in ("layers", "layer_counts"))
        case "attention_pairs":
            patterned = {block for block in blocks if spec.blocks[block].mixer.uses_pattern}
            yield from ((point["blocks"], patterned) for point in cell.values["points"])


def _refused(path: Path, reason: str) -> HarnessError:
    return HarnessError(f"{path}: not a stored result: {reason}; delete it and run again")


def read_cells(folder: Path) -> list[Cell]:
    """The newest cell for each subject, metric and settings below the folder of a run, in order of file name.

    Warns:
        UnreadableResultWarning: a file is not a result of this program; it is left out.
    """
    newest: dict[tuple[str, str, str], Cell] = {}
    for path in sorted((folder / "results").glob("*/*.json")):
        try:
            cell = read_cell(path)
        except HarnessError as error:
            warnings.warn(str(error), UnreadableResultWarning, stacklevel=2)
            continue
        key = (cell.subject, cell.metric, json.dumps(cell.settings, sort_keys=True))
        if key not in newest or newest[key].created < cell.created:
            newest[key] = cell
    return list(newest.values())


def results(folder: str | Path) -> pd.DataFrame:
    """All stored results of a run as one tidy frame: a row a number, or a word, that was measured.

    >>> results("no such folder").empty
    True

    Args:
        folder: the folder of a run, as of `harness run --out`.

    Returns:
        Columns `spec` (empty for an experiment), `hash`, `metric`, `settings` (as JSON), `status`, `reason`, `figure`
        (its path inside the result, `points.train.causal`), `seq_len` (in tokens, where the figure is of one length),
        `value` (whole numbers to the last digit) and `created`. A result that failed, or has no figures, has one row
        without.

    Warns:
        UnreadableResultWarning: a file is not a result of this program; it is left out.
    """
    import pandas as pd

    columns = "spec", "hash", "metric", "settings", "status", "reason", "figure", "seq_len", "value", "created"
    rows = []
    for cell in read_cells(Path(folder)):
        spec = (cell.spec.name, cell.spec.hash) if cell.spec else ("", "")
        settings = json.dumps(cell.settings, sort_keys=True)
        for figure in list(_figures(cell.values)) or [("", None, None)]:
            rows.append((*spec, cell.metric, settings, cell.status, cell.reason, *figure, cell.created))
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _figures(value: Any, path: str = "", seq_len: int | None = None) -> Iterator[tuple[str, int | None, Any]]:
    """Every scalar with its path and its length; a list of points, each of one length, is no step of a path."""
    if isinstance(value, dict):
        length = value.get("seq_len", seq_len)
        for key, part in value.items():
            if key != "seq_len":
                yield from _figures(part, f"{path}.{key}" if path else key, length)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            of_length = isinstance(part, dict) and "seq_len" in part
            yield from _figures(part, path if of_length else f"{path}.{index}", seq_len)
    else:
        yield path, seq_len, value
