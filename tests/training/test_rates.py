"""The search for a learning rate: where it goes on, and what it takes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.metrics.icl import small_model, trained_alike, usual_rate
from harness.spec import load_spec
from harness.spec.tree import read_tree
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training import rates
from harness.training.rates import LADDER, TRIED, best, search
from tests.report.cells import cell, spec_record
from tests.training.rates_file import written


@pytest.mark.parametrize(
    ("optimum", "tried"),
    [
        (3e-3, TRIED),
        (1e-2, (*TRIED, 3e-2)),
        (3e-2, (*TRIED, 3e-2, 1e-1)),
        (1.0, (*TRIED, 3e-2, 1e-1)),
        (1e-3, (*TRIED, 3e-4)),
        (1e-9, (*TRIED, 3e-4, 1e-4)),
    ],
)
def test_it_goes_on_until_the_best_is_inside_or_the_ladder_ends(optimum: float, tried: tuple[float, ...]) -> None:
    found = search(TRIED, lambda rate: abs(math.log(rate / optimum)))
    assert tuple(found) == tried
    assert best(found) == min(LADDER, key=lambda rate: abs(math.log(rate / optimum)))


def test_what_diverges_is_the_worst_and_ties_go_to_the_lower_rate() -> None:
    found = search(TRIED, {1e-3: 2.0, 3e-3: 2.0, 1e-2: math.nan, 3e-4: 3.0}.__getitem__)
    assert found == {1e-3: 2.0, 3e-3: 2.0, 1e-2: math.inf, 3e-4: 3.0}
    assert best(found) == 1e-3


def test_a_single_rate_is_taken_as_it_is() -> None:
    assert search([3e-3], lambda rate: 1.0) == {3e-3: 1.0}


def test_the_quick_profile_takes_what_was_found_for_the_same_small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = trained_alike("quick")
    small = small_model(load_spec("llama-7b"), alike, SIZE)
    monkeypatch.setattr(rates, "_known", lambda: {small.hash: 0.01})
    assert usual_rate(load_spec("llama-13b"), alike) == 0.01
    assert usual_rate(load_spec("llama-7b-nope"), alike) == 0.003


def test_the_rates_that_are_kept_are_the_best_of_those_tried_and_of_the_models_of_today() -> None:
    kept = read_tree(Path(rates.__file__).with_name("rates.yaml")).plain()["found"]
    assert kept
    for name, entry in kept.items():
        losses = {float(rate): loss for rate, loss in entry["held_out"].items()}
        assert entry["rate"] == best({rate: math.inf if loss is None else loss for rate, loss in losses.items()}), name
        assert set(TRIED) <= set(losses), name
        assert entry["model"] == small_model(load_spec(name), trained_alike("quick"), SIZE).hash, name


def test_the_file_is_written_from_results_that_were_searched() -> None:
    tried = [{"rate": 0.01, "held_out": None}, {"rate": 0.003, "held_out": 1.25}, {"rate": 0.001, "held_out": 1.5}]
    settings = trained_alike("full")
    searched, taken = (
        cell(spec_record(name), "icl", {"rate": 0.003, "rates": rates_}, settings=settings)
        for name, rates_ in (("llama-7b", tried), ("gpt1", tried[1:2]))
    )
    model = small_model(load_spec("llama-7b"), settings, SIZE).hash
    entry = f'  llama-7b: {{model: "{model}", rate: 0.003, held_out: {{0.001: 1.5000, 0.003: 1.2500, 0.01: null}}}}'
    assert written([searched, taken]).splitlines()[-2:] == ["found:", entry]
    assert written([taken]).splitlines()[-1] == "found: {}"
