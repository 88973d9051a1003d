"""What README and CONTRIBUTING show works as they show it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("text", blocks(README, "yaml"), ids=lambda text: text.split("\n")[0])
def test_specs_of_the_readme_are_sound(text: str, tmp_path: Path) -> None:
    path = tmp_path / text.split("\n", maxsplit=1)[0].removeprefix("# ")
    path.write_text(text, encoding="utf-8")
    spec = harness.load_spec(path)
    assert spec.name == path.stem
    shown = re.search(rf"{path.name}: ok, ([\d,]+) parameters", README)
    if shown:
        assert f"{harness.params(spec):,}" == shown[1]


def test_python_of_the_readme_gives_the_numbers_beside_it() -> None:
    code, _ = blocks(README, "python")  # the second needs a checkpoint
    names: dict[str, object] = {}
    exec(code, names)
    checked = re.findall(r"^(harness\..*?\))\s+# (\d+)$", code, flags=re.MULTILINE)
    assert len(checked) == 3
    for expression, number in checked:
        assert eval(expression, names) == int(number)


def test_every_command_of_the_readme_exists() -> None:
    commands = set(re.findall(r"^harness (\w+)", README, flags=re.MULTILINE))
    assert commands == {"list", "show", "diff", "plan", "run", "metrics", "merge", "report", "compare", "check"}
    for command in commands:
        help_ = subprocess.run([sys.executable, "-m", "harness", command, "--help"], capture_output=True, check=False)
        assert help_.returncode == 0, command


def test_a_choice_added_as_contributing_says_is_tested_by_being_there(tmp_path: Path) -> None:
    """Two files in a copy of the package, and the contract tests over the registries pick the choice up."""
    for part in (
        "harness",
        "specs",
        "tests/contract",
        "tests/kernels",
        "tests/__init__.py",
        "tests/conftest.py",
        "pyproject.toml",
    ):
        source, target = ROOT / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for code in blocks(CONTRIBUTING, "python"):
        (tmp_path / code.removeprefix("# ").split(":")[0]).write_text(code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", "-k", "quick_gelu"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", run.stdout)
    assert run.returncode == 0, run.stdout
    assert passed is not None
    assert int(passed[1]) >= 5
