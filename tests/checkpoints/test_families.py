"""Every family: the logits and the parameter counts of the reference implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

from harness import params
from harness.checkpoints.families import families
from harness.checkpoints.load import import_config, load_checkpoint
from tests.checkpoints.families_doc import GOLDEN
from tests.checkpoints.same_as import SAME_AS
from tests.checkpoints.texts import TEXTS
from tests.checkpoints.tiny import TINY, config_of, random_model, save

CASES = [pytest.param(kind, fields, id=f"{kind}-{i}") for kind, all_ in TINY.items() for i, fields in enumerate(all_)]
ELSEWHERE = set(GOLDEN) | set(SAME_AS) | set(TEXTS)
"""Families that transformers does not hold as causal language models: `test_golden`, `test_same_as` and `test_wrappers`
have their logits."""

COMPLETED: dict[str, dict[str, Any]] = {
    "bert-generation": {"is_decoder": True},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    "deepseek_v2": {"num_experts_per_tok": 6},
    "dots1": {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 2},
    "glm4_moe": {"head_dim": 128},
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128, "num_experts": 4, "moe_topk": 2},
    "lfm2_moe": {"layer_types": ["conv"] * 31 + ["full_attention"]},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 48},
}
"""What reference implementations need that their own default configs leave out, and dense models of some."""

TOLERANCE = 1e-5
"""Logits are of size 1 and float32 has 7 digits; kernels add up in different orders."""


def test_every_family_has_a_case() -> None:
    assert set(families.names()) == set(TINY) | ELSEWHERE


@pytest.mark.parametrize(("kind", "fields"), CASES)
def test_logits_are_those_of_the_reference(kind: str, fields: dict[str, Any], tmp_path: Path) -> None:
    reference = random_model(config_of(kind, fields))
    save(reference, tmp_path)
    model = load_checkpoint(tmp_path)
    tokens = torch.randint(0, reference.config.vocab_size, (2, 17), generator=torch.Generator().manual_seed(1))
    parts = [tokens[:, :5], *tokens[:, 5:].split(1, 1)]
    with torch.no_grad():
        expected, got = reference(tokens).logits, model(tokens)
        cache = model.new_cache()
        stepwise = torch.cat([model(part, cache=cache) for part in parts], 1)
        by_steps = in_steps(reference, parts) if by_length(fields) else expected
    assert (got - expected).abs().max() < TOLERANCE
    assert torch.equal(got.argmax(-1), expected.argmax(-1))
    assert (stepwise - by_steps).abs().max() < TOLERANCE
    assert trained(reference) == params(model.spec)


def by_length(fields: dict[str, Any]) -> bool:
    """Whether what is computed for a token depends on how many there are in the call."""
    return (fields.get("rope_parameters") or {}).get("rope_type") in ("dynamic", "longrope")


def in_steps(reference: PreTrainedModel, parts: list[torch.Tensor]) -> torch.Tensor:
    """Logits of the reference part by part, with its own cache."""
    cache, logits = None, []
    for part in parts:
        out = reference(part, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        logits.append(out.logits)
    return torch.cat(logits, 1)


@pytest.mark.parametrize("kind", ["ctrl", "gpt2", "llama", "xglm"])
def test_left_padding_changes_nothing_for_either(kind: str, tmp_path: Path) -> None:
    """One family of each position scheme; where they stand, the reference is told by `position_ids`."""
    reference = random_model(config_of(kind, TINY[kind][0]))
    save(reference, tmp_path)
    tokens = torch.randint(3, 99, (2, 12), generator=torch.Generator().manual_seed(1))
    padding = torch.tensor([0, 5])
    places = torch.arange(12) - padding[:, None]
    with torch.no_grad():
        expected = reference(
            tokens, attention_mask=(places >= 0).long(), position_ids=places.clamp(min=0), use_cache=False
        ).logits
        got = load_checkpoint(tmp_path)(tokens, padding=padding)
    assert (got - expected)[places >= 0].abs().max() < TOLERANCE


@pytest.mark.parametrize("kind", sorted(TINY))
def test_default_config_has_as_many_parameters(kind: str) -> None:
    config = CONFIG_MAPPING[kind](**COMPLETED.get(kind, {}))
    with torch.device("meta"):
        reference = AutoModelForCausalLM.from_config(config)
    assert params(import_config(config.to_dict())) == trained(reference)


def trained(reference: PreTrainedModel) -> int:
    """Parameters that training changes: what corrects the scores of experts is none, though some keep it as one."""
    return sum(p.numel() for p in reference.parameters() if p.requires_grad)
