"""What a token costs behind a context: one step of each arrangement of key-value heads, of latents, of recurrences."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.choices.patterns import Pattern, patterns
from harness.experiments import Experiment, experiments
from harness.experiments.recurrences import STEPS
from harness.intervals import geometric
from harness.timing import Samples, compared, conditions, device, device_name, in_fresh_processes, in_turns, ratio

if TYPE_CHECKING:
    import torch

HEADS, CHANNELS, WINDOW = 8, 64, 256
Made = tuple[Callable[[], object], int]
"""The step of the n-th token, again and again in the same place; and the bytes of what is kept."""


@dataclass(frozen=True)
class KeysAndValues:
    """Softmax attention over keys and values.

    Attributes:
        kv_heads: heads of keys and values.
        kind: of the pattern.
        quantised: whether the cache is of 8 bits.
    """

    kv_heads: int
    kind: str = "dense"
    quantised: bool = False

    @property
    def pattern(self) -> Pattern:
        """Dense, or the last WINDOW keys."""
        return patterns[self.kind](**({"window": WINDOW} if self.kind == "banded" else {}))

    def step(self, n: int, batch_size: int, dtype: torch.dtype) -> Made:
        """The token's key and value into the cache, and its query over all that this holds."""
        import torch

        from harness.modules.kernels.attend import attend
        from harness.modules.kernels.view import View
        from harness.modules.key_values import key_values
        from harness.modules.states import Room

        heads = (self.kv_heads, CHANNELS)
        state = key_values(Room(capacity=n, quantised=self.quantised), self.pattern, (heads, heads))
        before = _normal(batch_size, 1, *heads, dtype=dtype).expand(-1, n - 1, -1, -1)
        q = _normal(batch_size, 1, HEADS, CHANNELS, dtype=dtype)
        k, v = (_normal(batch_size, 1, *heads, dtype=dtype) for _ in range(2))
        state.extend(before, before)
        state.extend(k, v)
        held, place = state.nbytes, torch.tensor([n - 1], device=device())
        everywhere = torch.arange(n, device=device())

        def step() -> object:
            if not self.pattern.forgets:  # a band moves on, and holds as much; elsewhere the last is written anew
                state.length = n - 1
            keys, values, columns = state.extend(k, v)
            seen = everywhere if columns is None else columns.to(device())
            return attend(self.pattern, q, keys, values, View(place, seen))

        return step, held


@dataclass(frozen=True)
class OfLatents:
    """Latent attention, absorbed: queries meet the latents, and weights of latents become values.

    Attributes:
        rank: numbers of a latent.
        shared: channels of the keys that all heads share.
    """

    rank: int
    shared: int
    kv_heads = 1

    def step(self, n: int, batch_size: int, dtype: torch.dtype) -> Made:
        """The token's latent into the cache, its queries over all of them, and the products before and behind."""
        import torch

        from harness.modules.kernels.attend import attend
        from harness.modules.kernels.view import View
        from harness.modules.mixers.latent import Latents
        from harness.modules.states import Room

        width, pattern = self.rank + self.shared, patterns["dense"]()
        state = Latents(Room(capacity=n), width)
        state.extend(_normal(batch_size, 1, width, dtype=dtype).expand(-1, n - 1, -1))
        latent = _normal(batch_size, 1, width, dtype=dtype)
        own, turned = (_normal(HEADS, batch_size, size, dtype=dtype) for size in (CHANNELS, self.shared))
        for_keys, for_values = (_normal(HEADS, CHANNELS, self.rank, dtype=dtype) for _ in range(2))
        state.extend(latent)
        held, place = state.nbytes, torch.tensor([n - 1], device=device())
        view = View(place, torch.arange(n, device=device()))

        def step() -> object:
            state.length = n - 1
            latents = state.extend(latent)[:, :, None]
            queries = torch.cat((own @ for_keys, turned), -1).transpose(0, 1)[:, None]
            weighted = attend(pattern, queries, latents, latents[..., : self.rank], view)
            return (weighted[:, 0].transpose(0, 1) @ for_values.mT).transpose(0, 1)[:, None]

        return step, held


@dataclass(frozen=True)
class Recurring:
    """A recurrence, which keeps a matrix for each head, in 32 bits.

    Attributes:
        kind: of the mixer.
    """

    kind: str
    kv_heads = 0

    def step(self, n: int, batch_size: int, dtype: torch.dtype) -> Made:
        """The token into the state, and read from it; how many came before makes no difference."""
        given, update, state = STEPS[self.kind](batch_size, HEADS, CHANNELS)
        return lambda: update(*given, state)[0], state.nbytes


