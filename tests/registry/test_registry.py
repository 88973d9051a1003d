"""Names are found, told apart and guessed at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError, Problem, SpecError, did_you_mean, nearest
from harness.registry import Registry

SHAPES = """
from harness.registry import Registry

shapes: Registry[str] = Registry("shape", __name__)
"""


def member(name: str) -> str:
    return f'from toyshapes import shapes\n\nshapes.register("{name}")("{name.upper()}")\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with a registry, and one entry in a package inside it."""
    package = tmp_path / "toyshapes"
    (package / "round").mkdir(parents=True)
    (package / "__init__.py").write_text(SHAPES)
    (package / "round" / "__init__.py").write_text("")
    (package / "round" / "circle.py").write_text(member("circle"))
    (package / "square.py").write_text(member("square"))
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "toyshapes"]:
        del sys.modules[name]


def shapes() -> Registry[str]:
    from toyshapes import shapes  # type: ignore[import-not-found]

    assert isinstance(shapes, Registry)
    return shapes


@pytest.mark.usefixtures("folder")
def test_entries_are_found_without_a_list() -> None:
    assert shapes().names() == ["circle", "square"]
    assert shapes()["circle"] == "CIRCLE"


def test_a_new_file_is_found(folder: Path) -> None:
    (folder / "round" / "sphere.py").write_text(member("sphere"))
    assert shapes().names() == ["circle", "sphere", "square"]


@pytest.mark.usefixtures("folder")
def test_nothing_is_imported_before_the_first_look() -> None:
    registry = shapes()
    assert "toyshapes.square" not in sys.modules
    assert "square" in registry.names()
    assert "toyshapes.square" in sys.modules


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sqare", "unknown shape 'sqare'; allowed: circle, square; did you mean 'square'?"),
        ("xyz", "unknown shape 'xyz'; allowed: circle, square"),
        ("", "unknown shape ''; allowed: circle, square"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(HarnessError) as caught:
        shapes()[name]
    assert str(caught.value) == message


def test_two_entries_of_one_name_are_a_mistake(folder: Path) -> None:
    (folder / "again.py").write_text(member("circle").replace("CIRCLE", "RING"))
    with pytest.raises(ValueError, match=r"^two shape entries are called 'circle': RING and CIRCLE$"):
        shapes().names()


def test_a_name_is_taken_once() -> None:
    registry: Registry[int] = Registry("number", "harness.choices.norms")
    assert registry.register("one")(1) == 1
    with pytest.raises(ValueError, match=r"^two number entries are called 'one': 1 and 2$"):
        registry.register("one")(2)


@pytest.mark.parametrize(
    ("name", "allowed", "message"),
    [
        ("swigul", ["gelu", "swiglu"], "allowed: gelu, swiglu; did you mean 'swiglu'?"),
        ("xyz", ["gelu", "swiglu"], "allowed: gelu, swiglu"),
        ("xyz", [], "allowed: none"),
    ],
)
def test_did_you_mean_lists_what_is_allowed(name: str, allowed: list[str], message: str) -> None:
    assert did_you_mean(name, allowed) == message


@settings(deadline=None)
@given(st.text(), st.lists(st.text(min_size=1)))
def test_the_nearest_name_is_one_of_those_allowed(name: str, allowed: list[str]) -> None:
    advice = nearest(name, allowed)
    assert advice == "" or advice in {f"did you mean {one!r}?" for one in allowed}


@settings(deadline=None)
@given(st.text(min_size=1), st.lists(st.text(min_size=1)))
def test_a_name_that_is_allowed_is_nearest_to_itself(name: str, others: list[str]) -> None:
    assert nearest(name, [*others, name]) == f"did you mean {name!r}?"


def test_problems_stand_in_the_order_of_their_files_each_once() -> None:
    late, early, whole = Problem("a", 10, 2, "x"), Problem("a", 9, 30, "y"), Problem("b", 0, 0, "z")
    error = SpecError([whole, late, early, late])
    assert error.problems == [early, late, whole]
    assert str(error) == "a:9:30: y\na:10:2: x\nb: z"
