"""`harness import`: configs alone, and checkpoints whose tensors are checked beside it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from harness.spec import load_spec
from tests.checkpoints.tiny import BASE, config_of, random_model
from tests.cli.calling import Call

WHOLE, CONFIG = "model.safetensors", "config.json"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A checkpoint in shards."""
    folder = tmp_path / "Tiny-LLaMA"
    random_model(config_of("llama", BASE)).save_pretrained(folder, max_shard_size="20KB")
    return folder


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("model-*.safetensors"))


def set_config(folder: Path, **fields: object) -> None:
    (folder / CONFIG).write_text(json.dumps({**json.loads((folder / CONFIG).read_text()), **fields}))


def truncate(folder: Path) -> None:
    shards(folder)[1].write_bytes(shards(folder)[1].read_bytes()[:-1])


def pickle_all(folder: Path) -> None:
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({}))


MISTAKES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, "damaged or no safetensors file"),
    "missing shard": (lambda folder: shards(folder)[1].unlink(), "the shard is missing"),
    "shape": (lambda folder: set_config(folder, intermediate_size=40), "has shape"),
    "depth": (lambda folder: set_config(folder, num_hidden_layers=9), "is missing"),
    "family": (lambda folder: set_config(folder, model_type="lama"), "did you mean 'llama'"),
    "field": (lambda folder: set_config(folder, surprise=1), "'surprise'"),
    "pickle": (pickle_all, "never read"),
}


def test_a_checkpoint_that_fits_gives_its_spec(call: Call, sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny.yaml"
    assert call("import", sound, "--out", out).code == 0
    held = AutoModelForCausalLM.from_pretrained(sound).num_parameters()
    assert call("check", out).out == f"{out}: ok, {held:,} parameters\n"
    assert load_spec(out).name == "tiny"


def test_a_config_alone_gives_the_same_spec(call: Call, sound: Path) -> None:
    with_weights = call("import", sound, "--json").data
    for path in sound.glob("*.safetensors*"):
        path.unlink()
    alone = call("import", sound, "--json").data
    assert alone["name"] == with_weights["name"] == "tiny-llama"
    assert alone["dims"] == with_weights["dims"]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_checkpoint_that_does_not_fit_is_refused_in_one_line(call: Call, sound: Path, mistake: str) -> None:
    spoil, words = MISTAKES[mistake]
    spoil(sound)
    outcome = call("import", sound)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert outcome.err.count("\n") == 1


def test_an_ending_that_is_no_specs_is_refused_before_anything_is_read(call: Call, tmp_path: Path) -> None:
    outcome = call("import", tmp_path / "nowhere.json", "--out", tmp_path / "spec.json")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--out: found 'spec.json', expected a name that ends with .yaml or .yml" in outcome.err
