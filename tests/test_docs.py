"""What README and the pages of docs show works as they show it; the tutorial has a test of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.choices.axes import AXES
from harness.cli.app import COMMANDS, Commands
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))
}
REFERENCE = PAGES["docs/reference/python.md"]
HOW_TO = PAGES["docs/how-to/choice.md"]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


SHOWN = dict.fromkeys(blocks(README, "yaml") + blocks(PAGES["docs/specs.md"], "yaml"))


def test_specs_are_shown() -> None:
    assert len(SHOWN) == 3


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: text.split("\n")[0])
def test_specs_that_are_shown_are_sound(text: str, tmp_path: Path) -> None:
    path = tmp_path / text.split("\n", maxsplit=1)[0].removeprefix("# ")
    path.write_text(text, encoding="utf-8")
    spec = harness.load_spec(path)
    assert spec.name == path.stem
    shown = re.search(rf"{path.name}: ok, ([\d,]+) parameters", README)
    if shown:
        assert f"{harness.params(spec):,}" == shown[1]


def test_python_of_the_reference_gives_the_numbers_beside_it() -> None:
    (code,) = blocks(REFERENCE, "python")
    names: dict[str, object] = {}
    exec(code, names)
    checked = re.findall(r"^(harness\..*?\))\s+# (\d+)$", code, flags=re.MULTILINE)
    assert len(checked) == 3
    for expression, number in checked:
        assert eval(expression, names) == int(number)


def test_every_command_that_is_named_exists_with_its_options() -> None:
    used: dict[str, set[str]] = {}
    for text in (README, *PAGES.values()):
        for command, rest in re.findall(r"(?:^|[`$] ?)harness ([a-z][a-z-]+)([^`\n|#]*)", text, flags=re.MULTILINE):
            used.setdefault(command, set()).update(re.findall(r"(?<!\S)--[a-z-]+", rest))
    assert set(used) == set(COMMANDS)
    for command, options in used.items():
        known = {name for option in Commands()[command].params for name in option.opts} | {"--help"}
        assert options <= known, command


def test_every_public_name_is_in_the_reference() -> None:
    named = set(re.findall(r"^::: harness\.(\S+)$", REFERENCE, flags=re.MULTILINE))
    assert named == {f"{home.removeprefix('harness.')}.{name}" for name, home in harness._HOMES.items()} | {
        "side_by_side.SideBySide"
    }


def test_every_axis_is_in_the_reference() -> None:
    named = re.findall(r"^::: harness\.choices\.(\w+)$", PAGES["docs/reference/choices.md"], flags=re.MULTILINE)
    assert sorted(named) == sorted(kinds._package.rsplit(".", 1)[1] for kinds in AXES.values())


def test_links_between_files_lead_somewhere() -> None:
    for name in ("README.md", "CONTRIBUTING.md", *PAGES):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?://|#|<)([^)#\s]+)", text):
            assert (ROOT / name).parent.joinpath(target).exists(), (name, target)


def test_the_metric_of_the_how_to_is_measured(tmp_path: Path) -> None:
    """In a copy of the package, by the command that stands there."""
    for part in ("harness", "specs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (code,) = blocks(PAGES["docs/how-to/metric.md"], "python")
    (tmp_path / code.split("\n", 1)[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "harness", *"run llama-7b --metrics weight_bytes".split()]
    assert "harness run llama-7b --metrics weight_bytes\n" in PAGES["docs/how-to/metric.md"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    frame = harness.results(tmp_path / "reports")
    assert dict(zip(frame.figure, frame.value, strict=True)) == {
        "fp16": 13476831232,
        "int8": 6738415616,
        "int4": 3369207808,
    }


def test_a_choice_added_as_the_how_to_says_is_tested_by_being_there(tmp_path: Path) -> None:
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
    for code in blocks(HOW_TO, "python"):
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