ARRANGEMENTS: dict[str, KeysAndValues | OfLatents | Recurring] = {
    "MHA": KeysAndValues(HEADS),
    "GQA, 4 queries a key head": KeysAndValues(HEADS // 4),
    "MQA": KeysAndValues(1),
    "MHA, banded": KeysAndValues(HEADS, "banded"),
    "MHA, int8 cache": KeysAndValues(HEADS, quantised=True),
    "GQA, int8 cache": KeysAndValues(HEADS // 4, quantised=True),
    "MQA, int8 cache": KeysAndValues(1, quantised=True),
    "latent attention": OfLatents(4 * CHANNELS, CHANNELS // 2),
    "Mamba-2": Recurring("mamba2"),
    "gated DeltaNet": Recurring("gated_delta"),
}
"""MHA is what the others are compared with. Latents have their releases' shares of a head's channels."""
STACK_BYTES, MOST_LAYERS = 1 << 28, 32
"""The caches of a stack together, which no cache of a processor holds, unless that takes more layers than these."""


@experiments.register("decoding")
class Decoding(Experiment):
    """One token of each sequence: its key and value into the cache, and its query over all that the cache holds.

    The token goes again and again through one layer, whose cache the processor's own may hold, or through the layers
    of a stack in turn, as in a model.
    """

    version = 5

    def settings(self, profile: str) -> list[dict[str, Any]]:
        """One sequence over 512 to 16384 tokens, and there through a stack; in the full profile more of each."""
        common = {
            "heads": HEADS,
            "channels": CHANNELS,
            "window": WINDOW,
            # Processors without products of 16 bits take 50 times as long for them as for those of 32.
            "dtype": "float32" if device_name() == "cpu" else "bfloat16",
            "processes": 5,
            "rounds": 6,
            # So many calls that the first, which brings the cache back to the processor, hardly counts: ratios of
            # blocks of 30 ms lie within the intervals of these.
            "block_s": 0.012,
            "batch_size": 1,
            "stack_bytes": 0,
        }
        quick = profile == "quick"
        one = {**common, "seq_lens": [512 << power for power in range(6 if quick else 8)]}
        stack = {
            **common,
            "stack_bytes": STACK_BYTES,
            "rounds": 9,
            "block_s": 0.003,
            "seq_lens": [16384] if quick else [4096, 16384, 65536],
        }
        eight = {**common, "batch_size": 8, "seq_lens": [512 << power for power in range(5)]}
        return [one, stack] if quick else [one, stack, eight]

    def measure(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Ratios to MHA, tokens a second, the share of the bandwidth of reading, and bytes of the caches."""
        runs = in_fresh_processes(sample, settings, settings["processes"])
        held = {n: case["bytes"] for n, case in runs[0].items()}
        return {
            "conditions": conditions(),
            "exact": {"cache_bytes": held},
            "rows": [
                row
                for n in settings["seq_lens"]
                for row in _rows(n, settings, [run[str(n)]["samples"] for run in runs], held[str(n)])
            ],
            "samples": [{n: case["samples"] for n, case in run.items()} for run in runs],
        }


def _reading(name: str) -> str:
    """The candidate that adds up as many bytes as the cache of an arrangement has."""
    return f"read as much as {name}"


def _layers(settings: dict[str, Any], cache_bytes: int) -> int:
    """How many layers the token goes through in turn."""
    wanted: int = settings["stack_bytes"] // cache_bytes
    return max(1, min(MOST_LAYERS, wanted))


def _rows(n: int, settings: dict[str, Any], runs: Sequence[Samples], held: dict[str, int]) -> list[dict[str, Any]]:
    rows, batch_size = [], settings["batch_size"]
    for name, arrangement in ARRANGEMENTS.items():
        reading = _reading(name)
        to = reading if name == "MHA" else "MHA"
        row: dict[str, Any] = {"name": f"{name} to {to}, {n}", "seq_len": n, "arrangement": name}
        row |= {"kv_heads": arrangement.kv_heads, "cache_bytes": held[name], "to": to}
        row["layers"] = _layers(settings, held[name])
        row |= compared(runs, name, to, controlled="MHA", anchor=reading)
        row["tokens_per_s"] = asdict(geometric([batch_size / statistics.median(run[name]) for run in runs]))
        row["share_of_reading"] = asdict(ratio(runs, reading, name))
        rows.append(row)
    return rows


def sample(settings: dict[str, Any], number: int) -> dict[str, Any]:
    """Samples of this process by length, and the bytes of the caches."""
    import torch

    torch.set_grad_enabled(False)
    found = {}
    for n in settings["seq_lens"]:
        steps, held = {}, {}
        for name, arrangement in ARRANGEMENTS.items():
            shape = n, settings["batch_size"], getattr(torch, settings["dtype"])
            first, held[name] = arrangement.step(*shape)
            layers = range(_layers(settings, held[name]))
            steps[name] = _in_turn([first, *(arrangement.step(*shape)[0] for _ in layers[1:])])
            steps[_reading(name)] = _in_turn([torch.ones(held[name] // 4, device=device()).sum for _ in layers])
        samples = in_turns(steps, "MHA", settings["rounds"], settings["block_s"], number)
        found[str(n)] = {"samples": samples, "bytes": held}
    return found


def _in_turn(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """One call of the next."""
    following = itertools.cycle(calls)

    def call() -> object:
        return next(following)()

    return call


def _normal(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    import torch

    return torch.randn(shape, dtype=dtype, device=device())
