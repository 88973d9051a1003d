"""The kernels of the sparse patterns against torch's own way to skip hidden pairs: compiled flex_attention.

It skips the blocks of 128 queries by 128 keys without a visible pair: Dong et al. 2024, https://arxiv.org/abs/2412.05496.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.choices.patterns import Pattern
from harness.experiments.compiled import require_compiler
from harness.timing import Samples, compared, conditions, device, in_fresh_processes, in_turns

FLEX = "flex_attention"


def measure(settings: dict[str, Any], patterns: Mapping[str, Pattern]) -> dict[str, Any]:
    """Ratios of our time to that of flex_attention, forward, at one length.

    Args:
        settings: of the attention experiment.
        patterns: by name.

    Raises:
        HarnessError: it cannot be compiled here, or its outputs are not ours.
    """
    require_compiler()
    runs = in_fresh_processes(sample, {**settings, "patterns": patterns}, settings["processes"])
    (n,) = settings["seq_lens"]
    rows = []
    for kind, pattern in patterns.items():
        row = {"name": f"{kind} to {FLEX}, {n}, forward", "seq_len": n, "pattern": kind, "to": FLEX}
        row |= {"options": pattern.model_dump(), **compared([run[kind] for run in runs], "ours", FLEX)}
        rows.append(row)
    return {"conditions": conditions(), "rows": rows, "samples": runs}


def sample(settings: dict[str, Any], number: int) -> dict[str, Samples]:
    """Samples of this process by pattern."""
    import torch

    torch.set_grad_enabled(False)
    return {kind: _timed(pattern, settings, number) for kind, pattern in settings["patterns"].items()}


def _timed(pattern: Pattern, settings: dict[str, Any], number: int) -> Samples:
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    from harness.modules.kernels.attend import attend
    from harness.modules.kernels.view import View

    (n,) = settings["seq_lens"]
    shape = (1, n, settings["heads"], settings["channels"])
    dtype = getattr(torch, settings["dtype"])
    q, k, v = (torch.randn(shape, dtype=dtype, device=device()) for _ in range(3))
    places = torch.arange(n, device=device())
    view = View(places, places, from_start=True)

    torch._dynamo.reset()  # kernels slow down as shapes accumulate
    compiled = torch.compile(flex_attention, dynamic=False)
    mask = create_block_mask(lambda batch, head, q, k: pattern.visible(q, k), None, None, n, n, device=device())
    q_, k_, v_ = (x.transpose(1, 2).contiguous() for x in (q, k, v))  # [B, H, T, C], as it wants them
    calls: dict[str, Callable[[], Any]] = {
        "ours": lambda: attend(pattern, q, k, v, view),
        FLEX: lambda: compiled(q_, k_, v_, block_mask=mask),
    }
    rtol, atol = (1e-4, 1e-5) if dtype == torch.float32 else (2e-2, 2e-2)
    torch.testing.assert_close(calls["ours"](), calls[FLEX]().transpose(1, 2), rtol=rtol, atol=atol)
    return in_turns(calls, FLEX, settings["rounds"], settings["block_s"], number)
