"""`harness list`."""

from __future__ import annotations

from typing import Any

from harness.choices.mixers import called
from harness.cli.output import Format, Json, binary, print_data, print_table, short
from harness.metrics.kv_cache import constant_bytes, kv_cache_bytes_per_token
from harness.metrics.params import active_params, params
from harness.spec.library import load_spec, spec_names
from harness.spec.model import Spec


def list_specs(json: Json = False, form: Format = "table") -> None:
    """All specs that come with the program, with their sizes."""
    rows = [_row(load_spec(name)) for name in spec_names()]
    form = "json" if json else form
    if print_data(rows, form, rows):
        return
    print_table(
        f"{len(rows)} specs",
        [
            "name",
            "family",
            "provenance",
            "mixer",
            "parameters",
            "active",
            "cache / token, fp16",
            "state",
            "max length",
        ],
        [
            (
                r["name"],
                r["family"],
                r["provenance"],
                r["attention"],
                short(r["params"]),
                short(r["active_params"]) if r["active_params"] != r["params"] else "",
                binary(r["kv_cache_bytes_per_token"]),
                binary(r["constant_bytes"]) if r["constant_bytes"] else "",
                r["max_seq_len"],
            )
            for r in rows
        ],
        left=4,
        form=form,
    )


def _row(spec: Spec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "family": spec.family,
        "provenance": spec.provenance,
        "released": spec.released,
        "attention": " / ".join(
            dict.fromkeys(called(layer.mixer.kind, layer.mixer.heads(spec.dims)) for layer, _ in spec.counted_layers)
        ),
        "params": params(spec),
        "active_params": active_params(spec),
        "kv_cache_bytes_per_token": kv_cache_bytes_per_token(spec),
        "constant_bytes": constant_bytes(spec),
        "max_seq_len": spec.dims.max_seq_len,
        "hash": spec.hash,
    }
