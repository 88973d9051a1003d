"""`harness show`: the fact sheet of one spec."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.checkpoints import given
from harness.cli import completion
from harness.cli.output import Form, Format, Json, binary, console, print_data, print_table
from harness.metrics.attention_pairs import visible_pairs
from harness.metrics.flops import flops_table
from harness.metrics.kv_cache import (
    BUDGETS_GB,
    constant_bytes,
    kv_cache_bytes,
    kv_cache_bytes_per_token,
    longest_context,
)
from harness.metrics.params import (
    active_params,
    layer_params,
    mtp_params,
    non_embedding_params,
    params,
    params_breakdown,
)
from harness.spec.diff import flattened, worded
from harness.spec.model import PROVENANCES, Spec

Name = Annotated[
    str,
    typer.Argument(
        help="Name of a spec, or path to one in .yaml, to a config.json, its folder, or a file in GGUF.",
        autocompletion=completion.specs,
    ),
]
SeqLen = Annotated[int | None, typer.Option(min=1, help="Tokens of a sequence; left out, the longest of the model.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Sequences in a batch.")]


def show(
    name: Name, json: Json = False, form: Format = "table", seq_len: SeqLen = None, batch_size: BatchSize = 1
) -> None:
    """Choices, sizes and costs of one spec, in closed form."""
    spec = given.load(name)
    sheet = fact_sheet(spec, seq_len or spec.dims.max_seq_len, batch_size)
    form = "json" if json else form
    if not print_data(sheet, form):
        _print(spec, sheet, form)


def fact_sheet(spec: Spec, seq_len: int, batch_size: int) -> dict[str, Any]:
    """All that the closed forms say of a spec, ready for JSON."""
    return {
        "name": spec.name,
        "title": spec.title,
        "family": spec.family,
        "provenance": spec.provenance,
        "about": spec.about,
        "released": spec.released,
        "training": list(spec.training),
        "sources": {key: {"title": source.title, "url": source.url} for key, source in spec.sources.items()},
        "hash": spec.hash,
        "architecture": spec.architecture,
        "params": params(spec),
        "active_params": active_params(spec),
        "non_embedding_params": non_embedding_params(spec),
        "params_breakdown": params_breakdown(spec),
        "mtp_params": mtp_params(spec),
        "params_per_layer": {block: layer_params(spec.dims, spec.blocks[block]) for block in spec.block_counts},
        "layer_counts": spec.block_counts,
        "kv_cache_bytes_per_token": kv_cache_bytes_per_token(spec),
        "constant_bytes": constant_bytes(spec),
        "seq_len": seq_len,
        "length_limit": spec.choices.position.length_limit(spec.dims),
        "batch_size": batch_size,
        "kv_cache_bytes": kv_cache_bytes(spec, seq_len, batch_size),
        "kv_cache_bytes_of_next_token": (  # nothing where every layer drops a key for it
            kv_cache_bytes(spec, seq_len + 1, batch_size) - kv_cache_bytes(spec, seq_len, batch_size)
        ),
        "visible_pairs": visible_pairs(spec, seq_len),
        "flops": flops_table(spec, seq_len, batch_size),
        "longest_context": [
            {"budget_gb": gb, "weights": dtype, "tokens": longest_context(spec, gb * 10**9, weights=dtype)}
            for gb in BUDGETS_GB
            for dtype in ("fp16", "int8", "int4")
        ],
    }


def _print(spec: Spec, sheet: dict[str, Any], form: Form) -> None:
    out = console(form=form)
    out.print(f"{spec.title} ({spec.name})", style="bold", markup=False)
    out.print(
        f"{spec.family}, {spec.released or 'no date'}; {spec.provenance}: {PROVENANCES[spec.provenance]}", markup=False
    )
    if spec.about:
        out.print(spec.about, markup=False)
    for stage in spec.training:
        out.print(f"  trained by {stage}", markup=False)
    flat = flattened(spec.architecture)
    choices = [(key, worded(key, flat)) for key in flat]
    print_table("Choices", ["choice", "value"], choices, left=2, form=form)
    total = sheet["params"]
    rows = [(part, f"{size:,}", f"{size / total:.1%}") for part, size in sheet["params_breakdown"].items()]
    rows.append(("total", f"{total:,}", ""))
    if (active := sheet["active_params"]) != total:
        rows.append(("used by a token", f"{active:,}", f"{active / total:.1%}"))
    if further := sheet["mtp_params"]:
        rows.append(("beside, for multi-token prediction", f"{further:,}", ""))
    print_table("Parameters", ["component", "scalars", "share"], rows, form=form)
    print_table(
        f"FLOPs of {sheet['batch_size']} x {sheet['seq_len']} tokens (2 a multiply-add, matrix products only)",
        ["phase", "full: all pairs", "causal: visible pairs"],
        [(phase, f"{row['full']:,}", f"{row['causal']:,}") for phase, row in sheet["flops"].items()],
        form=form,
    )
    print_table(
        "Kept of a sequence, fp16",
        ["what", "bytes", ""],
        [
            *(
                [("from the start", f"{sheet['constant_bytes']:,}", binary(sheet["constant_bytes"]))]
                if sheet["constant_bytes"]
                else []
            ),
            (
                "one more token",
                f"{sheet['kv_cache_bytes_of_next_token']:,}",
                binary(sheet["kv_cache_bytes_of_next_token"]),
            ),
            (
                f"{sheet['batch_size']} x {sheet['seq_len']} tokens",
                f"{sheet['kv_cache_bytes']:,}",
                binary(sheet["kv_cache_bytes"]),
            ),
        ],
        form=form,
    )
    _print_contexts(sheet, form)
    limit = sheet["length_limit"]
    if limit and sheet["seq_len"] > limit:
        out.print(f"Note: this model has learned positions for {limit} tokens and cannot run {sheet['seq_len']}.")
    for source in spec.sources.values():
        out.print(f"Source: {source.title}, {source.url}", markup=False, soft_wrap=True)


def _print_contexts(sheet: dict[str, Any], form: Form) -> None:
    fits = {(row["budget_gb"], row["weights"]): row["tokens"] for row in sheet["longest_context"]}
    words = {0: "weights do not fit", None: "unbounded"}
    print_table(
        "Longest context beside the weights, fp16 cache, tokens",
        ["memory", "fp16 weights", "int8 weights", "int4 weights"],
        [
            (f"{gb} GB", *(words.get(fits[gb, dtype]) or f"{fits[gb, dtype]:,}" for dtype in ("fp16", "int8", "int4")))
            for gb in BUDGETS_GB
        ],
        form=form,
    )
