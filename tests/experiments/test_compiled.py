"""Experiments with torch.compile: all but the compiler, which takes too long here."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import HarnessError
from harness.experiments import experiments
from harness.experiments.against_flex import FLEX
from harness.experiments.attention import KINDS

SMALL = {"processes": 2, "rounds": 2, "block_s": 0.0001}


def compiled(name: str) -> dict[str, Any]:
    """The settings of the full profile that need a compiler."""
    return next(
        settings
        for settings in experiments[name]().settings("full")
        if settings.get("implementation") == "compiled" or "against" in settings
    )


def test_compiled_norms_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    found = experiments["norms"]().measure({**compiled("norms"), **SMALL, "shapes": [[4, 64]]})
    assert [(row["of"], row["to"], row["pass"]) for row in found["rows"]] == [
        ("compiled rms", to, which) for which in ("forward", "training") for to in ("compiled layer", "native layer")
    ]


@pytest.mark.parametrize("name", ["norms", "attention"])
def test_without_a_compiler_what_is_compiled_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HarnessError, match=r"needs a C\+\+ compiler, and there is none"):
        experiments[name]().measure(compiled(name))


def test_flex_attention_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not compiled it computes the same, which the experiment asserts."""
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")
    found = experiments["attention"]().measure({**compiled("attention"), **SMALL, "seq_lens": [256]})
    assert [row["pattern"] for row in found["rows"]] == [kind for kind in KINDS if kind != "dense"]
    assert {row["to"] for row in found["rows"]} == {FLEX}
