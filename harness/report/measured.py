"""What was timed, as tables and figures: attention, decoding over the context, whole models, norms in pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import plotly.graph_objects as go

from harness.report.figures import over_context
from harness.report.wording import exact, short, short_bytes
from harness.results import Cell

CLAIMED_LESS = (0.07, 0.64)
"""The share of time that RMSNorm is said to save: Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467."""

Interval = dict[str, float]
"""A figure with its 99 % interval between processes: low, mid, high."""


@dataclass(frozen=True)
class Table:
    """Cells of text; the first `words` columns are words, the others figures."""

    heads: list[str]
    rows: list[list[str]]
    words: int = 1


@dataclass(frozen=True)
class Section:
    """What one experiment found.

    Attributes:
        tables: by name.
        figures: by the id of their place, ready for JSON.
        made_with: the conditions of each result, in words.
        failed: the reasons why some results could not be had.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    made_with: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def sections(cells: Iterable[Cell]) -> dict[str, dict[str, Section]]:
    """For each experiment that has results a section a device, the CPU's first."""
    made = {"attention": _attention, "decoding": _decoding, "throughput": _throughput, "norms": _norms}
    of: dict[str, dict[str, list[Cell]]] = {}
    for cell in sorted(cells, key=lambda cell: (_device(cell) != "cpu", _device(cell))):
        if cell.spec is None and cell.metric in made:
            of.setdefault(cell.metric, {}).setdefault(_device(cell), []).append(cell)
    return {
        name: {
            device: _section(made[name], results, number) for number, (device, results) in enumerate(devices.items())
        }
        for name, devices in of.items()
    }


def _device(cell: Cell) -> str:
    return str(cell.settings.get("device", "cpu"))


def _section(made: Callable[[Sequence[Cell]], Section], results: Sequence[Cell], number: int) -> Section:
    """What an experiment found on a device; the number keeps the places of figures of several devices apart."""
    good = [cell for cell in results if cell.status == "ok"]
    section = made(good) if good else Section()
    section.made_with.extend(dict.fromkeys(_conditions(cell) for cell in good))
    section.failed.extend(cell.reason for cell in results if cell.status != "ok")
    if not number:
        return section
    return replace(section, figures={f"{place}-{number}": figure for place, figure in section.figures.items()})


def _conditions(cell: Cell) -> str:
    conditions, settings = cell.values["conditions"], cell.settings
    return (
        f"{conditions['device']}, {conditions['clock']}, "
        f"{settings['processes']} processes of {settings['rounds']} rounds, "
        f"load average {conditions['load_average']:.1f} at the end"
    )


def most_lengths(cells: Sequence[Cell]) -> Cell:
    """The result over the most lengths, of those the newest."""
    return max(cells, key=lambda cell: (len(cell.settings["seq_lens"]), cell.created))


def between(interval: Interval) -> str:
    """0.632 (0.611 to 0.655)."""
    return f"{interval['mid']:.3g} ({interval['low']:.3g} to {interval['high']:.3g})"


def times_faster(ratio: Interval) -> str:
    """How many times faster than what it is compared with, from the ratio of the times."""
    return between({"mid": 1 / ratio["mid"], "low": 1 / ratio["high"], "high": 1 / ratio["low"]})


def _attention(cells: Sequence[Cell]) -> Section:
    section = Section()
    own = [cell for cell in cells if "against" not in cell.settings]
    if own:
        cell = most_lengths(own)
        rows, laws = cell.values["rows"], cell.values["laws"]
        section.tables.update(laws=_laws(laws, rows), speeds=_speeds(rows))
        for which in cell.settings["passes"]:
            of_pass = [row for row in rows if row["pass"] == which]
            section.figures[f"figure-attention-{which}"] = _time_lines(of_pass, which)
    others = [cell for cell in cells if "against" in cell.settings]
    if others:
        section.tables["others"] = _others(most_lengths(others).values["rows"])
    return section


def _others(rows: Sequence[dict[str, Any]]) -> Table:
    """The sparse kernels against other ways to compute the same."""
    heads = ["pattern", "compared with", "length", "times faster", "noise", "verdict"]
    texts = [
        [
            _with_options(row),
            row["to"],
            exact(row["seq_len"]),
            times_faster(row["ratio"]),
            _noise(row),
            row["verdict"],
        ]
        for row in rows
    ]
    return Table(heads, texts, words=2)


