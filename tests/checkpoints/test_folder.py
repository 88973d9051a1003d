"""Checkpoint folders, whole, sharded and broken: what loads, and the one line that says why the rest does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from harness.checkpoints.load import load_checkpoint
from harness.checkpoints.translate import import_config
from harness.errors import HarnessError
from tests.checkpoints.test_families import TOLERANCE
from tests.checkpoints.tiny import BASE, GPT, config_of, random_model, save

WHOLE, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
NORM = "model.layers.1.input_layernorm.weight"
TOKENS = torch.randint(0, 99, (2, 17), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def reference() -> PreTrainedModel:
    return random_model(config_of("llama", BASE))


@pytest.fixture
def folder(reference: PreTrainedModel, tmp_path: Path) -> Path:
    """A sound checkpoint in one file."""
    save(reference, tmp_path)
    return tmp_path


@pytest.fixture
def sharded(reference: PreTrainedModel, tmp_path: Path) -> Path:
    """A sound checkpoint in shards."""
    reference.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    return tmp_path


def change_config(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **fields}))


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / WHOLE)
    change(tensors)
    save_file(tensors, folder / WHOLE)


def change_index(folder: Path, change: Callable[[dict[str, str]], object]) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index))


def refusal(folder: Path) -> str:
    """The message that loading ends with: one line that begins with the place."""
    with pytest.raises(HarnessError) as error:
        load_checkpoint(folder)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(folder))
    return message


def test_shards_load(sharded: Path, reference: PreTrainedModel) -> None:
    with torch.no_grad():
        assert (load_checkpoint(sharded)(TOKENS) - reference(TOKENS).logits).abs().max() < TOLERANCE


def test_missing_shard(sharded: Path) -> None:
    shard = sorted(sharded.glob("model-*.safetensors"))[1]
    shard.unlink()
    assert f"{shard.name}: the shard is missing" in refusal(sharded)


def test_index_names_a_tensor_that_its_shard_lacks(sharded: Path) -> None:
    shards = sorted(path.name for path in sharded.glob("model-*.safetensors"))

    def swap(places: dict[str, str]) -> None:
        places["model.norm.weight"] = next(name for name in shards if name != places["model.norm.weight"])

    change_index(sharded, swap)
    assert "has no tensor 'model.norm.weight', which the index places there" in refusal(sharded)


@pytest.mark.parametrize("path", ["../model.safetensors", "/elsewhere/model.safetensors", "deeper/model.safetensors"])
def test_index_with_a_path_outside_the_folder(sharded: Path, path: str) -> None:
    change_index(sharded, lambda places: places.update({"model.norm.weight": path}))
    assert f"shard {path!r} lies outside the folder" in refusal(sharded)


@pytest.mark.parametrize("text", ["[]", '{"weight_map": []}', "{}"])
def test_index_that_is_none(sharded: Path, text: str) -> None:
    (sharded / INDEX).write_text(text)
    assert f"{INDEX}: is not an index of shards" in refusal(sharded)


@pytest.mark.parametrize("text", ["{", "[" * 100_000], ids=["open", "deep"])
def test_index_that_is_not_json(sharded: Path, text: str) -> None:
    (sharded / INDEX).write_text(text)
    assert f"{INDEX}: is not JSON" in refusal(sharded)


@pytest.mark.parametrize("kept", [0, 4, 100, -1000])
def test_truncated_file(folder: Path, kept: int) -> None:
    whole = (folder / WHOLE).read_bytes()
    (folder / WHOLE).write_bytes(whole[:kept])
    assert f"{WHOLE}: damaged or no safetensors file" in refusal(folder)


def test_missing_tensor(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.pop("model.layers.1.mlp.up_proj.weight"))
    assert "tensor 'model.layers.1.mlp.up_proj.weight' is missing" in refusal(folder)


def test_left_over_tensor(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.update({"model.layers.1.mlp.router.weight": torch.ones(3)}))
    assert "tensor 'model.layers.1.mlp.router.weight' has no place in the model" in refusal(folder)


def test_layers_past_the_depth_are_left_over(folder: Path) -> None:
    change_config(folder, num_hidden_layers=2)
    assert "tensor 'model.layers.2." in refusal(folder)


def test_wrong_shape(folder: Path) -> None:
    change_config(folder, intermediate_size=48)
    message = refusal(folder)
    assert "'model.layers.0.mlp." in message
    assert "52" in message
    assert "48" in message


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (torch.int64, "I64"),
        (torch.uint8, "U8"),
        (torch.bool, "BOOL"),
        (torch.complex64, "C64"),
        (torch.float8_e4m3fn, "F8_E4M3"),
    ],
)
def test_weights_that_are_no_floats(folder: Path, dtype: torch.dtype, name: str) -> None:
    change_tensors(folder, lambda tensors: tensors.update({NORM: torch.ones(len(tensors[NORM])).to(dtype)}))
    assert refusal(folder).endswith(f"tensor {NORM!r} is of {name}; expected F64, F32, F16, BF16")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite(folder: Path, value: float) -> None:
    change_tensors(folder, lambda tensors: tensors[NORM][3:4].fill_(value))
    assert refusal(folder).endswith(f"tensor {NORM!r} holds numbers that are not finite")


def test_frequencies_are_no_left_over_tensors(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.update({"model.rotary_emb.inv_freq": torch.ones(4)}))
    load_checkpoint(folder)


def test_config_without_model_type(folder: Path) -> None:
    change_config(folder, model_type=None)
    assert "missing field 'model_type'" in refusal(folder)


def test_unknown_model_type(folder: Path) -> None:
    change_config(folder, model_type="lama")
    message = refusal(folder)
    assert "'lama'" in message
    assert "did you mean 'llama'" in message


def test_unknown_field(folder: Path) -> None:
    change_config(folder, num_experts=4)
    assert "field 'num_experts' = 4 cannot be expressed by a spec" in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "model_type: llama", "\x00"])
def test_config_that_is_not_json(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text)
    assert f"{CONFIG}: is not JSON" in refusal(folder)


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_config_that_is_no_object(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text)
    assert f"{CONFIG}: expected a JSON object" in refusal(folder)


def test_only_pickled_weights(folder: Path) -> None:
    (folder / WHOLE).rename(folder / "pytorch_model.bin")
    assert "pytorch_model.bin: pickled weights can run code and are never read" in refusal(folder)


def test_no_weights(folder: Path) -> None:
    (folder / WHOLE).unlink()
    assert f"has neither {WHOLE} nor {INDEX}" in refusal(folder)


def test_empty_folder(tmp_path: Path) -> None:
    refusal(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    refusal(tmp_path / "nowhere")


def test_names_without_that_of_the_trunk(tmp_path: Path) -> None:
    reference = random_model(config_of("gpt2", GPT))
    save(reference, tmp_path)
    tensors = load_file(tmp_path / WHOLE)
    save_file({name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}, tmp_path / WHOLE)
    assert "wte.weight" in load_file(tmp_path / WHOLE)
    with torch.no_grad():
        assert (load_checkpoint(tmp_path)(TOKENS) - reference(TOKENS).logits).abs().max() < TOLERANCE


def test_half_precision_loads_as_float32(folder: Path) -> None:
    change_tensors(folder, lambda tensors: tensors.update({name: t.half() for name, t in tensors.items()}))
    model = load_checkpoint(folder)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    table = load_file(folder / WHOLE)["model.embed_tokens.weight"]
    assert torch.equal(model.embedding.table.weight, table.float())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_number_format_is_the_callers(folder: Path, dtype: torch.dtype) -> None:
    model = load_checkpoint(folder, dtype=dtype)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert model(TOKENS).dtype == dtype


def test_loaded_model_is_for_evaluation(folder: Path) -> None:
    assert not load_checkpoint(folder).training


def test_config_is_imported_without_weights(folder: Path) -> None:
    spec = load_checkpoint(folder).spec
    (folder / WHOLE).unlink()
    assert import_config(folder) == import_config(folder / CONFIG) == spec
    assert import_config(json.loads((folder / CONFIG).read_text())).hash == spec.hash


def test_config_is_imported_without_torch(folder: Path) -> None:
    (folder / WHOLE).unlink()
    code = (
        "import sys\n"
        "from harness.checkpoints.families import families\n"
        "from harness.checkpoints.translate import import_config\n"
        "import_config(sys.argv[1])\n"
        "families.names()\n"
        "print({'torch', 'transformers', 'safetensors'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
