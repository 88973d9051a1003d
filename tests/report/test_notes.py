"""Verdicts on claims come from stored results alone: each kind of check can hold, fail, and be without a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cells import Cell
from harness.errors import HarnessError
from harness.notes.claims import NotedClaim
from harness.report import write_report
from harness.report.frames import Model, models_of
from harness.report.measured_claims import asked
from harness.report.notes import finding_of, judged
from harness.report.verdicts import CONTRADICTED, NOT_MEASURED, PARTLY, SUPPORTED, UNDECIDED
from tests.report.cells import architecture, cell, cells_of, spec_record, store
from tests.report.test_stability import LAYERNORM, POST, PRE, fresh, training

FACTS = {"facts": {"causal": True, "embedding_gradient": 0.1}}


def models() -> dict[str, Model]:
    """`toy`; `twin`, twice as large; `relu`, which differs in its MLP; `bare`, of which only params is stored."""
    relu = architecture(mlp={"kind": "relu", "intermediate_size": 2048, "bias": False})
    cells = [*cells_of("toy"), *cells_of("twin", 2), *cells_of("relu", architecture=relu), cells_of("bare")[0]]
    cells += [cell(spec_record("toy"), "behaviour", FACTS)]
    return {model.name: model for model in models_of(cells)}


def claim(check: dict[str, Any], about: list[str], **more: Any) -> NotedClaim:
    return NotedClaim.model_validate({"id": "C001", "line": 1, "says": "so", "about": about, "check": check, **more})


CHECKS: list[tuple[dict[str, Any], list[str], str]] = [
    ({"is": {"hidden_size": 512}}, ["toy"], SUPPORTED),
    ({"is": {"hidden_size": 513}}, ["toy"], CONTRADICTED),
    ({"is": {"hidden_size": 512, "num_layers": 5}}, ["toy"], PARTLY),
    (
        {"is": {"norm": "rmsnorm", "mixer.num_kv_heads": 2, "query_heads": 8, "key_value_heads": 2}},
        ["toy"],
        SUPPORTED,
    ),
    ({"is": {"mixer.num_kv_heads": 1}}, ["toy"], CONTRADICTED),
    ({"is": {"pattern": "banded"}}, ["toy"], PARTLY),
    ({"is": {"mlp": ["swiglu", "relu"]}}, ["toy", "relu"], SUPPORTED),
    ({"is": {"mlp": ["relu", "swiglu"]}}, ["toy", "relu"], CONTRADICTED),
    ({"is": {"params": 14.0e3}}, ["toy"], SUPPORTED),
    ({"is": {"params": 15.0e3}}, ["toy"], CONTRADICTED),
    ({"is": {"params": [14.0e3, 28.0e3]}}, ["toy", "twin"], SUPPORTED),
    ({"is": {"built.causal": True, "built.embedding_gradient": 0.1}}, ["toy"], SUPPORTED),
    ({"is": {"built.causal": False}}, ["toy"], CONTRADICTED),
    ({"less": {"than": "twin", "of": ["params", "kv_cache_bytes_per_token", "params.norm"]}}, ["toy"], SUPPORTED),
    ({"less": {"than": "toy", "of": ["params"]}}, ["twin"], CONTRADICTED),
    ({"less": {"than": "toy", "of": ["visible_pairs"]}}, ["twin"], CONTRADICTED),
    ({"differ": {"from": "toy", "in": ["mlp"]}}, ["relu"], SUPPORTED),
    ({"differ": {"from": "toy", "in": ["norm"]}}, ["relu"], CONTRADICTED),
    ({"differ": {"from": "toy", "in": ["mlp"]}}, ["twin"], CONTRADICTED),
    ({"differ": {"from": ["toy", "toy"], "in": ["mlp"]}}, ["relu", "twin"], PARTLY),
    ({"is": {"hidden_size": 512}}, ["absent"], NOT_MEASURED),
    ({"is": {"kv_cache_bytes_per_token": 2048}}, ["bare"], NOT_MEASURED),
    ({"is": {"built.causal": True}}, ["twin"], NOT_MEASURED),
    ({"differ": {"from": "absent", "in": ["mlp"]}}, ["toy"], NOT_MEASURED),
    ({"measured": "rmsnorm_saves_time"}, ["toy"], NOT_MEASURED),
    ({"measured": "stability_of_rmsnorm"}, ["toy"], NOT_MEASURED),
    ({"not_checkable": "a date"}, ["toy"], "not checkable here"),
]


@pytest.mark.parametrize(("check", "about", "verdict"), CHECKS)
def test_a_verdict_follows_from_what_is_stored(check: dict[str, Any], about: list[str], verdict: str) -> None:
    assert finding_of(claim(check, about), [], models()).verdict == verdict


def test_evidence_tells_what_was_found_and_what_was_claimed() -> None:
    def told(check: dict[str, Any], about: list[str]) -> str:
        return finding_of(claim(check, about), [], models()).evidence

    assert told({"is": {"params": 15.0e3}}, ["toy"]) == "params 14,040, not 15,000"
    assert (
        told({"is": {"mlp": "swiglu"}}, ["toy", "twin", "relu"])
        == "mlp swiglu (toy and 1 more), relu, not swiglu (relu)"
    )
    assert told({"differ": {"from": "toy", "in": ["mlp"]}}, ["relu"]) == "mlp swiglu → relu"
    assert (
        told({"differ": {"from": "toy", "in": ["norm"]}}, ["relu"])
        == "nothing that is said differs, but mlp swiglu → relu"
    )
    assert (
        told({"less": {"than": "twin", "of": ["params"]}}, ["toy"]) == "params 28,080 in twin, 14,040 in toy: 0.5 times"
    )
    assert told({"is": {"params": 1}}, ["absent"]) == "harness run absent --metrics exact"
    assert told({"is": {"built.causal": True}}, ["twin"]) == "harness run twin --metrics behaviour"


def test_nothing_that_differs_is_told() -> None:
    found = finding_of(claim({"differ": {"from": "toy", "in": ["norm"]}}, ["twin"]), [], models())
    assert found.evidence == "nothing differs"


def test_a_bound_agrees_from_below() -> None:
    cells = cells_of("toy")
    cells[2].values["longest_context"] = [{"budget_gb": 6, "weights": "int4", "tokens": 2000}]
    known = {model.name: model for model in models_of(cells)}
    for claimed, verdict in [(1999, SUPPORTED), (2001, CONTRADICTED)]:
        assert finding_of(claim({"is": {"tokens_in_6_gb_int4": claimed}}, ["toy"]), [], known).verdict == verdict


def machine(metric: str, values: dict[str, Any], **settings: Any) -> Cell:
    return cell(spec_record("toy"), metric, values, settings=settings).model_copy(update={"spec": None})


def laws(**pairs: str) -> Cell:
    found = [
        {"pattern": name.replace("_in_turns", ", banded in turns"), "of": "pairs", "law": law}
        for name, law in pairs.items()
    ]
    return machine("attention", {"laws": found}, seq_lens=[256])


@pytest.mark.parametrize(("law", "verdict"), [("n log n", SUPPORTED), ("n√n", PARTLY)])
def test_laws_of_sparse_patterns_decide(law: str, verdict: str) -> None:
    cells = [laws(dense="n²", banded="n log n", strided="n log n", fixed=law, dense_in_turns="n log n")]
    assert asked("sparse_attention_is_n_log_n", cells, []).verdict == verdict
    assert asked("dense_attention_is_quadratic", cells, []).verdict == SUPPORTED
    assert asked("dense_attention_is_quadratic", [laws(dense="n")], []).verdict == CONTRADICTED


def norm_times(*middles: float, verdict: str = "faster") -> Cell:
    rows = [{"verdict": verdict, "ratio": {"low": mid, "mid": mid, "high": mid}} for mid in middles]
    return machine("norms", {"rows": rows}, shapes=[1], implementation="native", dtype="float32")


@pytest.mark.parametrize(
    ("cell_", "verdict"),
    [
        (norm_times(0.5, 0.9), SUPPORTED),
        (norm_times(0.5, 0.99), PARTLY),
        (norm_times(0.99), CONTRADICTED),
        (norm_times(1.2, verdict="slower"), CONTRADICTED),
        (norm_times(1.0, verdict="no significant difference"), UNDECIDED),
    ],
)
def test_times_of_norms_decide(cell_: Cell, verdict: str) -> None:
    assert asked("rmsnorm_saves_time", [cell_], []).verdict == verdict


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["faster", "faster"], SUPPORTED),
        (["slower", "faster"], PARTLY),
        (["slower", "slower"], CONTRADICTED),
        (["no significant difference"] * 2, UNDECIDED),
    ],
)
def test_times_of_decoding_decide(verdicts: list[str], expected: str) -> None:
    ratio = {"low": 0.4, "mid": 0.5, "high": 0.6}
    rows = [
        {"arrangement": "GQA, 4 queries a key head", "seq_len": 512 << at, "verdict": verdict, "ratio": ratio}
        for at, verdict in enumerate(verdicts)
    ]
    found = asked(
        "grouped_queries_decode_faster",
        [machine("decoding", {"rows": rows}, batch_size=1, stack_bytes=0, seq_lens=[512])],
        [],
    )
    assert found.verdict == expected
    assert "2 (1.67 to 2.5) times behind 1,024 tokens" in found.evidence


def learned(name: str, few: float, most: float, seeds: int = 5, noise: float = 0.05) -> Cell:
    """Accuracies with 1 and 16 examples; seeds differ by 0.1, and the last by noise."""
    of_seeds = [[few + 0.1 * seed, most + 0.1 * seed + (noise, -noise)[seed % 2]] for seed in range(seeds)]
    seeds_ = [{"classification": each, "recall": each} for each in of_seeds]
    return cell(spec_record(name), "icl", {"classification": {"shots": [1, 16]}, "seeds": seeds_})


def test_accuracies_decide_where_the_seeds_agree_beyond_their_differences() -> None:
    for most, verdict in [(0.5, SUPPORTED), (0.26, UNDECIDED), (0.1, CONTRADICTED)]:
        assert asked("examples_in_context_help", [learned("toy", 0.25, most)], ["toy"]).verdict == verdict
        both = [learned("ordered", 0.25, 0.25, noise=0.0), learned("toy", 0.25, most)]
        assert asked("shuffled_spans_help", both, ["toy", "ordered"]).verdict == verdict
    missing = asked("shuffled_spans_help", [learned("toy", 0.2, 0.3)], ["toy", "ordered"])
    assert (missing.verdict, missing.evidence) == (NOT_MEASURED, "harness run toy ordered --metrics icl")


def test_one_seed_decides_nothing_nor_do_different_seeds() -> None:
    one = asked("examples_in_context_help", [learned("toy", 0.1, 0.9, seeds=1)], ["toy"])
    words = "small model: 0.100 with 1 example, 0.950 with 16, one seed only"
    assert (one.verdict, one.evidence) == (UNDECIDED, words)
    found = asked("examples_in_context_help", [learned("toy", 0.1, 0.5)], ["toy"])
    assert found.evidence == (
        "small model: 0.300 with 1 example, 0.710 with 16, a difference of 0.410 (0.297 to 0.523) in 5 seeds"
    )
    uneven = [learned("toy", 0.1, 0.9), learned("ordered", 0.1, 0.9, seeds=3)]
    assert asked("shuffled_spans_help", uneven, ["toy", "ordered"]).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("ratio", "first", "last", "verdict"),
    [
        ((1.5, 400.0), (1.5, 400.0), (0.4, 0.1), SUPPORTED),
        ((1.5, 1.5), (1.5, 1.5), (0.4, 0.4), CONTRADICTED),
        ((1.5, 1.5), (1.5, (1.5, 400.0)), (0.4, 0.1), PARTLY),
        ((1.5, 1.5), (1.5, (1.5, 400.0)), (0.4, 0.4), UNDECIDED),
    ],
)
def test_gradients_over_depth_decide(ratio: Any, first: Any, last: Any, verdict: str) -> None:
    post = [{"first_to_last": ratio[at], "first_gradient": first[at]} for at in (0, 1)]
    pre = [{"last_gradient": gradient} for gradient in last]
    cell_ = fresh(*({POST: post[at], PRE: pre[at]} for at in (0, 1)))
    assert asked("stability_of_depth", [cell_], []).verdict == verdict


@pytest.mark.parametrize(
    ("stream", "first", "verdict"),
    [
        (0.01, 50.0, SUPPORTED),
        (1.0, 1.0, CONTRADICTED),
        (1.0, 50.0, PARTLY),
        (1.0, (1.0, 50.0), UNDECIDED),
    ],
)
def test_variance_and_gradients_behind_post_norms_decide(stream: Any, first: Any, verdict: str) -> None:
    """Between pre-norms, the stream grows twofold, and the first block's gradient does by a half."""
    post = {"stream_growth": stream, "first_gradient": first}
    cell_ = fresh({POST: {}, PRE: {}}, {POST: post, PRE: {"stream_growth": 2.0, "first_gradient": 1.5}})
    assert asked("stability_of_pre_norm", [cell_], []).verdict == verdict


