"""The document of families says what the registry and the cases say."""

from __future__ import annotations

import re

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from harness import HarnessError, import_config
from harness.checkpoints.families import families
from harness.checkpoints.refused import REFUSED
from harness.checkpoints.wrappers import WRAPPERS
from tests.checkpoints.families_doc import GOLDEN, families_text
from tests.conftest import ROOT


def test_the_document_is_up_to_date() -> None:
    assert (ROOT / "docs" / "families.md").read_text(encoding="utf-8") == families_text()


def test_at_least_25_further_families_are_exact() -> None:
    documented = {"baichuan", "chatglm", "gpt2", "llama", "openai-gpt", "qwen", "qwen2"}
    assert len(set(families.names()) - documented) >= 25


def test_every_causal_language_model_of_transformers_is_listed_once() -> None:
    exact = set(families.names())
    assert set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) | set(GOLDEN) <= exact | set(REFUSED) | set(WRAPPERS)
    assert not exact & set(REFUSED)
    assert not set(WRAPPERS) & set(REFUSED)


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_a_refused_family_is_refused_with_its_reason(kind: str) -> None:
    with pytest.raises(HarnessError, match=re.escape(f"model_type '{kind}' cannot be imported: ")) as error:
        import_config({"model_type": kind})
    assert str(error.value).endswith(REFUSED[kind])
