"""The benchmarks judge no time: what is slower is recorded and told, what is wrong fails the run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.cells import environment
from tests.cli.calling import Outcome, run_python

BENCHMARK = """
import time

import tests.bench.conftest
from tests.bench.pairs import Comparison, measure

tests.bench.conftest.EVERY_S = 0.2


def sample(settings, number):
    time.sleep(1)
    assert settings["same"], "other numbers"
    times = [1.0, 1.1, 1.2]
    return {"case": {"ours": [2 * time for time in times], "theirs": times, "theirs again": times}}


def test_speed(compare, remark):
    measured = measure(sample, {"same": SAME}, 2)
    print("kept by pytest")
    compare(measured, Comparison("ours to theirs, made up", "case", "ours", "theirs", goal=0.9))
    remark("No more than that.")
"""


def run(folder: Path, same: bool) -> Outcome:
    (folder / "test_made_up.py").write_text(BENCHMARK.replace("SAME", str(same)), encoding="utf-8")
    plugin = ("-p", "tests.bench.conftest", "-p", "no:cacheprovider")
    return run_python("-m", "pytest", *plugin, "--benchmark-json=found.json", "test_made_up.py", folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def slower(folder: Path) -> Outcome:
    return run(folder, same=True)


def test_what_is_slower_does_not_fail(slower: Outcome) -> None:
    assert slower.code == 0
    assert "1 passed" in slower.out


def test_comparisons_are_told_at_the_end_with_load_and_machine(slower: Outcome) -> None:
    _, _, end = slower.out.partition("comparisons: recorded, not judged")
    processor, _, row, line, summary = (part.rstrip() for part in end.splitlines()[1:])
    assert processor.startswith(environment()["hardware"]["processor"])
    told = r"ours to theirs, made up  2.000 \(2.000 to 2.000\)  1.000 to 1.000  slower +at most 0.9  [\d.]+, [\d.]+"
    assert re.fullmatch(told, row)
    assert line == "No more than that."
    assert "1 passed" in summary


def test_comparisons_are_recorded(slower: Outcome, folder: Path) -> None:
    (benchmark,) = json.loads((folder / "found.json").read_text(encoding="utf-8"))["benchmarks"]
    found = benchmark["extra_info"]
    assert found["ratio"] == {"low": 2.0, "mid": 2.0, "high": 2.0}
    assert (found["noise"], found["verdict"], found["goal"]) == ([1.0, 1.0], "slower", 0.9)
    assert found["environment"] == environment()
    assert set(found["conditions"]["load_average"]) == {"before", "after"}
    assert found["samples"][0]["ours"] == [2.0, 2.2, 2.4]
    assert benchmark["stats"]["data"] == [2.2, 2.2]


def test_lines_come_while_processes_take_long(slower: Outcome) -> None:
    """Past what pytest keeps of a test's own output, and whether or not a process ends."""
    told = re.findall(r"^test_made_up.py: processes, (\d) of 2, 0:00:\d\d so far$", slower.err, re.MULTILINE)
    assert min(told.count("0"), told.count("1")) >= 4
    assert told[-1] == "2"
    assert "kept by pytest" not in slower.out + slower.err


def test_other_numbers_fail_the_run(tmp_path: Path) -> None:
    outcome = run(tmp_path, same=False)
    assert outcome.code == 1
    assert "AssertionError: other numbers" in outcome.out
    assert "1 failed" in outcome.out
