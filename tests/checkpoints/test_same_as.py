"""Families with code of their own compute what families of transformers compute whose arithmetic is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize

from harness import import_config, load_checkpoint, params
from tests.checkpoints.same_as import SAME_AS, SANTACODER, SameAs
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.test_saving import assert_comes_back
from tests.conftest import ROOT

CASES = [pytest.param(kind, case, id=f"{kind}-{i}") for kind, cases in SAME_AS.items() for i, case in enumerate(cases)]
CASES += [pytest.param("gpt2", SANTACODER, id="santacoder")]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_logits_are_those_of_the_reference(kind: str, case: SameAs, tmp_path: Path) -> None:
    reference = case.checkpoint(kind, tmp_path / "release")
    model = load_checkpoint(tmp_path / "release")
    tokens = torch.randint(0, 99, (2, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, got = reference(tokens).logits, model(tokens)
    assert (got - expected).abs().max() < TOLERANCE
    assert sum(p.numel() for p in reference.parameters()) == params(model.spec)
    assert_comes_back(tmp_path / "release", tmp_path / "saved")


def test_baichuan_2_normalises_its_head(tmp_path: Path) -> None:
    golden = ROOT / "tests" / "golden" / "baichuan-13b"
    fields = json.loads((golden / "config.json").read_text(encoding="utf-8"))
    assert import_config(fields).choices.head.options().get("normalised") is None
    second = import_config({**fields, "vocab_size": 125696})
    assert second.choices.head.options()["normalised"] is True

    tensors = load_file(golden / "model.safetensors")
    model = load_checkpoint(golden)
    tokens = torch.randint(0, fields["vocab_size"], (2, 9), generator=torch.Generator().manual_seed(1))
    (tmp_path / "release").mkdir()
    wide = torch.zeros(125696, fields["hidden_size"])
    head, table = (wide.clone() for _ in range(2))
    head[: fields["vocab_size"]] = tensors["lm_head.weight"]
    table[: fields["vocab_size"]] = tensors["model.embed_tokens.weight"]
    stored = {**tensors, "lm_head.weight": head, "model.embed_tokens.weight": table}
    save_file(stored, tmp_path / "release" / "model.safetensors")
    (tmp_path / "release" / "config.json").write_text(json.dumps({**fields, "vocab_size": 125696}), encoding="utf-8")
    with torch.no_grad():
        lengths = tensors["lm_head.weight"].float().norm(dim=1)
        expected = model(tokens) / lengths
        got = load_checkpoint(tmp_path / "release")(tokens)[..., : fields["vocab_size"]]
    assert (got - expected).abs().max() < TOLERANCE
    assert torch.allclose(normalize(tensors["lm_head.weight"].float()).norm(dim=1), torch.ones(len(lengths)))
