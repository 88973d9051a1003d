"""`harness import`: configs alone, and checkpoints whose tensors are checked beside it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from harness import build, params, save_checkpoint
from harness.cells import read_cells
from harness.checkpoints.families import families
from harness.spec import load_spec
from tests.checkpoints.test_gguf import FIELDS, write
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


def test_what_is_imported_is_called_released_only_where_the_user_says_so(call: Call, sound: Path) -> None:
    assert call("import", sound, "--json").data["provenance"] == "imported"
    assert call("import", sound / CONFIG, "--json").data["provenance"] == "imported"
    told = call("import", sound, "--provenance", "released", "--json").data
    assert (told["provenance"], told["family"]) == ("released", "LLaMA")
    assert call("import", sound, "--provenance", "mine").code == 2


@pytest.mark.parametrize("out", ["x.json", "x", "x.yaml.txt"])
def test_a_spec_is_written_to_yaml_alone_which_is_told_before_anything_is_read(call: Call, out: str) -> None:
    outcome = call("import", "nowhere.json", "--out", out)
    expected = f"--out: found '{out}', expected a name that ends with .yaml or .yml\n"
    assert (outcome.code, outcome.out, outcome.err) == (2, "", expected)
    assert not Path(out).exists()


@pytest.mark.parametrize("alone", [True, False])
def test_a_name_that_is_none_is_refused(call: Call, sound: Path, alone: bool) -> None:
    outcome = call("import", sound / CONFIG if alone else sound, "--name", "My Model")
    assert outcome.code == 2
    assert "name: found 'My Model'" in outcome.err
    assert call("import", sound, "--name", "my-model", "--json").data["name"] == "my-model"


def test_a_release_stands_wherever_a_spec_does(call: Call, sound: Path) -> None:
    assert call("import", sound, "--out", "tiny.yaml").code == 0
    spec = load_spec(Path("tiny.yaml"))
    sheets = [call("show", given, "--json").data for given in ("tiny.yaml", sound, sound / CONFIG)]
    assert [sheet["hash"] for sheet in sheets] == [spec.hash] * 3
    assert [(sheet["name"], sheet["provenance"], sheet["family"]) for sheet in sheets[1:]] == [
        ("tiny-llama", "imported", "LLaMA")
    ] * 2
    for given in (sound, sound / CONFIG):
        differing = call("diff", "tiny.yaml", given, "--json").data
        assert (differing["specs"][1], differing["choices"]) == ("tiny-llama", {})
        assert call("check", given).out == f"{given}: ok, {params(spec):,} parameters\n"
        rows = call("run", given, "--metrics", "params,kv_cache", "--processes", 1, "--out", "run", "--json").data
        assert [(row["spec"], row["status"]) for row in rows] == [("tiny-llama", "ok")] * 2
    (cell,) = (cell for cell in read_cells(Path("run")) if cell.metric == "params")
    assert cell.values["total"] == params(spec)


def test_a_saved_model_and_a_file_in_gguf_stand_there_too(call: Call, sound: Path) -> None:
    save_checkpoint(build(load_spec("gpt2-small").scaled()), "saved")
    assert call("show", "saved", "--json").data["title"] == "GPT-2 Small"
    write(random_model(config_of("llama", FIELDS)), Path("Tiny_1.gguf"))
    sheet = call("show", "Tiny_1.gguf", "--json").data
    assert (sheet["name"], sheet["family"], sheet["provenance"]) == ("tiny_1", "LLaMA", "imported")
    assert call("diff", "Tiny_1.gguf", sound).code == 0
    assert call("check", "Tiny_1.gguf", "saved", "llama-7b").code == 0


@pytest.mark.parametrize("command", ["show", "check", "run"])
def test_a_release_that_does_not_fit_is_told_in_one_line(call: Call, sound: Path, command: str) -> None:
    set_config(sound, surprise=1)
    outcome = call(command, sound)
    assert outcome.code == 2
    assert "'surprise'" in outcome.err
    assert outcome.err.count("\n") == 1


def test_quantised_weights_are_not_held_against_the_spec(call: Call, sound: Path) -> None:
    spec = call("import", sound, "--json").data
    set_config(sound, quantization_config={"quant_method": "gptq", "bits": 4})
    for shard in shards(sound):
        shard.write_bytes(b"packed")
    assert call("import", sound, "--json").data == spec
    assert call("show", sound).code == call("check", sound).code == 0


@pytest.mark.parametrize("path", ["no/such/folder", "no/such.gguf", "config.json"])
def test_a_path_that_leads_nowhere_is_told(call: Call, path: str) -> None:
    outcome = call("show", path)
    assert outcome.code == 2
    assert outcome.err.startswith(path)
    assert outcome.err.count("\n") == 1


def test_every_family_says_what_its_models_are_called() -> None:
    assert [kind for kind in families.names() if not families[kind].called] == []
