"""Trainable parameters: the sum of what the choices state, held against the modules that the factory builds."""

from __future__ import annotations

from typing import Any

from harness.choices.axes import Choices
from harness.choices.base import Dims
from harness.errors import CountMismatchError
from harness.metrics import Metric, metrics
from harness.spec.model import Spec


def layer_params(dims: Dims, layer: Choices) -> dict[str, int]:
    """Parameters of one layer by component."""
    return {
        "attention": layer.attention.params(dims),
        "mlp": layer.mlp.params(dims),
        "norm": (layer.residual.norms_per_block - (not layer.attention.attends)) * layer.norm.params(dims)
        + layer.attention.norm_params(layer.norm, dims),
    }


def params_breakdown(spec: Spec) -> dict[str, int]:
    """Parameters of the whole model by component: embedding, position, attention, mlp, norm, head.

    Matrices that are shared are counted once: a tied head has none. Buffers, such as rotary tables, are none.
    """
    model = spec.choices
    total = {
        "embedding": model.embedding.params(spec.dims),
        "position": model.position.params(spec.dims),
        "attention": 0,
        "mlp": 0,
        "norm": (model.embedding.norms + model.residual.final_norms) * model.norm.params(spec.dims),
        "head": model.head.params(spec.dims),
    }
    for block, count in spec.block_counts.items():
        for component, size in layer_params(spec.dims, spec.blocks[block]).items():
            total[component] += count * size
    return total


def params(spec: Spec) -> int:
    """Trainable parameters of the whole model, in scalars. See `params_breakdown`."""
    return sum(params_breakdown(spec).values())


def non_embedding_params(spec: Spec) -> int:
    """Parameters without the tables of tokens and positions and without the head."""
    breakdown = params_breakdown(spec)
    return sum(size for component, size in breakdown.items() if component not in ("embedding", "position", "head"))


@metrics.register("params")
class Params(Metric):
    """Total, breakdown and layers; every part equal to that of the full-size model on the meta device."""

    version = 1

    def measure(self, spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
        """Count twice, by formula and by module."""
        from harness.counters import parameter_count
        from harness.factory import build

        breakdown = params_breakdown(spec)
        counted = parameter_count(build(spec, device="meta"))
        for component, formula in breakdown.items():
            if formula != counted[component]:
                raise CountMismatchError(
                    f"{spec.name}: {component} has {formula:,} parameters by formula and {counted[component]:,} "
                    "in the modules"
                )
        return {
            "total": params(spec),
            "non_embedding": non_embedding_params(spec),
            "breakdown": breakdown,
            "layers": {name: layer_params(spec.dims, spec.blocks[name]) for name in spec.block_counts},
            "layer_counts": spec.block_counts,
            "checked": {"modules on the meta device": sum(counted.values())},
        }
