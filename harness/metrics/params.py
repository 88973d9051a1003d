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
        "mixer": layer.mixer.params(dims),
        "mlp": layer.experts.params(dims, layer),
        "norm": layer.residual.norms(layer) * layer.norm.params(dims) + layer.mixer.norm_params(layer.norm, dims),
    }


def params_breakdown(spec: Spec) -> dict[str, int]:
    """Parameters of the whole model by component: embedding, position, mixer, mlp, norm, head.

    Matrices that are shared are counted once: a tied head has none. Buffers, such as rotary tables, are none.
    """
    model = spec.choices
    total = {
        "embedding": model.embedding.params(spec.dims),
        "position": model.position.params(spec.dims),
        "mixer": 0,
        "mlp": 0,
        "norm": (model.embedding.norms + model.residual.final_norms) * model.norm.params(spec.dims),
        "head": model.head.params(spec.dims),
    }
    for layer, count in spec.counted_layers:
        for component, size in layer_params(spec.dims, layer).items():
            total[component] += count * size
    return total


def params(spec: Spec) -> int:
    """Trainable parameters of the whole model, in scalars. See `params_breakdown`."""
    return sum(params_breakdown(spec).values())


def active_params(spec: Spec) -> int:
    """Parameters that one token uses: of experts those that it is routed to, of all else every one."""
    idle = sum(
        count * (layer.experts.params(spec.dims, layer) - layer.experts.active_params(spec.dims, layer))
        for layer, count in spec.counted_layers
    )
    return params(spec) - idle


def non_embedding_params(spec: Spec) -> int:
    """Parameters without the tables of tokens and positions and without the head."""
    breakdown = params_breakdown(spec)
    return sum(size for component, size in breakdown.items() if component not in ("embedding", "position", "head"))


def active_non_embedding_params(spec: Spec) -> int:
    """Parameters that one token uses, without the tables of tokens and positions and without the head."""
    return active_params(spec) - params(spec) + non_embedding_params(spec)


def mtp_params(spec: Spec) -> int:
    """Parameters of the modules of multi-token prediction, without token table and head, which are the model's own."""
    last = spec.layer(spec.dims.num_layers - 1)
    model = spec.choices.mtp
    return model.params(spec.dims, last) + model.depth * sum(layer_params(spec.dims, last).values())


@metrics.register("params")
class Params(Metric):
    """Total, breakdown and layers; every part equal to that of the full-size model on the meta device."""

    version = 2

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
            **self._beside(spec),
            "active": active_params(spec),
            "non_embedding": non_embedding_params(spec),
            "breakdown": breakdown,
            "layers": {name: layer_params(spec.dims, spec.blocks[name]) for name in spec.block_counts},
            "layer_counts": spec.block_counts,
            "checked": {"modules on the meta device": sum(counted.values())},
        }

    def _beside(self, spec: Spec) -> dict[str, int]:
        """What multi-token prediction adds in training, where a model has it."""
        from harness.counters import parameter_count
        from harness.factory import build

        formula = mtp_params(spec)
        counted = parameter_count(build(spec, device="meta", mtp=True))["mtp"] if formula else 0
        if formula != counted:
            raise CountMismatchError(
                f"{spec.name}: multi-token prediction has {formula:,} parameters by formula and {counted:,} built"
            )
        return {"mtp": formula} if formula else {}
