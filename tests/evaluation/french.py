"""English names and their French ones among four, from CLDR: `python -m tests.evaluation.french` writes the files anew.

CLDR's names come with the package babel: of countries, languages and currencies. A name that is the same in both
languages is left out; the wrong choices are names of the same kind.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from babel import Locale

from harness.tasks.real.documents import DATA

QUESTIONS = 200


def files() -> dict[Path, str]:
    """The contents of both files."""
    random = Random(0)
    documents = [document for names in kinds() for document in asked(names, random)]
    random.shuffle(documents)
    lines = [json.dumps(document, ensure_ascii=False) + "\n" for document in documents]
    parts = {"test": lines[:QUESTIONS], "train": lines[QUESTIONS:]}
    return {DATA / f"french_{split}.jsonl": "".join(part) for split, part in parts.items()}


def kinds() -> list[dict[str, str]]:
    """French names by English ones, for each kind of thing."""
    english, french = Locale("en"), Locale("fr")
    pairs = []
    for kind in ("territories", "languages", "currencies"):
        names, others = getattr(english, kind), getattr(french, kind)
        both = {names[key]: others[key] for key in sorted(names) if key in others}
        pairs.append({name: other for name, other in both.items() if is_plain(name) and differs(name, other)})
    return pairs


def is_plain(name: str) -> bool:
    """One word or two, and nothing in brackets."""
    return name.replace(" ", "").isalpha() and name.count(" ") < 2


def differs(name: str, other: str) -> bool:
    return name.casefold() != other.casefold()


def asked(names: dict[str, str], random: Random) -> list[dict[str, object]]:
    """A question for each name: the right one of four."""
    documents: list[dict[str, object]] = []
    for name, right in names.items():
        wrong = sorted(set(names.values()) - {right})
        choices = [right, *random.sample(wrong, 3)]
        random.shuffle(choices)
        documents.append({"input": name, "choices": choices, "label": choices.index(right)})
    return documents


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