@pytest.mark.parametrize(
    ("no_warmup", "warmup", "verdict"),
    [
        ([0.01, 0.01], [0.0, 0.01], SUPPORTED),
        ([0.1, 0.1], [0.1, 0.1], CONTRADICTED),
        ([0.1, 0.1], [0.01, 0.01], PARTLY),
        ([0.01, 0.1], [0.01, 0.01], PARTLY),
        ([0.01, 0.1], [0.1, 0.1], UNDECIDED),
    ],
)
@pytest.mark.parametrize(
    ("question", "other"), [("stability_of_training_with_pre_norm", POST), ("stability_of_rmsnorm", LAYERNORM)]
)
def test_rates_that_train_decide(
    question: str, other: str, no_warmup: list[float], warmup: list[float], verdict: str
) -> None:
    """Over all settings, where all seeds say so."""
    recipe = {"warmup_steps": 30, "steps": 100, "batch_size": 16}
    cells = [
        training({PRE: [0.1, 0.1], other: no_warmup}),
        training({PRE: [0.1, 0.1], other: warmup}, settings={"recipe": recipe}),
    ]
    assert asked(question, cells, []).verdict == verdict


def test_stability_tells_where_and_by_which_figures() -> None:
    found = asked("stability_of_rmsnorm", [training({PRE: [0.1, 0.1], LAYERNORM: [0.01, 0.01]})], [])
    assert found.evidence == (
        "llama-7b, 6 blocks, no warm-up: yes (highest by seed: pre 0.1, 0.1; pre, LayerNorm 0.01, 0.01; 10 times)"
    )
    none = asked("stability_of_depth", [training({PRE: [0.1, 0.1], POST: [0.01, 0.01]})], [])
    assert (none.verdict, none.evidence) == (NOT_MEASURED, "harness run --metrics stability")


def test_an_unknown_question_is_told_with_the_nearest() -> None:
    with pytest.raises(HarnessError, match="did you mean 'rmsnorm_saves_time'"):
        asked("rmsnorm_save_time", [], [])


def test_the_page_holds_every_claim_once(tmp_path: Path) -> None:
    gpt1 = cells_of("gpt1", architecture=architecture())
    write_report(store(tmp_path, gpt1))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    section = page.split('<section id="notes"')[1].split("</section>")[0]
    assert [section.count(f'<tr><th scope="row">C{number:03}<td') for number in range(1, 151)] == [1] * 150
    counts = [int(part.split("</strong>")[0].split(": ")[1]) for part in section.split("<strong>")[1:]]
    assert sum(counts) == 150
    assert "num_layers 4, not 12" in section
    assert "num_layers 4, not 12" in (tmp_path / "exact.md").read_text(encoding="utf-8")


def test_what_holds_beyond_its_check_is_told_apart_and_a_spec_that_fits_is_named() -> None:
    found = {each.claim.id: each for each in judged([], models_of(cells_of("toy")))}
    assert found["C001"].verdict == "not checkable here"
    assert found["C091"].evidence.endswith("; not checked: BPE")
    assert found["C091"].verdict == NOT_MEASURED
