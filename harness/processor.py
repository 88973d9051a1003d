"""Which processor this program runs on, without importing torch."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MAKERS = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}
"""What processors call their makers, and what people call them."""
INSTRUCTION_SETS = {"avx512f": "AVX-512", "avx2": "AVX2", "sve": "SVE", "asimd": "NEON"}
"""Flags of vector instructions, widest first, and their names."""
GENERATION = {"cpu family": "family", "model": "model", "CPU part": "part"}
"""Fields that number a processor within its maker's, and what people call them."""


@dataclass(frozen=True)
class Processor:
    """A processor as far as a choice of kernels depends on it.

    Attributes:
        maker: `Intel`, `AMD`, or what the processor or the system says.
        instruction_set: the widest vector instructions that it has, as `AVX-512`; `unknown` where nothing tells.
        model: what it is called.
        generation: the maker's numbers of it, as `family 6, model 143`; empty where there are none.
    """

    maker: str
    instruction_set: str
    model: str
    generation: str = ""

    def __str__(self) -> str:
        generation = f" ({self.generation})" if self.generation else ""
        return f"{self.model}{generation}, {self.instruction_set}"


@cache
def processor() -> Processor:
    """The one of this machine: as Linux tells, or as far as Python knows."""
    try:
        return described(Path("/proc/cpuinfo").read_text())
    except OSError:
        return Processor(platform.machine() or "unknown", "unknown", platform.processor() or "unknown")


def described(cpuinfo: str) -> Processor:
    """The first processor in the text of /proc/cpuinfo."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    maker = fields.get("vendor_id") or fields.get("CPU implementer") or "unknown"
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return Processor(
        maker=MAKERS.get(maker, maker),
        instruction_set=next((name for flag, name in INSTRUCTION_SETS.items() if flag in flags), "unknown"),
        model=fields.get("model name") or platform.machine() or "unknown",
        generation=", ".join(f"{name} {fields[field]}" for field, name in GENERATION.items() if field in fields),
    )
