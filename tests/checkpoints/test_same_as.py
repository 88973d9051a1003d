"""Families with code of their own compute what families of transformers compute whose arithmetic is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

from harness import import_config, load_checkpoint, params
from harness.metrics.kv_cache import kv_cache_bytes
from harness.modules import computed_by
from harness.report.architecture import summary
from tests.checkpoints.same_as import MINIMAX, SAME_AS, SANTACODER, SameAs
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.test_saving import assert_comes_back
from tests.checkpoints.tiny import BASE
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


def test_a_layer_without_attention_computes_what_attention_that_adds_nothing_does(tmp_path: Path) -> None:
    def block(group: int | None) -> dict[str, object]:
        attention = {"n_heads_in_group": group, "no_op": group is None, "replace_with_linear": False, "sparsify": None}
        return {"attention": attention, "ffn": {"ffn_mult": 2.625, "no_op": False, "replace_with_linear": False}}

    def without(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        tensors["model.layers.1.self_attn.o_proj.weight"].zero_()  # of the reference too
        absent = ("model.layers.1.self_attn.", "model.layers.1.input_layernorm.")
        return {name: tensor for name, tensor in tensors.items() if not name.startswith(absent)}

    own = {**BASE, "num_key_value_heads": None, "intermediate_size": None}
    own["block_configs"] = [block(2), block(None), block(2)]
    case = SameAs(own, "llama", {**BASE, "intermediate_size": 256}, packed=without)
    reference = case.checkpoint("nemotron-nas", tmp_path / "release")
    model = load_checkpoint(tmp_path / "release")
    tokens = torch.randint(0, 99, (2, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert (model(tokens) - reference(tokens).logits).abs().max() < TOLERANCE
    attention = reference.model.layers[1]
    absent = sum(p.numel() for part in (attention.self_attn, attention.input_layernorm) for p in part.parameters())
    assert params(model.spec) == sum(p.numel() for p in reference.parameters()) - absent
    assert kv_cache_bytes(model.spec, 10, 1) == 2 * 10 * 2 * 2 * 8 * 2  # layers, tokens, K and V, heads, channels, fp16
    shown = summary(model.spec.architecture)
    assert (shown["attention"], shown["heads"]) == ("GQA / -", "4/2 / 0/0")
    assert_comes_back(tmp_path / "release", tmp_path / "saved")


def test_mpt_has_the_steepness_that_its_release_reads() -> None:
    fields = {"model_type": "mpt", "d_model": 48, "n_heads": 6, "n_layers": 2, "max_seq_len": 40, "vocab_size": 99}
    spec = import_config({**fields, "attn_config": {"alibi_bias_max": 16}})
    position = spec.choices.position
    table = build_mpt_alibi_tensor(6, 5, alibi_bias_max=16)  # [heads, 1, keys]: as of the query at the last of 5 places
    bias = computed_by(position)(position, spec.dims, spec.choices).score_bias()
    assert torch.allclose(bias(torch.tensor([4]), torch.arange(5)), table)


def test_minimax_rotates_as_many_channels_as_its_release_says() -> None:
    """transformers' code passes over the field, and rotates all."""
    half = import_config({**MINIMAX.own, "model_type": "minimax_text_01", "rotary_dim": 4})
    assert half.choices.position.options()["fraction"] == 0.5
    assert import_config({**MINIMAX.own, "model_type": "minimax_text_01"}).choices.position.options()["fraction"] == 1.0
