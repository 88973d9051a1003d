"""The report as one page: tables, figures, the library that draws them and all data in one file, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import lzma
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from harness.cells import Cell
from harness.report.figures import COMPONENT_COLOURS, FAMILY_COLOURS, figures
from harness.report.frames import PHASES, SHOWN, Model, problems_frame
from harness.report.lineage import lineage
from harness.report.masks import CONTEXT, TOKENS, masks
from harness.report.notes import Judged, judged
from harness.report.origin import origin
from harness.report.sections.learning import METRICS as LEARNED
from harness.report.sections.learning import learning
from harness.report.sections.measured import measured
from harness.report.sections.recall import recall
from harness.report.sections.stability import stability
from harness.report.sheets import FIGURES, sheets
from harness.report.short import findings, not_measured
from harness.report.tables import COLUMNS, claims_table, models_table
from harness.report.verdicts import VERDICTS
from harness.spec.model import PROVENANCES

SCRIPTS = (
    "lzma.js",
    "core.js",
    "costs.js",
    "block.js",
    "table.js",
    "notes.js",
    "compare.js",
    "exports.js",
    "sheet.js",
    "figures.js",
    "start.js",
)

MOST_LINES = 8
"""Models in figures before a reader asks for more: as many as have a colour of their own."""

DIGITS = "".join(map(chr, range(32, 127))).replace("<", "")

LZMA = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "lc": 3, "lp": 0, "pb": 0}]
"""How data and library are packed; `lzma.js` reads just this. A fifth less than gzip makes."""

METHODS = (
    ("parameters", "sum of what each choice states, by component", "params"),
    ("FLOPs", "closed form in the length; see the conventions", "flops"),
    ("KV cache", "keys and values that later queries can still see", "kv_cache"),
    ("visible pairs", "closed form of each pattern", "attention_pairs"),
    ("published figures", "the computed figure, rounded to the digits that the source means", "claims"),
)


def html(cells: Sequence[Cell], models: Sequence[Model], baseline: str) -> str:
    """The whole page.

    Args:
        cells: all stored results.
        models: the same, one a spec, in the order of the tables.
        baseline: name of the model that others are compared with at first.
    """
    first = next(model for model in models if model.name == baseline)
    length = common_length(first)
    claims = claims_table(models)
    noted = judged(cells, models)
    notes = by_verdict(noted)
    timed, learned, stable, recalled = measured(cells), learning(models), stability(cells), recall(cells)
    shown = [*(section for devices in timed.values() for section in devices.values()), *learned.values()]
    shown += [section for section in (stable, recalled) if section]
    families = list(dict.fromkeys(model.family for model in models))
    data = {
        "models": sheets(models),
        "figures": figures(models) | {place: made for section in shown for place, made in section.figures.items()},
        "labels": FIGURES,
        "claims": [asdict(claim) for claim in claims],
        "families": families,
        "palette": FAMILY_COLOURS,
        "provenances": PROVENANCES,
        "baseline": baseline,
        "context": length,
        "defaults": defaults(models, baseline),
    }
    page: str = _template().render(
        _code(),
        head=_head(cells, models, [claim.agrees for claim in claims]),
        verdicts=VERDICTS,
        families=families,
        provenances=PROVENANCES,
        columns=COLUMNS,
        groups=[(group, len(list(columns))) for group, columns in groupby(COLUMNS, key=lambda column: column.group)],
        rows=models_table(models, length),
        length=length,
        components=COMPONENT_COLOURS,
        claims=claims,
        notes=notes,
        findings=findings(cells, models, first, learned, stable, notes),
        unmeasured=not_measured(cells),
        baseline=first.record.title,
        lineage=lineage(models),
        masks=masks(models),
        mask_tokens=TOKENS,
        mask_context=CONTEXT,
        measured=timed,
        learning=learned,
        stability=stable,
        recall=recalled,
        problems=problems_frame(models).to_dict("records"),
        methods=[{"figure": figure, "how": how, "check": _check(models, metric)} for figure, how, metric in METHODS],
        environments=_environments(cells),
        mixtures=mixtures(cells),
        data=packed(json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
    )
    return page


def common_length(baseline: Model) -> int:
    """The context that costs are of at first: the longest of the baseline that others have too, a power of two."""
    return max((n for n in baseline.costs() if n & (n - 1) == 0), default=baseline.max_length)


def defaults(models: Sequence[Model], baseline: str) -> list[str]:
    """The models that figures show at first: the baseline, and one each of the families with the most models.

    That is the one nearest to the baseline's size. Variants and descriptions do not stand for their family unless it
    has nothing else.
    """
    sizes = {model.name: (model.values("params") or {}).get("total", 1) for model in models}
    families = [list(group) for _, group in groupby(models, key=lambda model: model.family)]
    families.sort(key=lambda family: (baseline not in (model.name for model in family), -len(family)))
    picked = set()
    for family in families[:MOST_LINES]:
        originals = [model for model in family if model.record.provenance not in ("variant", "documented")]
        nearest = min(originals or family, key=lambda model: abs(math.log(sizes[model.name] / sizes[baseline])))
        picked.add(baseline if baseline in (model.name for model in family) else nearest.name)
    return [model.name for model in models if model.name in picked]


def _head(cells: Sequence[Cell], models: Sequence[Model], agree: Sequence[bool]) -> dict[str, Any]:
    newest = date.fromisoformat(max(cell.created for cell in cells)[:10])
    kept = [cell for model in models for cell in model.cells.values()]
    return {
        "models": len(models),
        "families": len({model.family for model in models}),
        "results": len(cells),
        "origin": origin(),
        "date": newest.isoformat(),
        "date_in_words": f"{newest.day} {newest:%B %Y}",
        "agree": sum(agree),
        "differ": len(agree) - sum(agree),
        "machine": _processors(cells),
        "not_shown": sorted({cell.metric for cell in kept if cell.metric not in (*SHOWN, *LEARNED, "behaviour")}),
    }


def by_verdict(noted: Sequence[Judged]) -> dict[str, list[Judged]]:
    """The claims of the notes by verdict, in the order in which these are shown; those that none has are left out."""
    groups = {verdict: [each for each in noted if each.verdict == verdict] for verdict in VERDICTS}
    return {verdict: group for verdict, group in groups.items() if group}


def _check(models: Sequence[Model], metric: str) -> str:
    """What the stored results say that they were held against."""
    checked = [found for model in models if (found := (model.values(metric) or {}).get("checked"))]
    if not checked:
        return "n/a"
    against = {"kv_cache": {"the tensors of a filled cache"}, "attention_pairs": {"masks, added up"}}
    if metric == "params":
        counters = {counter for counts in checked for counter in counts}
    elif metric == "flops":
        phases = {(name, row["phase"]) for rows in checked for row in rows for name in row["counters"]}
        names = {name for name, _ in phases}
        counters = {f"{name} ({', '.join(p for p in PHASES if (name, p) in phases)})" for name in names}
    else:
        counters = against[metric]
    return f"{', '.join(sorted(counters))}; in {len(checked)} of {len(models)} models"


def mixtures(cells: Sequence[Cell]) -> list[str]:
    """A warning for each metric whose trained or timed results come from several processors or sets of kernels.

    Exact figures are the same everywhere; these are not, and what differs between two specs may be the machine.
    """
    found: dict[str, Counter[str]] = {}
    for cell in cells:
        if cell.metric not in (*SHOWN, "behaviour"):
            hardware = cell.environment["hardware"]
            where = f"{hardware['processor']} by kernels {hardware.get('kernels', 'unknown')}"
            found.setdefault(cell.metric, Counter())[where] += 1
    return [
        f"Results of {metric} come from several machines and are not one comparison: "
        + "; ".join(f"{count} from {where}" for where, count in sorted(machines.items()))
        + "."
        for metric, machines in sorted(found.items())
        if len(machines) > 1
    ]


def _environments(cells: Sequence[Cell]) -> list[str]:
    """Each set of packages and hardware, with how many results were made with it, most of them first."""
    counts = Counter(map(_environment, cells))
    return [f"{count} results: {line}" for line, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _processors(cells: Sequence[Cell]) -> str:
    """The processors that results come from, the one of most results first."""
    counts = Counter(cell.environment["hardware"]["processor"] for cell in cells)
    return ", ".join(name for name, _ in counts.most_common())


def _environment(cell: Cell) -> str:
    told = {**cell.environment["packages"], **cell.environment["hardware"]}
    return ", ".join(f"{key} {value}" for key, value in told.items())


def packed(text: str) -> Markup:
    """Text as LZMA in base 94, as `unpack` of the scripts reads it: 9 bytes in 11 characters, where base 64 takes 12.

    The digits are all printable characters of ASCII but `<`, so that nothing can end the element that holds them.
    Before them stands how many bytes the text has: there the reader stops, before the zeros that fill the last block.
    """
    whole = text.encode()
    squeezed = lzma.compress(whole, lzma.FORMAT_RAW, filters=LZMA)
    digits: list[str] = []
    for start in range(0, len(squeezed), 9):
        number = int.from_bytes(squeezed[start : start + 9].ljust(9, b"\0"))
        block = []
        for _ in range(11):
            number, digit = divmod(number, 94)
            block.append(DIGITS[digit])
        digits += reversed(block)
    return Markup(f"{len(whole)}:{''.join(digits)}")


@cache
def _template() -> Any:
    loader = PackageLoader("harness.report", "assets")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html.j2")


@cache
def _code() -> dict[str, Any]:
    """Styles, scripts and the policy that allows these scripts alone, by their hashes."""
    script = f'"use strict";(() => {{\n{"".join(_asset(name) for name in SCRIPTS)}}})();'
    early, library = _asset("early.js"), get_plotlyjs()
    hashes = " ".join(f"'sha256-{_sha256(code)}'" for code in (early, script, library))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    return {
        "style": Markup(_asset("style.css")),
        "early": Markup(early),
        "script": Markup(script),
        "plotly": packed(library),
        "policy": policy,
    }


def _asset(name: str) -> str:
    return (files("harness.report") / "assets" / name).read_text(encoding="utf-8")


def _sha256(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
