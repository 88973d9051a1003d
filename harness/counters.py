"""Counting by running: the modules, two FLOP counters, caches and masks, to hold the closed forms against.

Everything runs on the meta device, so a count of a 175B model takes milliseconds. Layers of one block do the same
work, so a model with one layer of each block is counted.
"""

from __future__ import annotations

import warnings
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry
from torch.utils.module_tracker import ModuleTracker

from harness.choices.patterns import Pattern
from harness.errors import CountMismatchError
from harness.factory import build
from harness.modules.decoder import Decoder
from harness.modules.states import Cache, Room
from harness.spec.model import Spec

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # fvcore compiles a loss with torch.jit while it is imported
    from fvcore.nn import FlopCountAnalysis

NOT_COUNTED = frozenset(
    # Creates, moves or views; no arithmetic.
    "alias arange as_strided cat clone constant_pad_nd copy detach embedding empty empty_like expand flip full "
    "full_like gather index_select mT masked_fill new_empty new_empty_strided new_zeros nonzero ones "
    "ones_like pad permute roll scalar_tensor scatter scatter_add select select_backward slice "
    "slice_backward split split_with_sizes squeeze stack t to_copy transpose tril unbind unflatten "
    "unsafe_view unsqueeze view view_as where zeros zeros_like "
    # Works element by element or reduces each vector: by convention not billed.
    "abs add addcmul and bitwise_and bitwise_not bitwise_or clamp cos div embedding_dense_backward eq exp expm1 floor "
    "floor_divide fused_rms_norm fused_rms_norm_backward ge gelu gelu_backward gt layer_norm le linalg_vector_norm "
    "log log1p logical_and lt max maximum mean mul native_layer_norm native_layer_norm_backward neg or pow reciprocal "
    "relu remainder repeat_interleave rms_norm rsqrt rsub safe_softmax sigmoid sigmoid_backward silu silu_backward "
    "sin softmax softmax_backward_data softplus softplus_backward sqrt square sub sum tanh tanh_backward "
    "threshold_backward "
    # Compares the scores of a token's experts with one another: no multiply-adds.
    "topk".split()
)
"""Operators that cost no FLOPs by the convention of `harness.metrics.flops`; underscores at either end are left off.
Any other must be known to a counter."""


def parameter_count(model: Decoder) -> dict[str, int]:
    """Parameters of a built model by component, each shared one once; `mtp` where it is built with that."""
    total: Tally[str] = Tally(embedding=0, position=0, mixer=0, mlp=0, norm=0, head=0)
    for name, parameter in model.named_parameters():
        total[_component(name.split("."))] += parameter.numel()
    return dict(total)


def _component(path: list[str]) -> str:
    if path[0] == "mtp":
        return "mtp"
    if any("norm" in step for step in path):
        return "norm"
    if path[0] == "layers":
        return path[2]
    return {"positions": "position"}.get(path[0], path[0])


def one_of_each(spec: Spec) -> Spec:
    """The spec with one layer of each of its blocks, in order of first use."""
    blocks = tuple(spec.block_counts)
    return replace(spec, dims=spec.dims.model_copy(update={"num_layers": len(blocks)}), layers=blocks)


@dataclass(frozen=True)
class Counter:
    """A way to count the FLOPs of a call, by the path of the module that spends them; "" is the whole model.

    Attributes:
        phases: those of `harness.metrics.flops.PHASES` that it can count.
    """

    name: str
    phases: tuple[str, ...]
    count: Callable[[nn.Module, Tensor, str, Cache | None], Mapping[str, int]]


def counted_flops(counter: Counter, spec: Spec, phase: str, seq_len: int, batch_size: int) -> dict[str, dict[str, int]]:
    """What `harness.metrics.flops.flops_breakdown` gives for causal=False, counted.

    Raises:
        CountMismatchError: an operator is unknown, or FLOPs are spent outside embedding, mixer, MLP and head.
    """
    small = one_of_each(spec)
    model = build(small, device="meta")
    cache = filled_cache(model, seq_len - 1, batch_size) if phase == "decode" else None
    tokens = torch.empty(batch_size, 1 if phase == "decode" else seq_len, dtype=torch.long, device="meta")
    try:
        counts = counter.count(model, tokens, phase, cache)
    except CountMismatchError as error:
        raise CountMismatchError(f"{spec.name}: {counter.name}, {phase}: {error}") from None
    parts = {"model": {part: counts.get(part, 0) for part in ("embedding", "head")}}
    for index, block in enumerate(small.layers):
        parts[block] = {part: counts.get(f"layers.{index}.{part}", 0) for part in ("mixer", "mlp")}
    attributed = sum(sum(part.values()) for part in parts.values())
    if attributed != counts[""]:
        raise CountMismatchError(
            f"{spec.name}: {counter.name}, {phase}: {counts[''] - attributed:,} FLOPs lie outside "
            "embedding, mixer, MLP, head"
        )
    return parts


