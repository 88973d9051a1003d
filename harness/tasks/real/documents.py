"""The files of a task as lm-eval takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datasets import Dataset

DATA = Path(__file__).parent / "data"


def splits(data: str, **settings: Any) -> dict[str, Dataset]:
    """Demonstrations and questions of a task, held in memory: lm-eval's own way copies them into a cache first.

    Args:
        data: what the names of its files begin with.
        settings: what else lm-eval tells of the task; not used.
    """
    return {split: Dataset.from_list(_read(DATA / f"{data}_{split}.jsonl")) for split in ("train", "test")}


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