def _laws(laws: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> Table:
    by_pattern: dict[str, dict[str, Any]] = {}
    for law in laws:
        by_pattern.setdefault(law["pattern"], {})[law["of"]] = law
    columns = list(dict.fromkeys(law["of"] for law in laws))
    heads = ["pattern"]
    for column in columns:
        heads += [f"{column}: law", f"{column}: exponent"]
        heads += [] if column == "pairs" else [f"{column}: faster than dense from"]
    texts = []
    for pattern, found in by_pattern.items():
        row = [_words(pattern)]
        for column in columns:
            row += _law(found[column]) if column in found else ("n/a", "n/a")
            row += [] if column == "pairs" else [_crossover(rows, pattern, column)]
        texts.append(row)
    return Table(heads, texts)


def _law(law: dict[str, Any]) -> tuple[str, str]:
    """The law with its factor where it is counted; of a time one or two laws, if the times rule out the others."""
    exponent = law["exponent"]
    if law["of"] == "pairs":
        return f"{law['factor']:.3g} {law['law']}", f"{exponent['mid']:.3f}"
    words = " or ".join(law["plausible"]) if len(law["plausible"]) <= 2 else "undecided"
    return words, f"{exponent['mid']:.2f} ({exponent['low']:.2f} to {exponent['high']:.2f})"


def _crossover(rows: Sequence[dict[str, Any]], pattern: str, which: str) -> str:
    """The length from which on a pattern was faster than dense attention at every length where both were timed."""
    against = [row for row in rows if (row["pattern"], row["pass"], row.get("to")) == (pattern, which, "dense")]
    if not against:
        return ""
    ascending = sorted(against, key=lambda row: row["seq_len"])
    slower = [index for index, row in enumerate(ascending) if row["verdict"] != "faster"]
    start = slower[-1] + 1 if slower else 0
    return exact(ascending[start]["seq_len"]) if start < len(ascending) else "at no length timed"


def _speeds(rows: Sequence[dict[str, Any]]) -> Table:
    heads = ["pattern", "pass", "length", "visible pairs", "time", "times faster than dense", "noise", "verdict"]
    texts = []
    for row in rows:
        against = [times_faster(row["ratio"]), _noise(row), row["verdict"]] if row.get("to") == "dense" else [""] * 3
        texts.append(
            [
                _with_options(row),
                row["pass"],
                exact(row["seq_len"]),
                exact(row["pairs"]),
                _time(row["seconds"]["mid"]),
                *against,
                f"{row['share_of_product']['mid']:.2f}",
                f"{row['share_of_peak']['mid']:.2f}",
            ]
        )
    return Table([*heads, "share of torch's product", "share of peak"], texts, words=2)


def _with_options(row: dict[str, Any]) -> str:
    options = ", ".join(f"{key} {value}" for key, value in row["options"].items())
    return f"{_words(row['pattern'])}{f' ({options})' if options else ''}"


def _noise(row: dict[str, Any]) -> str:
    return f"{row['noise'][0]:.2f} to {row['noise'][1]:.2f}"


def _time_lines(rows: Sequence[dict[str, Any]], which: str) -> Any:
    figure = go.Figure()
    for pattern in dict.fromkeys(row["pattern"] for row in rows):
        _line(
            figure,
            _words(pattern),
            [(row["seq_len"], row["seconds"]) for row in rows if row["pattern"] == pattern],
            "%{y:.3s}s at %{x:,} tokens",
        )
    figure.update_yaxes(type="log", title=f"seconds, {which}", tickformat="~s")
    return ready(over_context(figure))


def _decoding(cells: Sequence[Cell]) -> Section:
    section = Section()
    kinds: dict[tuple[bool, int], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault((cell.settings["stack_bytes"] > 0, cell.settings["batch_size"]), []).append(cell)
    for (stack, batch_size), of_kind in sorted(kinds.items()):
        rows = most_lengths(of_kind).values["rows"]
        words = "1 sequence" if batch_size == 1 else f"{exact(batch_size)} sequences"
        words += ", layers of a stack in turn" if stack else ", one layer"
        section.tables[words] = _decoding_speeds(rows)
        if stack:  # few lengths
            continue
        figure = go.Figure()
        for name in dict.fromkeys(row["arrangement"] for row in rows):
            of_name = [(row["seq_len"], row["tokens_per_s"]) for row in rows if row["arrangement"] == name]
            _line(figure, name, of_name, "%{y:.3s} tokens a second behind %{x:,}")
        figure.update_yaxes(type="log", title=f"tokens a second, {words}", tickformat="~s")
        section.figures[f"figure-decoding-{batch_size}"] = ready(over_context(figure))
    return section


def _decoding_speeds(rows: Sequence[dict[str, Any]]) -> Table:
    heads = [
        "arrangement",
        "context",
        "layers",
        "cache of a layer",
        "tokens a second",
        "times faster than MHA",
        "noise",
        "verdict",
    ]
    texts = []
    for row in rows:
        against = [times_faster(row["ratio"]), _noise(row), row["verdict"]] if row["to"] == "MHA" else [""] * 3
        texts.append(
            [
                row["arrangement"],
                exact(row["seq_len"]),
                exact(row["layers"]),
                short_bytes(row["cache_bytes"]),
                f"{row['tokens_per_s']['mid']:,.0f}",
                *against,
                f"{row['share_of_reading']['mid']:.2f}",
            ]
        )
    return Table([*heads, "share of reading"], texts)


def _throughput(cells: Sequence[Cell]) -> Section:
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        reference = cell.values["exact"]["models"][0]["name"]
        groups.setdefault((cell.settings["models"], reference), []).append(cell)
    most = [max(group, key=lambda cell: (len(cell.settings["specs"]), cell.created)) for group in groups.values()]
    return Section(tables={_models_in_words(cell): _models(cell) for cell in sorted(most, key=_kind)})


def _kind(cell: Cell) -> tuple[int, str]:
    return ["matched", "whole", "block"].index(cell.settings["models"]), cell.values["exact"]["models"][0]["name"]


def _models_in_words(cell: Cell) -> str:
    settings, models = cell.settings, cell.values["exact"]["models"]
    words = {"whole": f"{models[0]['name']} at full size", "block": "One layer at full size"}.get(settings["models"])
    if words is None:
        wanted = settings["size"]["params"]
        off = max(abs(model["params"] / wanted - 1) for model in models)
        words = f"Models of {short(wanted)} parameters, within {off:.2%}"
    return (
        f"{words}: a prefill of {exact(settings['seq_len'])} tokens and {settings['new_tokens']} tokens behind it, "
        f"{settings['dtype']}, {cell.values['conditions']['device']}"
    )


def _models(cell: Cell) -> Table:
    models = cell.values["exact"]["models"]
    of = {(row["model"], row["phase"]): row for row in cell.values["rows"]}
    against = [f"times faster than {models[0]['name']}", "noise", "verdict"] if len(models) > 1 else []
    heads = ["model", "stands also for", "parameters"]
    for phase, share in (("prefill", "share of peak"), ("decoding", "share of reading")):
        heads += [f"{phase}, tokens a second", *against, share]
    texts = [
        [
            model["name"],
            ", ".join(model["stands_for"][1:]),
            exact(model["params"]),
            *_speed(of[model["name"], "prefill"], len(against)),
            *_speed(of[model["name"], "decode"], len(against)),
            *(short_bytes(model[f"{what}_bytes"]) for what in ("weight", "cache", "peak")),
        ]
        for model in models
    ]
    return Table([*heads, "weights", "cache", "peak memory"], texts, words=2)


def _speed(row: dict[str, Any], against: int) -> list[str]:
    """Tokens a second, as many cells on what it is compared with as there are heads for them, and the share."""
    compared = [times_faster(row["ratio"]), _noise(row), row["verdict"]]
    if row["to"] in ("matrix product", "read"):
        compared = [""] * 3
    tokens = row["tokens_per_s"]
    interval = f"{tokens['mid']:,.0f} ({tokens['low']:,.0f} to {tokens['high']:,.0f})"
    return [interval, *compared[:against], f"{row['share']['mid']:.2f}"]


def _norms(cells: Sequence[Cell]) -> Section:
    rows = [(cell.settings["dtype"], row) for cell in most_shapes(cells) for row in cell.values["rows"]]
    return Section(tables={"verdicts": _norm_verdicts(rows), "pairs": _norm_pairs(rows)})


def most_shapes(cells: Sequence[Cell]) -> list[Cell]:
    """Of each implementation and number format the result of the most shapes."""
    most: dict[tuple[int, str], Cell] = {}
    for cell in sorted(cells, key=lambda cell: (len(cell.settings["shapes"]), cell.created)):
        most[_order(cell)] = cell
    return [cell for _, cell in sorted(most.items())]


def _norm_verdicts(rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    """What the claim comes to for each pairing, over the shapes that were timed."""
    heads = ["compared", "numbers", "pass", "shapes", "time, RMSNorm / LayerNorm", "faster", "slower", "no difference"]
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for dtype, row in rows:
        groups.setdefault((f"{row['of']} / {row['to']}", dtype, row["pass"]), []).append(row)
    texts = []
    for key, of_key in groups.items():
        ratios = [row["ratio"]["mid"] for row in of_key]
        verdicts = [row["verdict"] for row in of_key]
        counts = [str(verdicts.count(word)) for word in ("faster", "slower", "no significant difference")]
        claims = [claim(row) for row in of_key]
        said = ", ".join(f"{word} in {claims.count(word)}" for word in dict.fromkeys(claims))
        texts.append([*key, str(len(of_key)), f"{min(ratios):.2f} to {max(ratios):.2f}", *counts, said])
    return Table([*heads, "7 % to 64 % less time"], texts, words=2)


def _norm_pairs(rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    heads = ["compared", "numbers", "tokens", "width", "pass", "time, RMSNorm / LayerNorm", "noise", "verdict", "claim"]
    texts = [
        [
            f"{row['of']} / {row['to']}",
            dtype,
            exact(row["tokens"]),
            exact(row["width"]),
            row["pass"],
            between(row["ratio"]),
            _noise(row),
            row["verdict"],
            claim(row),
            ", ".join(f"{share['mid']:.2f}" for share in row.get("share_of_copy", {}).values()),
        ]
        for dtype, row in rows
    ]
    return Table([*heads, "share of copying"], texts, words=2)


def _order(cell: Cell) -> tuple[int, str]:
    return ["textbook", "native", "compiled", "model"].index(cell.settings["implementation"]), cell.settings["dtype"]


def claim(row: dict[str, Any]) -> str:
    """Whether RMSNorm saves as much time as it is said to: decided where the interval lies on one side."""
    if row["verdict"] == "no significant difference":
        return "not seen"
    if row["verdict"] == "slower":
        return "contradicted"
    least, most = (1 - share for share in reversed(CLAIMED_LESS))
    low, high = row["ratio"]["low"], row["ratio"]["high"]
    if least <= low and high <= most:
        return "as claimed"
    return "another saving" if high < least or low > most else "undecided"


def _line(figure: go.Figure, name: str, points: Sequence[tuple[int, Interval]], hover: str) -> None:
    """One candidate over the length, with its intervals."""
    figure.add_scatter(
        x=[n for n, _ in points],
        y=[rounded(value["mid"]) for _, value in points],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [rounded(value["high"] - value["mid"]) for _, value in points],
            "arrayminus": [rounded(value["mid"] - value["low"]) for _, value in points],
            "thickness": 1,
            "width": 2,
        },
        name=name,
        hovertemplate=hover,
    )


def ready(figure: go.Figure) -> Any:
    """The figure as JSON, with all its traces whatever models a reader chose."""
    figure.update_layout(meta={"chosen": "all"}, template=None)
    return json.loads(figure.to_json())


def rounded(value: float) -> float:
    """Four digits: a page holds many figures."""
    return float(f"{value:.4g}")


def _time(seconds: float) -> str:
    return f"{short(_microseconds(seconds))} µs" if seconds < 1e-3 else f"{seconds * 1e3:,.3g} ms"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)


def _words(pattern: str) -> str:
    return pattern.replace("_", "-")
