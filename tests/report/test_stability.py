"""Stability on the page: answers from made-up results, whichever way they come out, and the section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.cells import Cell
from harness.report import stability_verdicts as say
from harness.report.frames import models_of
from harness.report.page import html
from harness.report.sections.stability import VERDICTS, stability
from harness.report.stability_verdicts import Verdict, answers, chosen_results, highest_rates, spread, where
from tests.report.cells import ENVIRONMENT, HOSTILE, cells_of

CONDITIONS = {"device": "cpu", "dtype": "float32", "threads": 1}
PRE, POST, LAYERNORM = "pre", "post", "pre, LayerNorm"
MEASURES = ("first_gradient", "last_gradient", "first_to_last", "stream_growth")


def result(settings: dict[str, Any], values: dict[str, Any], **changes: Any) -> Cell:
    fields: dict[str, Any] = {
        "spec": None,
        "metric": "stability",
        "version": 1,
        "settings": settings,
        "environment": ENVIRONMENT,
        "status": "ok",
        "values": {"conditions": CONDITIONS, **values},
        "created": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
    }
    return Cell(**{**fields, **changes})


def fresh(shallow: dict[str, Any], deep: dict[str, Any], **changes: Any) -> Cell:
    """Of each candidate what its measures are in 2 blocks and in 8, for two seeds: numbers or pairs of them."""
    rows = [
        {"name": f"{name}, {depth}", "candidate": name, "depth": depth, **_of_two_seeds(measures)}
        for depth, of in ((2, shallow), (8, deep))
        for name, measures in of.items()
    ]
    samples = {
        name: {str(depth): [{"stream": [1.0] * (depth + 1), "weight_gradients": [0.5] * depth}] * 2 for depth in (2, 8)}
        for name in shallow
    }
    laws = [
        {"candidate": name, "of": measure, "law": "power", "exponents": [0.5, 0.75], "factors": [1.125, 1.25]}
        for name in shallow
        for measure in MEASURES
    ]
    settings = {
        "part": "start",
        "base": {"spec": "llama-7b"},
        "candidates": {name: {} for name in shallow},
        "depths": [2, 8],
        "seeds": [0, 1],
        "batch_size": 4,
        "size": {"hidden_size": 64, "max_seq_len": 64, "vocab_size": 256},
    }
    return result(settings, {"rows": rows, "laws": laws, "samples": samples}, **changes)


def _of_two_seeds(measures: dict[str, Any]) -> dict[str, list[float]]:
    pairs = {name: value if isinstance(value, tuple) else (value, value) for name, value in measures.items()}
    return {name: list(pairs.get(name, (1.0, 1.0))) for name in MEASURES}


def one(measure: str, post: tuple[Any, Any], pre: tuple[Any, Any] = (1.0, 1.0)) -> Cell:
    """A measure in 2 blocks and in 8."""
    both = {POST: post, PRE: pre}
    return fresh(*({name: {measure: values[at]} for name, values in both.items()} for at in (0, 1)))


def training(highest: dict[str, list[float]], rates: tuple[float, ...] = (0.01, 0.1), **changes: Any) -> Cell:
    """Of each candidate the highest rate that trains, by seed."""
    rows = [
        {
            "name": f"{name}, {rate}",
            "candidate": name,
            "rate": rate,
            "final": [1.0 if rate <= best else 2.0 if best else None for best in by_seed],
            "trained": [rate <= best for best in by_seed],
        }
        for name, by_seed in highest.items()
        for rate in rates
    ]
    settings = {
        "part": "training",
        "base": {"spec": "llama-7b"},
        "candidates": {name: {} for name in highest},
        "depth": 6,
        "rates": list(rates),
        "seeds": list(range(len(next(iter(highest.values()))))),
        "recipe": {"warmup_steps": 0, "steps": 100, "batch_size": 16},
        "size": {"hidden_size": 32},
        **changes.pop("settings", {}),
    }
    text = {"unigram": 2.0, "best": 0.5, "threshold": 1.25}
    params = dict.fromkeys(highest, 75_008)
    return result(settings, {"rows": rows, "text": text, "exact": {"params": params}, "samples": {}}, **changes)


Answer = Callable[[say.Values], Verdict]


@pytest.mark.parametrize(
    ("answer", "measure", "shallow", "deep", "holds"),
    [
        (say.gradient_ratio_grows_with_depth, "first_to_last", 1.5, 400.0, True),
        (say.gradient_ratio_grows_with_depth, "first_to_last", 0.5, 0.01, True),
        (say.gradient_ratio_grows_with_depth, "first_to_last", 1.5, 2.5, False),
        (say.gradient_ratio_grows_with_depth, "first_to_last", 0.1, 0.5, False),
        (say.gradient_ratio_grows_with_depth, "first_to_last", 1.5, (400.0, 2.5), None),
        (say.first_gradient_grows_with_depth, "first_gradient", 0.5, 2.0, True),
        (say.first_gradient_grows_with_depth, "first_gradient", 0.5, 0.01, False),
        (say.last_gradient_vanishes_with_depth, "last_gradient", 0.5, 0.125, True),
        (say.last_gradient_vanishes_with_depth, "last_gradient", 0.5, 0.5, False),
        (say.stream_growth_grows_with_depth, "stream_growth", 3.0, 60.0, True),
        (say.stream_growth_grows_with_depth, "stream_growth", 1.0, 1.0, False),
        (say.stream_growth_grows_with_depth, "stream_growth", 1.0, (60.0, 1.0), None),
    ],
)
def test_what_grows_with_depth(
    answer: Callable[[say.Values, str], Verdict], measure: str, shallow: Any, deep: Any, holds: bool | None
) -> None:
    """Of post-norm here; of pre-norm, which does not change in these results, it is never said."""
    values = one(measure, (shallow, deep)).values
    assert answer(values, POST).holds is holds
    assert answer(values, PRE).holds is False


@pytest.mark.parametrize(
    ("answer", "measure", "post", "pre", "holds"),
    [
        (say.pre_reduces_variance_change, "stream_growth", (1.0, 1.0), (3.0, 60.0), False),
        (say.pre_reduces_variance_change, "stream_growth", (1.0, 0.01), (1.0, 2.0), True),
        (say.pre_reduces_variance_change, "stream_growth", (1.0, (0.01, 1.0)), (1.0, 2.0), None),
        (say.pre_evens_gradients, "first_to_last", (1.0, 1000.0), (1.0, 10.0), True),
        (say.pre_evens_gradients, "first_to_last", (1.0, 0.001), (1.0, 10.0), True),
        (say.pre_evens_gradients, "first_to_last", (1.0, 2.0), (1.0, 10.0), False),
        (say.pre_stabilises_gradients, "first_gradient", (0.5, 50.0), (5.0, 5.5), True),
        (say.pre_stabilises_gradients, "first_gradient", (0.5, 0.005), (5.0, 5.5), True),
        (say.pre_stabilises_gradients, "first_gradient", (0.5, 0.6), (0.5, 5.0), False),
        (say.pre_stabilises_gradients, "first_gradient", (0.5, (0.6, 50.0)), (0.5, 5.0), None),
    ],
)
def test_what_pre_norm_does(answer: Answer, measure: str, post: Any, pre: Any, holds: bool | None) -> None:
    assert answer(one(measure, post, pre).values).holds is holds


@pytest.mark.parametrize(
    ("ours", "theirs", "holds", "words"),
    [
        ([0.1, 0.1], [0.01, 0.01], True, "yes, in all 2 seeds"),
        ([0.1, 0.1], [0.1, 0.1], False, "no, in all 2 seeds"),
        ([0.01, 0.01], [0.1, 0.1], False, "no, in all 2 seeds"),
        ([0.1, 0.1], [0.01, 0.1], None, "in 1 of 2 seeds"),
        ([0.01, 0.01], [0.0, 0.0], True, "yes, in all 2 seeds"),
        ([0.0, 0.0], [0.0, 0.0], False, "no, in all 2 seeds"),
    ],
)
@pytest.mark.parametrize(
    ("answer", "other"), [(say.pre_trains_at_higher_rates, POST), (say.rmsnorm_trains_at_higher_rates, LAYERNORM)]
)
def test_who_trains_at_higher_rates(
    answer: Answer, other: str, ours: list[float], theirs: list[float], holds: bool | None, words: str
) -> None:
    values = training({PRE: ours, other: theirs}).values
    verdict = answer(values)
    assert (verdict.holds, verdict.words) == (holds, words)
    assert (highest_rates(values, PRE), highest_rates(values, other)) == (ours, theirs)


def test_the_evidence_tells_rates_by_seed_and_how_far_they_are_apart() -> None:
    values = training({PRE: [0.1, 0.1], POST: [0.01, 0.1]}).values
    assert (
        say.pre_trains_at_higher_rates(values).evidence
        == "highest by seed: pre 0.1, 0.1; post 0.01, 0.1; 1 to 10 times"
    )
    values = training({PRE: [0.1, 0.1], POST: [0.0, 0.1]}).values
    assert say.pre_trains_at_higher_rates(values).evidence == "highest by seed: pre 0.1, 0.1; post none, 0.1"


def test_the_evidence_tells_both_depths() -> None:
    verdict = say.gradient_ratio_grows_with_depth(one("first_to_last", (1.5, (400.0, 87_000.0))).values)
    assert verdict.evidence == "gradient of first over last block: post 1.5 in 2 blocks, 400 to 8.7e4 in 8"


def test_a_range_over_the_seeds_of_one_number_is_that_number() -> None:
    assert spread([1.0, 1.0]) == "1"
    assert spread([0.5, 0.25, 3.0]) == "0.25 to 3"
    assert spread([0.0123, 3812.0]) == "0.012 to 3,800"
    assert spread([99.9, 1.23e10]) == "100 to 1.2e10"


def test_results_answer_what_their_candidates_are_there_for() -> None:
    of_both = [question.words for question, _ in answers(one("first_gradient", (1.0, 1.0)))]
    assert len(of_both) == 11
    assert [question.needs for question, _ in answers(fresh({PRE: {}}, {PRE: {}}))] == [(PRE,)] * 4
    assert [question.needs for question, _ in answers(training({PRE: [0.1], LAYERNORM: [0.1]}))] == [(PRE, LAYERNORM)]


def test_of_one_place_the_result_with_the_most_in_it_is_taken_then_the_newest() -> None:
    small = training({PRE: [0.1], POST: [0.1]}, created="2026-01-03T00:00:00+00:00")
    large, newer = (
        training({PRE: [0.1, 0.1], POST: [0.1, 0.1]}, created=f"2026-01-0{day}T00:00:00+00:00") for day in (1, 2)
    )
    warm = training({PRE: [0.1]}, settings={"recipe": {"warmup_steps": 30, "steps": 100, "batch_size": 16}})
    broken = training({PRE: [0.1] * 9}, status="failed", reason="none")
    chosen = chosen_results([small, large, newer, warm, broken, *cells_of("toy")])
    assert [(where(cell), cell.created[:10]) for cell in chosen] == [
        ("llama-7b, 6 blocks, no warm-up", "2026-01-02"),
        ("llama-7b, 6 blocks, 30 steps of warm-up", "2026-01-01"),
    ]


def test_without_results_there_is_no_section() -> None:
    assert stability(cells_of("toy")) is None
    cells = cells_of("toy")
    assert "Does it train stably?" not in html(cells, models_of(cells), "toy")


def test_the_page_has_the_section_with_its_answers_tables_and_figures() -> None:
    start = one("first_gradient", (0.5, 50.0), (0.5, (0.6, 0.7)))
    short = training({PRE: [0.1, 0.1], POST: [0.0, 0.01]})
    cells = [*cells_of("toy"), start, short]
    section = stability(cells)
    assert section is not None
    assert section.made_with == ["cpu, float32, 1 thread"]
    titles = [title for title in section.tables if title != VERDICTS]
    assert titles == [
        "llama-7b, fresh: width 64, 4 sequences of 64 random words of 256, 2 seeds",
        "llama-7b, 6 blocks, no warm-up: width 32, 100 steps of 16 sequences, 2 seeds",
    ]
    first, second = (section.tables[title].rows for title in titles)
    assert first[0][:4] == ["post", "0.5", "50", "L^p, p = 0.5 to 0.75"]
    assert first[1][:4] == ["pre", "0.5", "0.6 to 0.7", "steady"]
    assert second[0] == ["pre", "75,008", "0.1, 0.1", "0 of 4", "0", "1.00, 1.00", "1.00, 1.00"]
    assert second[1] == ["post", "75,008", "none, 0.01", "3 of 4", "3", "none, 1.00", "none, 2.00"]
    assert short.values["rows"][2]["final"] == [None, 1.0]
    page = html(cells, models_of(cells), "toy")
    for number, name in ((0, "gradients"), (0, "stream"), (1, "losses")):
        assert f'id="figure-stability-{number}-{name}"' in page
    assert set(section.figures) == {f"figure-stability-{at}" for at in ("0-gradients", "0-stream", "1-losses")}
    for words in ("Does it train stably?", *titles, "yes, in all 2 seeds", "Does pre-norm train at higher rates"):
        assert words in page


def test_a_run_that_fails_may_have_learnt_something() -> None:
    """Of what is between 2.0 and 0.5, with half of it to be learnt not to fail."""
    short = training({PRE: [0.1, 0.1, 0.1]}, (0.1,))
    short.values["rows"][0] |= {"final": [1.0, 1.5, 1.95], "trained": [True, False, False]}
    section = stability([short])
    assert section is not None
    assert [row[3:5] for title, table in section.tables.items() if title != VERDICTS for row in table.rows] == [
        ["2 of 3", "1"]
    ]


def test_figures_have_a_point_a_block_or_rate_and_none_where_a_loss_is_none() -> None:
    section = stability([one("first_gradient", (0.5, 50.0)), training({PRE: [0.1, 0.1], POST: [0.0, 0.01]})])
    assert section is not None
    stream = section.figures["figure-stability-0-stream"]["data"]
    assert [trace["name"] for trace in stream] == [POST, PRE]
    assert stream[0]["x"] == list(range(1, 9))
    losses = {trace["name"]: trace for trace in section.figures["figure-stability-1-losses"]["data"]}
    assert losses[PRE]["x"] == [0.01, 0.1]
    assert losses[POST]["x"] == []
    assert losses["unigram"]["y"] == [2.0, 2.0]


def test_a_failed_result_is_told_and_hostile_names_stay_text() -> None:
    broken = result({"part": "start"}, {}, status="failed", reason=HOSTILE)
    cells = [*cells_of("toy"), broken]
    page = html(cells, models_of(cells), "toy")
    assert "Does it train stably?" in page
    assert HOSTILE not in page
    assert "Failed: &lt;/script&gt;" in page
    cells = [*cells_of("toy"), fresh({HOSTILE: {}}, {HOSTILE: {}}), training({HOSTILE: [0.1]})]
    assert HOSTILE not in html(cells, models_of(cells), "toy")


def test_the_section_takes_little_room() -> None:
    """A page of everything stays below 2 MB."""
    many = {f"candidate number {index}": {} for index in range(10)}
    rates = tuple(10.0**power for power in range(-5, 0))
    cells = [fresh(many, many), training({name: [0.1] * 3 for name in many}, rates)]
    with_it, without = (html(each, models_of(each), "toy") for each in ([*cells_of("toy"), *cells], cells_of("toy")))
    assert len(with_it) - len(without) < 12_000
