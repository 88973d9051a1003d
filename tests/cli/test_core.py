"""What needs none of the heavy packages: reading, listing, showing, comparing and checking specs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import harness
from harness.cli.app import COMMANDS
from tests.cli.calling import Outcome, run_python
from tests.conftest import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
HEAVY = {name.split(">=")[0].replace("-", "_") for name in [*EXTRAS["report"], *EXTRAS["run"]]} | {"transformers"}
WITHOUT = f"""
import sys
from importlib.abc import MetaPathFinder
class Blocker(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv[0] = "harness"
from harness.cli.app import main
main()
"""
SPEC = "name: mine\nextends: llama-7b\nchoices: {mixer: {num_kv_heads: 4}}\n"


def without(*arguments: str, folder: Path) -> Outcome:
    """A command where nothing of the extras can be imported."""
    return run_python("-c", WITHOUT, *arguments, folder=folder)


def test_the_version_is_told(tmp_path: Path) -> None:
    assert without("--version", folder=tmp_path).out == f"harness {harness.__version__}\n"


def test_the_heavy_packages_are_extras() -> None:
    assert {"torch", "lm_eval", "fvcore", "pandas", "plotly"} <= HEAVY


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("list", "--format", "csv"),
        ("show", "llama-7b"),
        ("show", "mine.yaml", "--format", "md"),
        ("diff", "llama-7b", "mine.yaml", "gpt1"),
        ("check", "mine.yaml", "llama-7b"),
        ("schema",),
        ("show-machine",),
        ("--help",),
        ("import", "config.json"),
    ],
    ids=" ".join,
)
def test_a_command_of_the_core_gives_the_same_without_the_extras(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "mine.yaml").write_text(SPEC)
    (tmp_path / "config.json").write_text((ROOT / "tests/golden/baichuan-13b/config.json").read_text())
    program = "import sys; sys.argv[0] = 'harness'; from harness.cli.app import main; main()"
    with_them = run_python("-c", program, *command, folder=tmp_path)
    assert (with_them.code, with_them.err) == (0, "")
    assert without(*command, folder=tmp_path) == with_them


def test_a_spec_is_begun_without_the_extras(tmp_path: Path) -> None:
    assert without("new", "mine", folder=tmp_path).code == 0
    assert without("check", "mine.yaml", folder=tmp_path).out == "mine.yaml: ok, 6,738,415,616 parameters\n"


@pytest.mark.parametrize("command", [("run", "llama-7b"), ("report",), ("list", "--format", "latex")], ids=" ".join)
def test_what_needs_an_extra_says_which(tmp_path: Path, command: tuple[str, ...]) -> None:
    outcome = without(*command, folder=tmp_path)
    package, _, rest = outcome.err.partition(" ")
    assert (outcome.code, outcome.out) == (2, "")
    assert package in HEAVY
    assert rest == (
        "is not installed; pages need the extra `report`, measuring and weights the extra `run`: "
        "pip install -e '.[report,run]'\n"
    )
    assert list(tmp_path.iterdir()) == []


LISTING = """
import sys
sys.argv = ["harness", "list", "--json"]
from harness.cli.app import main
try:
    main()
except SystemExit:
    pass
print(*sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("harness.")}), file=sys.stderr)
print("ruamel.yaml" in sys.modules, "rich.table" in sys.modules, "multiprocessing" in sys.modules, file=sys.stderr)
"""


def test_listing_imports_nothing_of_what_measures(tmp_path: Path) -> None:
    """Every command imports itself alone, so that `list` stays quick whatever others come to need."""
    parts, others = run_python("-c", LISTING, folder=tmp_path).err.splitlines()
    assert parts.split() == [
        f"harness.{part}" for part in ("choices", "cli", "errors", "metrics", "registry", "spec", "tables")
    ]
    assert others == "False False False"


def test_commands_are_found_completed_and_suggested(tmp_path: Path) -> None:
    lines = run_python("-m", "harness", "--help", folder=tmp_path).out
    assert all(f"│ {name} " in lines for name in COMMANDS)
    assert "Did you mean 'list'?" in run_python("-m", "harness", "lst", folder=tmp_path).err