def filled_cache(model: Decoder, length: int, batch_size: int) -> Cache:
    """A cache in which every layer holds all of `length` tokens, as a kernel that prunes nothing would have it."""
    cache = model.cache_for(Room(prunes=False))
    cache.length = length
    for layer in cache.layers if length else []:
        if layer:
            layer.pretend(batch_size, length)
    return cache


class _OperatorCheck(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no type for it
    """Refuses operators that the counter does not know and the convention does not name."""

    def __init__(self, tracker: ModuleTracker) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tracker = tracker

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func._overloadpacket
        if packet not in flop_registry and packet.__name__.strip("_") not in NOT_COUNTED:
            layer = max(self.tracker.parents - {"Global"}, key=len, default="the model")
            raise CountMismatchError(f"operator {packet} in {layer} is not known to be counted, nor to be free")
        return func(*args, **(kwargs or {}))


def _by_torch(model: nn.Module, tokens: Tensor, phase: str, cache: Cache | None) -> Mapping[str, int]:
    """torch.utils.flop_counter, forward and, for training, backward."""
    counter = FlopCounterMode(display=False)
    with torch.set_grad_enabled(phase == "train"), counter, _OperatorCheck(counter.mod_tracker):
        logits = model(tokens, cache=cache)
        if phase == "train":
            logits.sum().backward()
    root = type(model).__name__
    return {
        path.removeprefix(root).removeprefix("."): sum(operators.values())
        for path, operators in counter.get_flop_counts().items()
        if path != "Global"
    }


class _Traced(nn.Module):
    """A model with its cache bound, so that a tracer sees tensors only."""

    def __init__(self, model: nn.Module, cache: Cache | None) -> None:
        super().__init__()
        self.model = model
        self.cache = cache

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.model(tokens, cache=self.cache)
        return logits


def _attention_handle(inputs: list[Any], outputs: list[Any]) -> int:
    """Multiply-adds of scaled dot-product attention, B H T S (C_k + C_v), which fvcore does not know."""
    query, key, value = (list(tensor.type().sizes()) for tensor in inputs[:3])
    batch, heads, queries, channels = query
    return int(batch * heads * queries * key[2] * (channels + value[3]))


def _by_fvcore(model: nn.Module, tokens: Tensor, phase: str, cache: Cache | None) -> Mapping[str, int]:
    """Fvcore traces the forward pass and counts multiply-adds, which are two FLOPs each."""
    traced = _Traced(model, cache).eval()
    analysis = FlopCountAnalysis(traced, tokens)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    analysis.set_op_handle("aten::scaled_dot_product_attention", _attention_handle)
    analysis.set_op_handle("aten::layer_norm", lambda inputs, outputs: 0)  # else billed, unlike RMSNorm
    with torch.no_grad():
        counts = analysis.by_module()
    for path, _ in reversed(list(traced.named_modules())):
        for operator in analysis.unsupported_ops(path):
            if operator.removeprefix("aten::").strip("_") not in NOT_COUNTED:
                raise CountMismatchError(f"operator {operator} in {path} is not known to be counted, nor to be free")
    return {path.removeprefix("model").removeprefix("."): 2 * count for path, count in counts.items() if path}


COUNTERS = (
    Counter("torch FlopCounterMode", ("prefill", "decode", "train"), _by_torch),
    Counter("fvcore", ("prefill", "decode"), _by_fvcore),
)


def cache_bytes(spec: Spec, seq_len: int, batch_size: int, dtype: torch.dtype = torch.float16) -> int:
    """Bytes of the storages of a cache after a real pass over `seq_len` tokens, all layers together."""
    small = one_of_each(spec)
    model = build(small, device="meta", dtype=dtype)
    cache = model.new_cache()
    with torch.no_grad():
        model(torch.empty(batch_size, seq_len, dtype=torch.long, device="meta"), cache=cache)
    states = zip(small.layers, cache.layers, strict=True)
    return sum(spec.block_counts[block] * layer.nbytes for block, layer in states if layer)


ENTRIES = 1 << 20
"""Of a mask at once: what its sums take then stays in a cache."""


def mask_sum(pattern: Pattern, n: int) -> int:
    """Visible pairs of n tokens, by adding up the mask, some rows at a time."""
    places = torch.arange(n, dtype=torch.int32)
    return sum(int(torch.sum(pattern.visible(rows[:, None], places))) for rows in torch.split(places, -(-ENTRIES // n)))
