"""Saved models come back to the bit, whatever they were made from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness import HarnessError, build, load_checkpoint, save_checkpoint
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
