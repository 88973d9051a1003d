"""`new`: a spec to begin with, that says what can be changed; and what a shell completes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness
from harness.cli import completion
from harness.spec import spec_names
from harness.spec.library import library_folder
from tests.cli.calling import Call, run_python


def uncommented(text: str) -> str:
    """A spec with the # taken off all that it has in comments behind its introduction."""
    head, body = text.split("\n\n", maxsplit=1)
    return head + "\n" + re.sub(r"^# ", "", body, flags=re.MULTILINE)


@pytest.mark.parametrize("parent", ["llama-7b", "jamba-v0-1", "gpt3-175b", "rwkv-4-169m", "chatglm-6b"])
def test_a_new_spec_is_its_parent_with_comments_or_without(call: Call, tmp_path: Path, parent: str) -> None:
    assert parent in spec_names()
    outcome = call("new", "mine", "--from", parent)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        f"mine.yaml: written; `harness check mine.yaml` tells mistakes, `harness diff {parent} mine.yaml` "
        "what it changes\n"
    )
    path = tmp_path / "mine.yaml"
    text = path.read_text()
    mine, of_parent = harness.load_spec(path), harness.load_spec(parent)
    assert (mine.name, mine.provenance, mine.hash) == ("mine", "variant", of_parent.hash)
    path.write_text(uncommented(text))
    assert "\nchoices:\n" in path.read_text()
    assert harness.load_spec(path).hash == of_parent.hash


def test_every_kind_of_a_choice_is_named(call: Call, tmp_path: Path) -> None:
    call("new", "mine")
    text = (tmp_path / "mine.yaml").read_text()
    assert "#   # kinds of norm: layernorm, plain_rmsnorm, rmsnorm\n#   norm: {kind: rmsnorm, eps: 1e-06}\n" in text


def test_editors_find_the_schema(call: Call, tmp_path: Path) -> None:
    call("new", "mine")
    first = (tmp_path / "mine.yaml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={library_folder() / 'schema.json'}"
    assert (library_folder() / "schema.json").is_file()


def test_a_spec_of_the_folder_can_be_changed_further(call: Call, mine: Path, tmp_path: Path) -> None:
    assert call("new", "further", "--from", mine).code == 0
    assert harness.load_spec(tmp_path / "further.yaml").hash == harness.load_spec(mine).hash


@pytest.mark.parametrize("name", ["123", "1e5", "true", "null"])
def test_a_name_that_yaml_reads_as_something_else_is_quoted(call: Call, tmp_path: Path, name: str) -> None:
    assert call("new", name).code == 0
    assert harness.load_spec(tmp_path / f"{name}.yaml").name == name


def test_nothing_is_overwritten(call: Call, mine: Path, tmp_path: Path) -> None:
    before = mine.read_text()
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    for name in ("mine", "dangling"):
        outcome = call("new", name)
        message = f"{name}.yaml: exists already, and is not overwritten; choose another name\n"
        assert (outcome.code, outcome.out, outcome.err) == (2, "", message)
    assert mine.read_text() == before
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("llama-7b",), "'llama-7b' is a spec of the library; choose another name"),
        (("../x",), "../x.yaml: name: found '../x' (text), expected lower-case letters"),
        (("x", "--from", "lama-7b"), "no spec is called 'lama-7b'; did you mean 'llama-7b'?"),
        (("x", "--from", "a/b.yaml"), "--from: found 'a/b', expected the name of a spec or of a file in this folder"),
    ],
)
def test_what_is_wrong_is_told(call: Call, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    outcome = call("new", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_a_shell_completes_names_and_files(call: Call, mine: Path) -> None:
    assert completion.specs("llama-7b-mq") == ["llama-7b-mqa"]
    assert completion.specs("mi") == [*(name for name in spec_names() if name.startswith("mi")), "mine.yaml"]
    assert completion.specs("") == [*spec_names(), "mine.yaml"]


def test_the_program_answers_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HARNESS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "harness diff llama-7b llama-7b-mq")
    monkeypatch.setenv("COMP_CWORD", "3")
    program = "import sys; sys.argv[0] = 'harness'; from harness.cli.app import main; main()"
    outcome = run_python("-c", program, folder=tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (0, "llama-7b-mqa\n", "")
