"""A short campaign of `tests.runner.kills`, and that it notices what it is there for."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner import kills
from tests.runner.kills import Campaign, LostError, may_mount

SOME = ("SIGKILL", "SIGINT, SIGINT", "SIGKILL of a worker", "full disk")
"""Ways of the whole campaign, which takes all of them."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """One whose undisturbed run is done."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's would be ignored
    yield Campaign(tmp_path_factory.mktemp("campaign"), random.Random(0))
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("way", SOME)
def test_nothing_is_lost(campaign: Campaign, way: str) -> None:
    if way == "full disk" and not may_mount():
        pytest.skip("no small disk can be made here")
    campaign.run(way)


def test_a_result_that_a_rerun_changes_is_noticed(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    def another(folder: Path) -> kills.Files:
        return {name: {**cell, "values": {}} for name, cell in campaign.expected.items()}

    monkeypatch.setattr(kills, "results", another)
    with pytest.raises(LostError, match="other results"):
        campaign.run("SIGTERM")
