from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import harness
from harness.cells import Cell
from harness.errors import HarnessError
from harness.report import write_report
from harness.report.architecture import defaults_of
from harness.report.origin import origin
from harness.report.page import mixtures
from harness.report.sheets import context
from tests.report.cells import ENVIRONMENT, HOSTILE, architecture, cell, cells_of, claim, spec_record, store, values


class Page(HTMLParser):
    """What a browser would see: the elements with their attributes, and the text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.text += data


def written(folder: Path, cells: list[Cell], baseline: str | None = None) -> str:
    (page, _), _ = write_report(store(folder, cells), baseline)
    return page.read_text(encoding="utf-8")


def test_both_files_are_written_and_named(tmp_path: Path) -> None:
    paths = [tmp_path / "index.html", tmp_path / "exact.md"]
    assert write_report(store(tmp_path, cells_of("toy"))) == (paths, 0)


def test_results_of_another_version_are_left_out(tmp_path: Path) -> None:
    """They may lack what is shown of the present one."""
    old = Cell(**{**cells_of("toy")[0].model_dump(), "metric": "decoding", "spec": None, "values": {}})
    folder = store(tmp_path, [*cells_of("toy"), old])
    _, left_out = write_report(folder, versions={"decoding": old.version + 1, "params": 1})
    assert left_out == 1


def test_the_table_shows_short_figures_with_all_digits_beside_them(tmp_path: Path) -> None:
    page = Page(written(tmp_path, [*cells_of("toy"), *cells_of("twin", 2)]))
    titles = {attributes.get("title") for tag, attributes in page.elements if tag == "td"}
    assert {"14,040", "28,080"} <= titles
    shown = ["14.0K", "28.1K", "TOY", "swiglu", "8/2", "2.00 KiB", "3 February 2025", "processor abacus", "differs"]
    assert [text for text in shown if text not in page.text] == []


def test_results_of_several_machines_are_told(tmp_path: Path) -> None:
    """Of what is trained or timed; exact figures are the same everywhere."""
    toy = cells_of("toy")[0]
    other = {**toy.environment, "hardware": {**toy.environment["hardware"], "kernels": "others"}}
    norms = Cell(**{**toy.model_dump(), "metric": "norms", "spec": None, "values": {}})
    assert mixtures([toy, Cell(**{**toy.model_dump(), "environment": other}), norms]) == []
    found = mixtures([norms, norms, Cell(**{**norms.model_dump(), "environment": other})])
    assert found == [
        "Results of norms come from several machines and are not one comparison: "
        "1 from abacus by kernels others; 2 from abacus by kernels unknown."
    ]


def test_the_same_results_make_the_same_bytes(tmp_path: Path) -> None:
    cells = [*cells_of("toy"), *cells_of("twin", 2)]
    write_report(store(tmp_path / "a", cells))
    write_report(store(tmp_path / "b", cells[::-1]))
    for name in ("index.html", "exact.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_page_is_small_and_fetches_nothing(tmp_path: Path) -> None:
    html = written(tmp_path, cells_of("toy"))
    assert len(html.encode()) < 2_000_000
    assert not [a for _, a in Page(html).elements if {"src", "srcset", "data", "action"} & set(a)]
    linked = [attributes["href"] for tag, attributes in Page(html).elements if "href" in attributes]
    assert {href for href in linked if href and not href.startswith(("#", "?"))} == {"https://example.org/paper"}
    assert not [tag for tag, _ in Page(html).elements if tag in ("link", "iframe", "object", "embed", "base")]
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_a_policy_allows_the_scripts_of_the_page_alone(tmp_path: Path) -> None:
    page = Page(written(tmp_path, cells_of("toy")))
    policy = next(a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    scripts = policy.split("script-src ")[1].split(";")[0]
    assert policy.startswith("default-src 'none'")
    assert re.fullmatch(r"('sha256-[A-Za-z0-9+/=]{44}' ?){3}", scripts)


def test_text_of_a_spec_stays_text(tmp_path: Path) -> None:
    rows = [claim(1e4, 14040, agrees=False, source=HOSTILE, url=f"https://x/{HOSTILE}", at=HOSTILE)]
    sources = {"evil": {"title": HOSTILE, "url": f"https://x/{HOSTILE}"}}
    spec = spec_record("toy", title=HOSTILE, family=HOSTILE, about=HOSTILE, training=[HOSTILE], sources=sources)
    cells = [
        cell(spec, "params", values()["params"]),
        cell(spec, "claims", {"claims": rows}),
        cell(spec, "flops", None, reason=HOSTILE),
    ]
    page = Page(written(tmp_path, cells))
    assert [tag for tag, _ in page.elements].count("script") == 4
    assert not [tag for tag, _ in page.elements if tag in ("img", "b")]
    assert page.text.count(HOSTILE) >= 4


def test_a_failed_result_is_shown_with_its_reason(tmp_path: Path) -> None:
    cells = cells_of("toy")
    cells[0] = cell(cells[0].spec, "params", None)
    text = Page(written(tmp_path, cells)).text
    assert "n/a (failed: the counters disagree)" in text
    assert "Nothing failed" not in text


def test_a_missing_result_is_shown_as_not_measured(tmp_path: Path) -> None:
    html = written(tmp_path, [*cells_of("whole"), *cells_of("partial")[:1]])
    assert html.count("n/a (not measured)") == 7  # kv, state, cache, memory, decode, prefill, train


def test_the_results_at_the_head_are_those_at_the_foot(tmp_path: Path) -> None:
    other = {**ENVIRONMENT, "packages": {"python": "3.13.0"}}
    cells = [*cells_of("toy"), Cell(**{**cells_of("twin")[0].model_dump(), "environment": other})]
    html = written(tmp_path, cells)
    assert '<dt>stored results</dt><dd><a href="#method">6</a>' in html
    assert re.findall(r"<li>(\d+) results: ", html) == ["5", "1"]


def test_the_page_says_which_code_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Page(written(tmp_path, cells_of("toy"))).text
    assert text.count(f"harness {origin()}") == 2
    monkeypatch.setattr("harness.__file__", str(tmp_path / "site-packages" / "harness" / "__init__.py"))
    assert origin() == f"version {harness.__version__}"


def test_a_context_past_the_models_limit_says_so() -> None:
    assert context(20_071, 32_768) == "20,071"
    assert context(0, 32_768) == "does not fit"
    assert context(4_812_345, 32_768) == "all 32,768 that the model is made for (room for 4,812,345)"
    assert context(None, 2048) == "all 2,048 that the model is made for (room for any number)"


def test_an_option_at_its_default_is_known_as_such() -> None:
    toy = architecture(norm={"kind": "layernorm", "eps": 1e-5, "gain": True, "bias": False})
    assert "norm.gain" in defaults_of(toy)
    assert not {"norm.bias", "norm.eps", "mixer.num_kv_heads"} & defaults_of(toy)


def test_an_imported_config_stands_apart_from_the_specs_of_its_family(tmp_path: Path) -> None:
    html = written(tmp_path, [*cells_of("toy"), *cells_of("mine", provenance="imported")])
    assert {"<option>Toy", "<option>Toy (imported)"} <= set(re.findall(r"<option>[^<]*", html))


def test_results_that_have_no_place_on_the_page_are_named(tmp_path: Path) -> None:
    html = written(tmp_path, [*cells_of("toy"), cell(spec_record("toy"), "norm_speed", {"ratio": 2})])
    assert "not shown on this page: norm_speed" in html


def test_without_any_params_there_is_still_a_page(tmp_path: Path) -> None:
    assert "n/a (failed" in written(tmp_path, [cell(spec_record("toy"), "params", None)])


def test_an_unknown_baseline_is_told_with_the_nearest(tmp_path: Path) -> None:
    store(tmp_path, cells_of("llama-7b"))
    with pytest.raises(HarnessError, match=r"no results of the baseline 'lama-7b' .*did you mean 'llama-7b'\?"):
        write_report(tmp_path, "lama-7b")
    with pytest.raises(HarnessError, match="there are llama-7b"):
        write_report(tmp_path, "zzz")
    assert not (tmp_path / "index.html").exists()


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="no results to report"):
        write_report(tmp_path)
