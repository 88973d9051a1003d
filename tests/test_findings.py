"""The findings say what the kept evidence says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.intervals import paired
from tests.report.learned import trained
from tests.training.evidence import evidence, row

ROOT = Path(__file__).parent.parent
FINDINGS = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
ICL = json.loads((ROOT / "reports/evidence/icl.json").read_text(encoding="utf-8"))


def test_the_table_of_small_models_is_that_of_the_evidence() -> None:
    told = re.findall(r"^\| (\S+) \| (.+?) \| [\d.]+ \| [\d. ]+ \| [\d. ]+ \|$", FINDINGS, flags=re.MULTILINE)
    rows = [row(name, words, ICL["models"][name]) for name, words in told if name in ICL["models"]]
    assert sorted(name for name, _ in told) == sorted(ICL["models"])
    assert all(line in FINDINGS.splitlines() for line in rows)


def test_what_is_said_of_recall_holds() -> None:
    recall = {name: model["recall"] for name, model in ICL["models"].items()}
    assert min(recall["gpt3-small"]) > 0.8
    for lucky in ("llama-7b", "llama-7b-mqa"):
        assert min(recall[lucky]) < 0.1
        assert sum(accuracy > 0.7 for accuracy in recall[lucky]) == 2
    undecided = [("llama-7b", other) for other in ("llama-7b-nope", "llama-7b-banded", "llama-7b-mqa")]
    undecided.append(("llama-7b-alibi", "llama-7b"))
    for one, other in (*undecided, ("gpt3-small", "gpt2-small")):
        found = paired(recall[one], recall[other])
        assert (found.low > 0) == ((one, other) not in undecided)
        assert found.high > 0
        assert f"{found.mid:.2f} ({found.low:.2f} to {found.high:.2f})" in FINDINGS


def test_every_rate_lies_inside_what_was_tried() -> None:
    for model in ICL["models"].values():
        tried = sorted(map(float, model["held_out"]))
        assert tried[0] < model["rate"] < tried[-1]


def test_the_evidence_is_taken_from_results() -> None:
    cell = trained("toy")
    cell = cell.model_copy(update={"settings": {**cell.settings, "held_out": 20}})
    found = evidence([cell])["models"]["toy"]
    assert (found["rate"], found["held_out"]) == (0.003, {"0.001": None, "0.003": 1.25})
    assert (found["classification"], found["recall"]) == ([0.6875, 0.8125], [0.34375, 0.40625])
    assert row("toy", "a toy", found) == "| toy | a toy | 0.003 | 0.69 0.81 | 0.34 0.41 |"
