"""What families with experts share: which layers have them, and what their tensors are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document
from harness.checkpoints.layout import Form, Shape, Templates

EXPERT = "layers.{i}.mlp.experts."


def with_experts(document: Document, experts: dict[str, Any], width: int, sparse: Sequence[bool]) -> Document:
    """The document with experts of this width in some layers.

    Args:
        document: of a model without; the MLP that it has is that of the other layers.
        experts: options of `top_k`, without the kind.
        width: the intermediate size of an expert.
        sparse: whether a layer has experts, one a layer.
    """
    choice = {"kind": "top_k", **experts}
    mlp = {**document["choices"]["mlp"], "intermediate_size": width}
    if all(sparse):
        return {**document, "choices": {**document["choices"], "mlp": mlp, "experts": choice}}
    layers: list[str] = document.get("layers") or [""] * len(sparse)
    before: dict[str, dict[str, Any]] = document.get("blocks") or {"": {}}
    blocks, names = {}, []
    for depth, has_experts in enumerate(sparse):
        name = layers[depth % len(layers)]
        own = before[name]
        kind = "moe" if has_experts else "dense"
        names.append(f"{name}_{kind}" if name else kind)
        blocks[names[-1]] = {**own, "mlp": mlp, "experts": choice} if has_experts else own
    return {**document, "blocks": blocks, "layers": names}


def behind_the_first(config: Config, count: int) -> list[bool]:
    """Whether a layer has experts, where the first `first_k_dense_replace` have none."""
    first = config.take("first_k_dense_replace", default=0)
    return [layer >= first for layer in range(count)]


def by_kinds(config: Config, count: int, first: int = 1) -> list[bool]:
    """The same, where a list says which layers are `dense` and which `sparse`; without it the first are dense."""
    assumed = ["dense" if layer < first else "sparse" for layer in range(count)]
    kinds = config.take("mlp_layer_types", default=assumed)
    if set(kinds) - {"dense", "sparse"} or len(kinds) != count:
        config.refuse("mlp_layer_types", kinds, f"expected {count} of dense, sparse")
    return [kind == "sparse" for kind in kinds]


def every_few(config: Config, count: int) -> list[bool]:
    """The same, where each `decoder_sparse_step`-th layer has experts unless `mlp_only_layers` names it."""
    step, without = config.take("decoder_sparse_step", default=1), config.take("mlp_only_layers", default=[])
    return [layer not in without and (layer + 1) % step == 0 for layer in range(count)]


def grouped(config: Config) -> dict[str, Any]:
    """The groups that a token chooses experts from by the best two of each; none where there is one."""
    groups, chosen = config.take("n_group", default=1), config.take("topk_group", default=1)
    if groups == 1:
        return {}
    return {"groups": groups, "groups_per_token": chosen, "group_score": "best_two"}


def corrected(config: Config, *, normalised: bool) -> dict[str, Any]:
    """Sigmoids with a correction, as DeepSeek-V3 has them: fields that several families share.

    Args:
        config: of the release.
        normalised: what is assumed where the config does not say.
    """
    shared = config.take("n_shared_experts", "num_shared_experts", default=None)
    width = config.take("moe_intermediate_size")
    return {
        "num_experts": config.take("n_routed_experts", "num_experts"),
        "experts_per_token": config.take("num_experts_per_tok"),
        "score": "sigmoid",
        "normalised": config.take("norm_topk_prob", default=normalised),
        "scale": config.take("routed_scaling_factor", "router_scaling_factor", default=1.0, of=float),
        "correction": True,
        **grouped(config),
        **({"shared_size": shared * width} if shared else {}),
    }


def expert_names(
    *,
    stem: str = "mlp",
    projections: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    router: str = "gate",
    shared: str = "shared_experts",
    correction: str = "gate.e_score_correction_bias",
) -> dict[str, str | tuple[tuple[str, ...], Form]]:
    """Names of the tensors of layers with experts, where a release has one for each expert.

    Args:
        stem: what the whole is called in a layer.
        projections: what gate, up and down are called in an expert, and in what is shared.
        router: what the router is called.
        shared: what every token goes through.
        correction: of the scores.
    """
    layer = f"model.layers.{{i}}.{stem}."
    names: dict[str, str | tuple[tuple[str, ...], Form]] = {
        f"{layer}{router}.weight": "layers.{i}.mlp.router.weight",
        f"{layer}{correction}": "layers.{i}.mlp.correction",
        f"{layer}shared_expert_gate.weight": "layers.{i}.mlp.shared_gate.weight",
    }
    for own, released in zip(("gate", "up", "down"), projections, strict=True):
        names[f"{layer}experts.{{e}}.{released}.weight"] = f"{EXPERT}{own}.weight[{{e}}]"
        names[f"{layer}{shared}.{released}.weight"] = f"layers.{{i}}.mlp.shared.{own}.weight"
    return names


class StackedInside(Form):
    """Several stacks of matrices, [E, rows, in], with those of an expert one below the other."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Cut the rows of each."""
        return list(released.split([shape[1] for shape in shapes], dim=1))

    def to_release(self, own: Sequence[Any]) -> Any:
        """Join the rows of each."""
        import torch

        return torch.cat(list(own), dim=1)


class StackedInsideTransposed(StackedInside):
    """The same, stored [E, in, rows]."""

    def to_model(self, released: Any, shapes: Sequence[Shape]) -> list[Any]:
        """Swap the last two dimensions, and cut the rows of each."""
        return super().to_model(released.transpose(1, 2), shapes)

    def to_release(self, own: Sequence[Any]) -> Any:
        """Join the rows of each, and swap the last two dimensions."""
        return super().to_release(own).transpose(1, 2)


GATE_AND_UP_INSIDE: Templates = {
    "model.layers.{i}.block_sparse_moe.input_linear.weight": (
        (f"{EXPERT}gate.weight", f"{EXPERT}up.weight"),
        StackedInside(),
    ),
    "model.layers.{i}.block_sparse_moe.output_linear.weight": f"{EXPERT}down.weight",
    "model.layers.{i}.block_sparse_moe.router.layer.weight": "layers.{i}.mlp.router.weight",
}
"""Granite's names."""
