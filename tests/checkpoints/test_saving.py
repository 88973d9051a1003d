"""Saved models come back to the bit, whatever they were made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness import HarnessError, build, load_checkpoint, save_checkpoint
from harness.checkpoints.folder import WHOLE
from harness.checkpoints.load import SPEC
from harness.spec import Spec, load_spec, spec_names
from tests.checkpoints.tiny import TINY, config_of, random_model, save
from tests.conftest import ROOT

GOLDEN = sorted(path.name for path in (ROOT / "tests" / "golden").iterdir() if path.is_dir())


def assert_comes_back(folder: Path, out: Path) -> None:
    """Load a checkpoint, save it, load that: spec, names and bits are the same."""
    model = load_checkpoint(folder)
    save_checkpoint(model, out)
    again = load_checkpoint(out)
    assert again.spec.hash == model.spec.hash
    assert again.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


@pytest.mark.parametrize("name", GOLDEN)
def test_a_release_comes_back(name: str, tmp_path: Path) -> None:
    assert_comes_back(ROOT / "tests" / "golden" / name, tmp_path / "saved")


@pytest.mark.parametrize("kind", sorted(TINY))
def test_a_family_comes_back(kind: str, tmp_path: Path) -> None:
    save(random_model(config_of(kind, TINY[kind][-1])), tmp_path / "release")
    assert_comes_back(tmp_path / "release", tmp_path / "saved")


@pytest.mark.parametrize("name", ["chatglm3-6b", "qwen-7b"])
def test_a_model_that_was_saved_with_fused_matrices_comes_back(name: str, tmp_path: Path) -> None:
    """As versions wrote it that had an option for them, and three kinds of attention."""
    model = load_checkpoint(ROOT / "tests" / "golden" / name)
    save_checkpoint(model, tmp_path)
    tensors, attention = load_file(tmp_path / WHOLE), model.spec.choices.mixer
    for layer in range(model.spec.dims.num_layers):
        for part in ("weight", "bias"):
            rows = [tensors.pop(f"layers.{layer}.mixer.{each}.{part}") for each in ("query", "key", "value")]
            tensors[f"layers.{layer}.mixer.qkv.{part}"] = torch.cat(rows)
    save_file(tensors, tmp_path / WHOLE)
    kind = "multi_head" if attention.kv_heads == attention.num_heads else "grouped_query"
    text = (tmp_path / SPEC).read_text(encoding="utf-8").replace("kind: softmax,", f"kind: {kind}, fused: true,")
    (tmp_path / SPEC).write_text(text, encoding="utf-8")
    again = load_checkpoint(tmp_path)
    assert again.spec.hash == model.spec.hash
    for parameter, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[parameter], tensor), parameter


@pytest.mark.parametrize(("option", "value"), [("softcap", 30.0), ("clip", 8.0), ("gated", True)])
def test_a_block_without_what_the_model_has_comes_back(option: str, value: object, tmp_path: Path) -> None:
    spec = load_spec("llama-7b").scaled()
    changed = spec.choices.mixer.model_copy(update={option: value})
    spec = replace(spec, choices=replace(spec.choices, mixer=changed))
    save_checkpoint(build(spec), tmp_path)
    assert not getattr(load_spec(tmp_path / SPEC).blocks["layer"].mixer, option)
    assert load_spec(tmp_path / SPEC).architecture == spec.architecture


@pytest.mark.parametrize("name", spec_names())
def test_every_spec_survives_being_written(name: str, tmp_path: Path) -> None:
    small: Spec = load_spec(name).scaled()
    save_checkpoint(build(small), tmp_path / "saved")
    assert load_checkpoint(tmp_path / "saved").spec.architecture == small.architecture


def test_a_folder_whose_saving_was_cut_off_is_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(load_spec("llama-7b").scaled())
    save_checkpoint(model, tmp_path)

    def cut(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("harness.checkpoints.load.save_file", cut)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(model, tmp_path)
    with pytest.raises(HarnessError, match=r"config\.json: cannot be read"):
        load_checkpoint(tmp_path)
