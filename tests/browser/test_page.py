from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.report import write_report
from tests.report.cells import HOSTILE, architecture, cell, cells_of, spec_record, store

REQUIRED = os.environ.get("HARNESS_REQUIRE_BROWSER") == "1"
CHROMIUM = shutil.which("chromium")
if REQUIRED:
    import axe_playwright_python.sync_playwright as axe
    import playwright.sync_api as playwright

    assert CHROMIUM, "HARNESS_REQUIRE_BROWSER=1, and there is no chromium on the PATH"
else:
    playwright = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    if not CHROMIUM:
        pytest.skip("there is no chromium on the PATH", allow_module_level=True)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FIGURES = ("overview", "params", "prefill", "decode", "cache", "contexts", "patterns", "pairs")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a report of four models, one of them hostile and one broken, lies."""
    folder = tmp_path_factory.mktemp("report")
    layernorm = architecture(norm={"kind": "layernorm", "eps": 1e-6})
    cells = [
        *cells_of("alpha"),
        *cells_of("beta", 3, architecture=layernorm, provenance="variant"),
        *cells_of("gamma", 2, family="Other", title=HOSTILE, about=HOSTILE),
        cell(spec_record("delta", family="Other"), "params", None),
    ]
    (page, _), _ = write_report(store(folder, cells), "alpha")
    return page.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Opened:
    """A page that is ready, and what it complained of or asked for on its way."""

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(offline=True, **context)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        if context.get("java_script_enabled", True):
            self.page.wait_for_selector("html[data-ready]")


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Opened]:
    made = Opened(browser, address, viewport={"width": 1300, "height": 900}, color_scheme="light")
    yield made
    made.context.close()
    assert made.problems == []


def names(page: Any) -> list[str]:
    shown = page.locator("#models-table tbody tr:not([hidden])")
    return [row.get_attribute("data-name") for row in shown.all()]


def test_it_loads_without_complaint_and_asks_for_nothing(opened: Opened, address: str) -> None:
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [address]


def test_every_figure_is_drawn(opened: Opened) -> None:
    for figure in FIGURES:
        drawn = {"params": ".bars path", "contexts": ".heatmaplayer image"}.get(figure, ".scatterlayer .trace")
        assert opened.page.locator(f"#figure-{figure} svg {drawn}").count() > 0, figure


def test_no_figure_offers_to_upload_itself(opened: Opened) -> None:
    """Plotly's own default is a button that sends the figure to its makers' cloud."""
    urls = "[...document.querySelectorAll('.js-plotly-plot')].map((plot) => plot._context.plotlyServerURL)"
    assert opened.page.evaluate(urls) == [""] * len(FIGURES)
    titles = [button.get_attribute("data-title") for button in opened.page.locator(".modebar-btn").all()]
    assert "Reset axes" in titles
    assert [title for title in titles if "Share" in (title or "")] == []


def test_headings_sort_and_what_is_missing_stays_last(opened: Opened) -> None:
    heading = opened.page.locator("th[data-key=params]")
    heading.locator("button").focus()
    opened.page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(opened.page) == ["beta", "gamma", "alpha", "delta"]
    opened.page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(opened.page) == ["alpha", "gamma", "beta", "delta"]


def test_filters_narrow_the_table(opened: Opened) -> None:
    opened.page.fill("#find", "layernorm")
    assert names(opened.page) == ["beta"]
    assert opened.page.locator("#found").inner_text() == "1 of 4 models"
    opened.page.fill("#find", "")
    opened.page.select_option("#family", "Other")
    assert names(opened.page) == ["delta", "gamma"]
    opened.page.select_option("#family", "")
    opened.page.select_option("#provenance", "variant")
    assert names(opened.page) == ["beta"]


def test_claims_are_found_in_every_group(opened: Opened) -> None:
    rows = opened.page.locator(".claims-group tbody tr:visible")
    opened.page.fill("#find-claim", "swiglu baichuan")
    assert [row.inner_text().split()[0] for row in rows.all()] == ["C142"]
    assert opened.page.locator("#found-claims").inner_text() == "1 claims"
    opened.page.fill("#find-claim", "")
    assert opened.page.locator("#found-claims").inner_text() == ""
    assert opened.page.locator(".claims-group[open]").count() == 1


def test_claims_of_a_group_are_sorted_by_their_headings(opened: Opened) -> None:
    group = opened.page.locator(".claims-group").last
    group.locator("summary").click()
    lines = [int(row.inner_text()) for row in group.locator("tbody td:nth-child(2)").all()]
    group.locator("thead button", has_text="line").click()
    assert [int(row.inner_text()) for row in group.locator("tbody td:nth-child(2)").all()] == sorted(lines)[::-1]


def test_all_digits_on_demand(opened: Opened) -> None:
    cell_of_alpha = opened.page.locator("#models-table tr[data-name=alpha] td[title]").first
    assert cell_of_alpha.inner_text() == "14.0K"
    opened.page.check("#all-digits")
    assert cell_of_alpha.inner_text() == "14,040"
    opened.page.uncheck("#all-digits")
    assert cell_of_alpha.inner_text() == "14.0K"


def test_the_baseline_can_be_chosen(opened: Opened) -> None:
    row = opened.page.locator("#compare-table tbody tr", has_text="BETA")
    assert "norm rmsnorm \N{RIGHTWARDS ARROW} layernorm" in row.inner_text()
    assert "\N{MULTIPLICATION SIGN}3.00" in row.inner_text()
    opened.page.select_option("#baseline", "beta")
    row = opened.page.locator("#compare-table tbody tr", has_text="ALPHA")
    assert "norm layernorm \N{RIGHTWARDS ARROW} rmsnorm" in row.inner_text()
    assert "\N{MULTIPLICATION SIGN}0.333" in row.inner_text()
    assert "n/a" in opened.page.locator("#compare-table tbody tr", has_text="DELTA").inner_text()
    assert "?a=beta&" in opened.page.url


def test_two_models_stand_side_by_side(opened: Opened) -> None:
    opened.page.select_option("#other", "beta")
    table = opened.page.locator("#compare-table")
    assert "rmsnorm" in table.inner_text()
    assert "swiglu" not in table.inner_text()
    opened.page.uncheck("#only")
    assert "swiglu" in table.inner_text()


def test_the_address_keeps_the_choice(browser: Any, address: str) -> None:
    made = Opened(browser, f"{address}?a=beta&b=alpha&models=beta,nonsense&bars=absolute")
    assert made.page.input_value("#baseline") == "beta"
    assert made.page.input_value("#other") == "alpha"
    assert made.page.locator("#key li").all_inner_texts() == ["\N{BLACK CIRCLE} BETA (baseline)"]
    assert made.page.is_checked("input[name=bars][value=absolute]")
    made.context.close()
    assert made.problems == []


def test_the_chosen_models_are_those_of_the_figures(opened: Opened) -> None:
    opened.page.click("#chooser summary")
    opened.page.click("[data-preset=all]")
    assert opened.page.locator("#key li").count() == 4
    assert "DELTA, without params, flops" in opened.page.locator("#key").inner_text()
    assert opened.page.locator("#figure-params .yaxislayer-above text, #figure-params .ytick text").count() == 3
    opened.page.uncheck("#choices input[value=beta]")
    assert opened.page.locator("#key li").count() == 3


def test_a_fact_sheet_opens_with_its_exact_figures(opened: Opened) -> None:
    opened.page.click("tr[data-name=alpha] button.open")
    sheet = opened.page.locator("#sheet")
    limit = "all 1,024 that the model is made for (room for any number)"
    for text in ("9,007,199,254,740,993", "14,040", "a counter and another", limit, "does not fit", "on nothing"):
        assert text in sheet.inner_text()
    assert sheet.locator("a").first.get_attribute("href") == "https://example.org/paper"
    opened.page.keyboard.press("Escape")
    assert not sheet.is_visible()


def test_text_of_a_spec_stays_text(opened: Opened) -> None:
    opened.page.click("tr[data-name=gamma] button.open")
    assert HOSTILE in opened.page.locator("#sheet").inner_text()
    assert opened.page.locator("img").count() == 0


def test_the_theme_toggles_and_is_remembered(opened: Opened) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(background)
    opened.page.click("#theme")
    assert opened.page.evaluate(background) != light
    opened.page.reload()
    opened.page.wait_for_selector("html[data-ready]")
    assert opened.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_never_scrolls_sideways(browser: Any, address: str, scheme: str) -> None:
    made = Opened(browser, address, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert made.page.evaluate(width) <= 0
    made.page.click("tr[data-name=alpha] button.open")
    assert made.page.evaluate(width) <= 0
    made.context.close()
    assert made.problems == []


def test_tables_are_readable_without_scripts(browser: Any, address: str) -> None:
    made = Opened(browser, address, java_script_enabled=False)
    assert "14.0K" in made.page.locator("#models-table").inner_text()
    assert "n/a (failed: the counters disagree)" in made.page.locator("#models-table").inner_text()
    assert not made.page.locator("#find").is_visible()
    made.context.close()


def test_a_link_opens_a_comparison_where_it_stands(browser: Any, address: str) -> None:
    for end in ("?a=beta&b=alpha#compare", "#compare=beta,alpha"):
        made = Opened(browser, f"{address}{end}")
        assert made.page.input_value("#baseline") == "beta"
        assert "BETA and ALPHA, side by side" in made.page.locator("#compare-table caption").inner_text()
        place = "document.getElementById('compare').getBoundingClientRect().top"
        assert 0 <= made.page.evaluate(place) < 200
        made.context.close()
        assert made.problems == []


def test_links_to_sections_keep_the_choices(browser: Any, address: str) -> None:
    made = Opened(browser, f"{address}?a=beta&b=alpha&batch=4")
    made.page.click("nav a[href='#cache']")
    assert made.page.url.endswith("?a=beta&b=alpha&batch=4#cache")
    made.page.select_option("#batch", "8")
    assert "a=beta&b=alpha" in made.page.url
    assert made.page.url.endswith("#cache")
    made.context.close()
    assert made.problems == []


def test_the_bar_drives_the_table_and_the_comparison(opened: Opened) -> None:
    cache = opened.page.locator("#models-table tr[data-name=alpha] td[data-exact]").nth(1)
    assert cache.inner_text() == "2.00 MiB"
    opened.page.select_option("#context", "256")
    assert cache.inner_text() == "512 KiB"
    opened.page.select_option("#batch", "4")
    assert cache.inner_text() == "2.00 MiB"
    opened.page.select_option("#cacheType", "int8")
    assert cache.get_attribute("title") == "1,048,576"
    opened.page.select_option("#other", "beta")
    caption = opened.page.locator("#compare-table caption").inner_text()
    assert "at 256 tokens, batch of 4, int8 cache, fp16 weights" in caption
    row = opened.page.locator("#compare-table tr", has_text="cache, bytes").first.inner_text()
    assert row.split("\t") == ["cache, bytes", "1,048,576", "3,145,728", "\N{MULTIPLICATION SIGN}3.00"]


def test_sizes_and_single_columns_are_filters(opened: Opened) -> None:
    for words, left in ((">20K", ["beta", "gamma"]), ("<20K", ["alpha"]), ("gqa norm:layernorm", ["beta"])):
        opened.page.fill("#find", words)
        assert names(opened.page) == left


def test_seven_columns_are_shown_until_others_are_asked_for(opened: Opened) -> None:
    shown = opened.page.locator("#models-table thead tr:nth-child(2) th:visible")
    assert shown.count() == 8  # the name and seven more
    opened.page.check("input[name=columns][value=shape]")
    assert "max. len." in shown.last.inner_text()


def test_a_model_has_one_colour_in_all_figures(opened: Opened) -> None:
    colours = """[...document.querySelectorAll('.js-plotly-plot')].flatMap((plot) => plot._fullData
        .filter((trace) => trace.meta?.model === 'alpha' && trace.visible === true)
        .map((trace) => (trace.marker ?? trace.line).color))"""
    found = opened.page.evaluate(colours)
    assert len(found) > 4
    assert len(set(found)) == 1


def test_print_keeps_the_keys(opened: Opened) -> None:
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#key").is_visible()
    assert opened.page.locator("ul[aria-label=Components]").is_visible()
    assert not opened.page.locator("#context").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (1300, "dark"), (390, "light"), (390, "dark")])
def test_axe_finds_nothing(browser: Any, address: str, width: int, scheme: str) -> None:
    """The rules of WCAG 2.2 AA, targets of 24 px among them, and what axe calls best practice."""
    made = Opened(
        browser, address, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )  # axe is put into the page as a script
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = axe.Axe().run(made.page, options={"runOnly": rules}).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    made.context.close()


def test_blocks_are_drawn_with_what_differs_in_colour(opened: Opened) -> None:
    opened.page.select_option("#other", "beta")
    drawn = opened.page.locator("#compare-blocks svg")
    assert drawn.count() == 4  # two blocks each
    assert "rmsnorm, then softmax: 8 heads" in (drawn.first.get_attribute("aria-label") or "")
    texts = [text.text_content() for text in drawn.last.locator(".differs text").all()]
    assert texts == ["layernorm", "layernorm", "layernorm, at the end"]
    opened.page.select_option("#other", "gamma")
    assert HOSTILE in opened.page.locator("#compare-blocks figcaption").last.inner_text()
    assert opened.page.locator("img").count() == 0


def test_a_table_is_saved_as_it_is_shown(opened: Opened, tmp_path: Path) -> None:
    opened.page.fill("#find", "beta")
    for name, text in (
        (
            "CSV",
            '"name","released","params","mixer","position","norm","cache","decode"\r\n"beta","2024-01-01","42.1K","GQA"',
        ),
        ("Markdown", "| beta | 2024-01-01 | 42.1K | GQA |"),
        ("LaTeX", "beta & 2024-01-01 & 42.1K & GQA &"),
        ("JSON", '"params": "42.1K"'),
    ):
        with opened.page.expect_download() as download:
            opened.page.click(f"[aria-label='Table of models as {name}']")
        saved = tmp_path / download.value.suggested_filename
        download.value.save_as(saved)
        assert saved.name.startswith("table-of-models.")
        assert text in saved.read_bytes().decode()
        assert "alpha" not in saved.read_bytes().decode()
