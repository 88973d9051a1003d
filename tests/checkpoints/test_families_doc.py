"""The document of families says what the registry and the cases say."""

from __future__ import annotations

import pytest
from transformers import CONFIG_MAPPING

from harness import HarnessError, import_config
from harness.checkpoints.families import families
from tests.checkpoints.families_doc import REFUSED, families_text
from tests.conftest import ROOT


def test_the_document_is_up_to_date() -> None:
    assert (ROOT / "docs" / "families.md").read_text(encoding="utf-8") == families_text()


def test_at_least_25_further_families_are_exact() -> None:
    documented = {"baichuan", "chatglm", "gpt2", "llama", "openai-gpt", "qwen", "qwen2"}
    assert len(set(families.names()) - documented) >= 25


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_a_refused_family_is_refused(kind: str) -> None:
    assert kind in CONFIG_MAPPING
    with pytest.raises(HarnessError, match=f"unknown model_type '{kind}'"):
        import_config({"model_type": kind})
