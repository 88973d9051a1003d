"""What YAML means here, and what of it is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SpecError
from harness.spec.tree import MAX_BYTES, MAX_DEPTH, MAX_INT, parse_tree, read_tree

REFUSED = "tags, anchors and aliases are not allowed; found"


def refusals(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_tree(text, "f.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1e-5", 1e-5),
        ("1.0e-6", 1e-6),
        ("6.7e9", 6.7e9),
        ("5.", 5.0),
        ("10000", 10000),
        ("1_000", 1000),
        ("+5", 5),
        ("-5", -5),
        ("017", 17),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b11", 3),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2023-02-24", "2023-02-24"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ('"3"', "3"),
        ("", None),
        ("~", None),
        ("null", None),
        ("日本語 😀", "日本語 😀"),
        ('"\\u00fc"', "ü"),
        ("=", "="),
        ("[1, [a, no]]", [1, ["a", "no"]]),
        ("{b: {c: 1}}", {"b": {"c": 1}}),
        (str(MAX_INT), MAX_INT),
    ],
)
def test_a_value_is_what_a_reader_expects(written: str, meant: object) -> None:
    value = parse_tree(f"a: {written}\n", "f.yaml").plain()["a"]
    assert (value, type(value)) == (meant, type(meant))


@pytest.mark.parametrize("text", ["\ufeffa: 1\n", "a: 1\r\n", "---\na: 1\n", "a: 1\n...\n", "# first\na: 1", "{a: 1}"])
def test_marks_of_a_whole_document_change_nothing(text: str) -> None:
    assert parse_tree(text, "f.yaml").plain() == {"a": 1}


def test_keys_are_words_whatever_they_look_like() -> None:
    assert parse_tree("1: a\n1e400: a\nno: b\n~: c\n<<: {d: 1}\n", "f.yaml").plain() == {
        "1": "a",
        "1e400": "a",
        "no": "b",
        "~": "c",
        "<<": {"d": 1},
    }


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f.yaml:3:1: duplicate key 'a'; it is already set in line 1"]),
        ('a: {b: 1, "b": 2}\n', ["f.yaml:1:11: duplicate key 'b'; it is already set in line 1"]),
        ("a: 1\na: 2\na: 3\n", [f"f.yaml:{n}:1: duplicate key 'a'; it is already set in line 1" for n in (2, 3)]),
        ('a: !!python/object/apply:os.system ["true"]\n', [f"f.yaml:1:4: {REFUSED} !!python/object/apply:os.system"]),
        ("a: !!python/object:os.x {b: 1}\n", [f"f.yaml:1:4: {REFUSED} !!python/object:os.x"]),
        ("a: [!!python/name:os.system '']\n", [f"f.yaml:1:5: {REFUSED} !!python/name:os.system"]),
        ("a: !local 1\n", [f"f.yaml:1:4: {REFUSED} !local"]),
        ("a: !!str 1\n", [f"f.yaml:1:4: {REFUSED} !!str"]),
        ("a: !!int x\n", [f"f.yaml:1:4: {REFUSED} !!int"]),
        ("b: 1\n!!str a: 1\n", [f"f.yaml:2:1: {REFUSED} !!str"]),
        ("\ufeffa: &x 1\n", [f"f.yaml:1:4: {REFUSED} &x"]),
        ("a: &x 1\nb: *x\n", [f"f.yaml:1:4: {REFUSED} &x"]),
        ("a: &x 1\nb: &x 2\n", [f"f.yaml:1:4: {REFUSED} &x", f"f.yaml:2:4: {REFUSED} &x"]),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", [f"f.yaml:1:4: {REFUSED} &x"]),
        ("a: &x [*x]\n", [f"f.yaml:1:4: {REFUSED} &x"]),
        ("b: 1\n&k a: 1\n", [f"f.yaml:2:1: {REFUSED} &k"]),
        ("a: *x\n", [f"f.yaml:1:4: {REFUSED} *x"]),
        ("%YAML 1.1\n---\na: no\n", ["f.yaml:1:1: directives are not allowed; found %YAML"]),
        ("# c\n\n%TAG ! tag:x,2000:\n---\na: 1\n", ["f.yaml:3:1: directives are not allowed; found %TAG"]),
        (
            "a: 1\n---\nb: 2\n",
            ["f.yaml:2:1: not valid YAML: expected a single document, but found another"],
        ),
        (
            "a:\n\tb: 1\n",
            [
                "f.yaml:2:1: not valid YAML: while scanning for the next token: "
                "found character that cannot start any token: '\\t'"
            ],
        ),
        ("a: b: c\n", ["f.yaml:1:5: not valid YAML: mapping values are not allowed in this context"]),
        (
            "a: [1, 2\n",
            ["f.yaml:2:1: not valid YAML: while parsing a flow sequence: did not find expected ',' or ']'"],
        ),
        ("? [a, b]\n: 1\n", ["f.yaml:1:3: a key must be a word; found a list or a mapping"]),
        (
            "a: .nan\nb: -.inf\n",
            [f"f.yaml:{n}:4: a number must be finite; found {x}" for n, x in ((1, ".nan"), (2, "-.inf"))],
        ),
        (
            "a: .NaN\nb: .INF\n",
            [f"f.yaml:{n}:4: a number must be finite; found {x}" for n, x in ((1, ".NaN"), (2, ".INF"))],
        ),
        ("a: 1e400\n", ["f.yaml:1:4: a number must be finite; found 1e400"]),
        (
            "a: 9223372036854775808\n",
            ["f.yaml:1:4: larger than any number that a spec needs; found 9223372036854775808"],
        ),
        ("a: 0x_\n", ["f.yaml:1:4: 0x_ cannot be read as a number; quote it if it is text"]),
        (f"a: {'9' * 5000}\n", [f"f.yaml:1:4: {'9' * 57}... cannot be read as a number; quote it if it is text"]),
        ('a: "\\e[31m"\n', ["f.yaml:1:4: control characters are not allowed; found '\\x1b'"]),
        ('"a\\e": 1\n', ["f.yaml:1:1: control characters are not allowed; found '\\x1b'"]),
        (
            'a: "\\ud800"\n',
            ["f.yaml:1:7: not valid YAML: while parsing a quoted scalar: found invalid Unicode character escape code"],
        ),
        ("a: \x00\n", ["f.yaml: not valid YAML: unacceptable character #x0000: control characters are not allowed"]),
        (
            "a: &x 1\nb: !t 2\nc: 1\nc: 2\n",
            [
                f"f.yaml:1:4: {REFUSED} &x",
                f"f.yaml:2:4: {REFUSED} !t",
                "f.yaml:4:1: duplicate key 'c'; it is already set in line 3",
            ],
        ),
    ],
)
def test_what_no_spec_may_hold_is_refused_at_its_place(text: str, messages: list[str]) -> None:
    assert refusals(text) == messages


@pytest.mark.parametrize("text", ["", "\n", "# nothing but a remark\n", "- a\n", "hello\n", "~\n", "3\n"])
def test_a_file_without_keys_is_refused(text: str) -> None:
    assert refusals(text) == ["f.yaml:1:1: expected a mapping with the keys of a spec, such as name, dims and choices"]


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    start = time.process_time()
    assert refusals("\n".join(lines)) == [f"f.yaml:{n + 1}:5: {REFUSED} &a{n}" for n in range(10)]
    assert time.process_time() - start < 5  # the 9 ** 10 laughs would take hours


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 300, 3000, 30_000])
def test_deep_nesting_is_refused(pair: str, depth: int) -> None:
    opening, closing = ("[", "]") if pair == "[]" else ("{a: ", "}")
    (message,) = refusals("a: " + opening * depth + "1" + closing * depth)
    assert message.endswith(": nested more deeply than any spec needs")


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 1
    tree = parse_tree("a: " + "[" * depth + "]" * depth, "f.yaml")
    assert json.dumps(tree.plain()["a"]) == "[" * depth + "]" * depth


def file_refusal(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read_tree(path)
    return str(caught.value)


@pytest.mark.parametrize("size", [MAX_BYTES + 1, (1 << 20) + 1])
def test_a_large_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("a: " + "x" * (size - 3))
    assert file_refusal(path) == f"{path}: larger than {MAX_BYTES} bytes, which no spec needs"
    path.write_text("a: " + "x" * (MAX_BYTES - 3))
    assert len(read_tree(path).plain()["a"]) == MAX_BYTES - 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert file_refusal(tmp_path / "no.yaml") == f"{tmp_path / 'no.yaml'}: cannot be read: No such file or directory"
    assert file_refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"a: \xff\n", "invalid start byte at byte 3"), ("a: ü".encode("utf-16"), "invalid start byte at byte 0")],
)
def test_text_that_is_not_utf8_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(data)
    assert file_refusal(path) == f"{path}: is not UTF-8 text: {reason}"


def test_places_count_from_one() -> None:
    tree = parse_tree("a: 1\nb:\n  c: [x, y]\n", "f.yaml")
    part = tree.value["b"].value["c"]
    assert (part.key_mark.line, part.key_mark.column) == (3, 3)
    assert [(item.mark.line, item.mark.column) for item in part.value] == [(3, 7), (3, 10)]


WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]) | st.just(" "), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_json_is_read_as_json(data: dict[str, Any]) -> None:
    assert parse_tree(json.dumps(data, ensure_ascii=False), "f.yaml").plain() == data


@settings(deadline=None)
@given(st.text(st.sampled_from("ab01:,-?[]{}&*!|>%@'\"#\n\t .~<=\\\ufeff\x85é")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = isinstance(parse_tree(text, "f.yaml").plain(), dict)
    except SpecError as error:
        read = all(problem.file == "f.yaml" and problem.message for problem in error.problems)
    assert read
