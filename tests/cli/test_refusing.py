"""Bad input ends in a line for its author and exit code 2, never in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.experiments import experiments
from harness.metrics import metrics
from tests.cli.calling import Call, environment, run_python

METRICS = ", ".join([*metrics.names(), *experiments.names(), "exact"])
WEIGHTS = "a spec that names its weights, or --checkpoint"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("show lama-7b", "no spec is called 'lama-7b'; did you mean 'llama-7b'?"),
        ("show no.yaml", "no.yaml: cannot be read: No such file or directory"),
        ("diff llama-7b qwn-7b", "no spec is called 'qwn-7b'; did you mean 'qwen-7b'?"),
        ("check lama-7b", "no spec is called 'lama-7b'; did you mean 'llama-7b'?"),
        ("run lama-7b", "no spec is called 'lama-7b'; did you mean 'llama-7b'?"),
        (
            "run zzz*",
            "no spec is called 'zzz*'; `harness list` shows all names; paths end in .yaml, .json or .gguf",
        ),
        ("run gpt1 --metrics parms", f"unknown metric 'parms'; allowed: {METRICS}; did you mean 'params'?"),
        ("run gpt1 --metrics icl_weights", f"nothing to measure of gpt1: icl_weights needs {WEIGHTS}"),
        ("run gpt1 --checkpoint x", "name specs or give a checkpoint, not both: a checkpoint brings its own spec"),
        ("run --checkpoint no-folder", "no-folder: cannot be read: No such file or directory"),
        ("run gpt1 --metrics params,xyz", f"unknown metric 'xyz'; allowed: {METRICS}"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(call: Call, arguments: str, line: str) -> None:
    outcome = call(*arguments.split())
    assert (outcome.code, outcome.out, outcome.err) == (2, "", line + "\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("show", "Missing argument"),
        ("show gpt1 --seq-len 0", "--seq-len"),
        ("show gpt1 --seq-len many", "--seq-len"),
        ("show gpt1 --batch-size -1", "--batch-size"),
        ("run gpt1 --profile quik", "'quick', 'full'"),
        ("run gpt1 --processes 0", "--processes"),
        ("list extra", "extra"),
        ("shwo gpt1", "shwo"),
        ("show gpt1 --jsn", "--json"),
    ],
)
def test_a_wrong_option_is_told(call: Call, arguments: str, words: str) -> None:
    outcome = call(*arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert "Traceback" not in outcome.err


def test_sizes_beyond_all_reason_are_still_counted(call: Call) -> None:
    huge = 10**40
    sheet = call("show", "llama-7b", "--json", "--seq-len", huge, "--batch-size", huge).data
    assert sheet["kv_cache_bytes"] == huge * huge * 524288
    assert call("show", "llama-7b", "--seq-len", huge).code == 0
    assert call("diff", "gpt1", "llama-7b", "--seq-len", huge).code == 0


def test_help_names_every_command(call: Call) -> None:
    outcome = call("--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert all(f" {command} " in outcome.out for command in "list show check diff run report schema".split())


def test_the_program_runs_as_a_module(tmp_path: Path) -> None:
    outcome = run_python("-m", "harness", "show", "lama-7b", folder=tmp_path)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "no spec is called 'lama-7b'; did you mean 'llama-7b'?\n"


def test_reading_commands_import_neither_torch_nor_pandas(tmp_path: Path) -> None:
    code = """
import sys
from harness.cli.app import main
for arguments in ["list"], ["show", "gpt1"], ["diff", "gpt1", "gpt2-small"], ["check"], ["schema"], ["--help"]:
    sys.argv = ["harness", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "numpy", "pandas", "plotly", "fvcore"}))
"""
    outcome = run_python("-c", code, folder=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["check"], ["schema"]])
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        process = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=tmp_path,
            env=environment(),
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert process.stderr == ""
    assert process.returncode == 1
