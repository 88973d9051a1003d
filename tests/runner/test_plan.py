"""Which cells there are, and which of them are measured anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cells import environment
from harness.errors import HarnessError
from harness.metrics import metrics, usual_metrics
from harness.runner.execute import execute
from harness.runner.plan import PlannedCell, plan, plan_experiments
from harness.spec import Spec, load_spec
from tests.runner.toys import Toy, plan_toys

pytestmark = pytest.mark.usefixtures("toys")


def test_every_metric_meets_every_spec(llamas: list[Spec]) -> None:
    cells = plan(llamas, ["toy", "params"], "quick")
    assert [(cell.spec.name, cell.metric) for cell in cells] == [
        (spec.name, metric) for spec in llamas for metric in ("toy", "params")
    ]
    assert [cell.settings for cell in cells[::2]] == [{"factor": 1}] * 3


def test_a_metric_is_planned_for_the_specs_that_it_applies_to(llamas: list[Spec]) -> None:
    specs = [*llamas, load_spec("smollm2-135m")]
    assert [cell.spec.name for cell in plan(specs, ["icl_weights"], "quick")] == ["smollm2-135m"]


def test_only_what_is_timed_must_have_the_machine_to_itself(llamas: list[Spec]) -> None:
    cells = plan(llamas[:1], ["params", "icl"], "quick") + plan_experiments(["norms", "stability"], "quick")
    assert {cell.metric for cell in cells if cell.timed} == {"norms"}


def test_a_metric_on_request_is_not_usual() -> None:
    assert set(metrics.names()) - set(usual_metrics()) == {name for name in metrics.names() if metrics[name].on_request}
    assert "icl_weights" not in usual_metrics()


def test_the_profile_decides_the_settings(llamas: list[Spec]) -> None:
    assert plan(llamas[:1], ["toy"], "full")[0].settings == {"factor": 2}


def test_an_unknown_metric_is_told(llamas: list[Spec]) -> None:
    with pytest.raises(HarnessError, match=r"^unknown metric 'tyo'; allowed: .*; did you mean 'toy'\?$"):
        plan(llamas, ["tyo"], "quick")


@pytest.fixture
def stored(llamas: list[Spec], tmp_path: Path, toys: None) -> PlannedCell:
    """A cell whose result lies in the folder of the test."""
    (cell,) = plan_toys(llamas[:1], ["toy"], "quick")
    assert not cell.is_stored(tmp_path)
    list(execute([cell], tmp_path, 1))
    return cell


def again(spec: str = "llama-7b", profile: str = "quick") -> PlannedCell:
    return plan_toys([load_spec(spec)], ["toy"], profile)[0]


def test_what_is_stored_is_known_again(stored: PlannedCell, tmp_path: Path) -> None:
    assert again().is_stored(tmp_path)
    assert again().path(tmp_path) == stored.path(tmp_path)


@pytest.mark.usefixtures("stored")
def test_another_setting_is_measured_anew(tmp_path: Path) -> None:
    assert not again(profile="full").is_stored(tmp_path)


@pytest.mark.usefixtures("stored")
def test_a_changed_spec_is_measured_anew(tmp_path: Path) -> None:
    changed = tmp_path / "llama-7b.yaml"
    changed.write_text("name: llama-7b\nextends: llama-7b\nchoices: {norm: {eps: 1e-5}}\n")
    assert not again(str(changed)).is_stored(tmp_path)
    changed.write_text("name: llama-7b\nextends: llama-7b\ntitle: Another title\n")
    assert again(str(changed)).is_stored(tmp_path)


@pytest.mark.usefixtures("stored")
def test_another_version_of_the_metric_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "version", 2)
    assert not again().is_stored(tmp_path)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("part", "name"), [("packages", "torch"), ("packages", "python"), ("hardware", "processor")])
def test_another_package_or_machine_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, name: str
) -> None:
    other: dict[str, Any] = {**environment(), part: {**environment()[part], name: "another"}}
    monkeypatch.setattr("harness.runner.plan.environment", lambda: other)
    assert not again().is_stored(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_what_cannot_be_read_is_measured_anew(stored: PlannedCell, tmp_path: Path, text: str) -> None:
    stored.path(tmp_path).write_text(text)
    assert not again().is_stored(tmp_path)
