"""Peaks of memory, against hand counts."""

from __future__ import annotations

import torch

from harness.memory import peak_bytes

KILO = torch.empty(1000)  # 4000 bytes


def test_what_is_released_does_not_count_any_more() -> None:
    def call() -> object:
        first = torch.neg(KILO)  # 4000
        second = torch.neg(first)  # 8000
        del first  # 4000
        third = torch.cat([second, second])  # 12000
        del second  # 8000
        return torch.neg(third[:10])  # 8040

    assert peak_bytes(call) == 12000


def test_a_result_counts_and_a_view_takes_nothing() -> None:
    assert peak_bytes(lambda: torch.neg(KILO).view(10, 100).t()) == 4000


def test_what_was_there_before_does_not_count() -> None:
    held = torch.empty(2000)
    assert peak_bytes(lambda: torch.neg(KILO, out=held[:1000])) == 0
