"""Every figure of tests/data/published.yaml, to the digit."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.metrics.kv_cache import kv_cache_bytes_per_token
from harness.metrics.params import active_params, layer_params, non_embedding_params, params, params_breakdown
from harness.spec import Spec, load_spec
from tests.conftest import ROOT

PUBLISHED: dict[str, dict[str, Any]] = YAML(typ="safe").load(ROOT / "tests" / "data" / "published.yaml")

COMPUTED = {
    "params": params,
    "active_params": active_params,
    "non_embedding": non_embedding_params,
    "breakdown": params_breakdown,
    "kv_cache_bytes_per_token": kv_cache_bytes_per_token,
    "per_layer": lambda spec: sum(layer_params(spec.dims, spec.layer(0)).values()),
}


@pytest.mark.parametrize(
    ("name", "figure"), [(name, figure) for name, figures in PUBLISHED.items() for figure in figures]
)
def test_a_figure_is_the_published_one(name: str, figure: str) -> None:
    assert COMPUTED[figure](load_spec(name)) == PUBLISHED[name][figure]


@pytest.mark.parametrize("name", [name for name, figures in PUBLISHED.items() if "per_layer" in figures])
def test_layers_that_are_alike_have_the_same_parameters(name: str) -> None:
    spec = load_spec(name)
    each = [sum(layer_params(spec.dims, spec.layer(index)).values()) for index in range(spec.dims.num_layers)]
    assert len(set(each)) == 1
    outside = {"embedding", "position", "head"}
    of_the_model = sum(size for component, size in params_breakdown(spec).items() if component in outside)
    norms = spec.choices.embedding.norms + spec.choices.residual.final_norms
    assert sum(each) + of_the_model + norms * spec.choices.norm.params(spec.dims) == params(spec)


def test_every_released_and_inferred_model_has_its_figures(specs: dict[str, Spec]) -> None:
    known = {name for name, spec in specs.items() if spec.provenance in ("released", "inferred")}
    like_each_other = {"params", "non_embedding", "per_layer", "breakdown", "kv_cache_bytes_per_token"}
    in_parts = {"params", "active_params", "kv_cache_bytes_per_token"}
    assert {name for name, figures in PUBLISHED.items() if set(figures) in (like_each_other, in_parts)} == known


def test_every_documented_model_and_proxy_has_its_count(specs: dict[str, Spec]) -> None:
    assert {name for name, spec in specs.items() if spec.provenance in ("documented", "proxy")} <= set(PUBLISHED)
