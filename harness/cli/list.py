"""`harness list`."""

from __future__ import annotations

from typing import Any

from harness.choices.mixers import sharing
from harness.cli.output import Json, binary, print_json, print_table, short
from harness.metrics.kv_cache import kv_cache_bytes_per_token
from harness.metrics.params import params
from harness.spec.library import load_spec, spec_names
from harness.spec.model import Spec


def list_specs(json: Json = False) -> None:
    """All specs that come with the program, with their sizes."""
    rows = [_row(load_spec(name)) for name in spec_names()]
    if json:
        print_json(rows)
        return
    print_table(
        f"{len(rows)} specs",
        ["name", "family", "provenance", "attention", "parameters", "KV cache / token (fp16)", "max length"],
        [
            (
                r["name"],
                r["family"],
                r["provenance"],
                r["attention"],
                short(r["params"]),
                binary(r["kv_cache_bytes_per_token"]),
                r["max_seq_len"],
            )
            for r in rows
        ],
        left=4,
    )


def _row(spec: Spec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "family": spec.family,
        "provenance": spec.provenance,
        "released": spec.released,
        "attention": " / ".join(
            dict.fromkeys(sharing(heads["query"], heads["key_value"]) for heads in spec.architecture["heads"].values())
        ),
        "params": params(spec),
        "kv_cache_bytes_per_token": kv_cache_bytes_per_token(spec),
        "max_seq_len": spec.dims.max_seq_len,
        "hash": spec.hash,
    }
