"""Options of generation."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import HarnessError
from harness.evaluation.options import Options, read_options


def read(asked: dict[str, Any], usual: dict[str, Any] | None = None) -> Options:
    return read_options(asked, usual or {}, "here/generation_config.json")


@pytest.mark.parametrize(
    ("asked", "drawing"),
    [
        ({}, {"temperature": 0.0}),
        ({"temperature": 0.0, "do_sample": False}, {"temperature": 0.0}),
        ({"temperature": 0.7, "do_sample": False}, {"temperature": 0.0}),
        ({"temperature": 0.7}, {"temperature": 0.7}),
        ({"do_sample": True}, {"temperature": 1.0}),
        ({"temperature": 0.7, "top_k": 0, "top_p": 1}, {"temperature": 0.7, "top_k": 0, "top_p": 1}),
        ({"repetition_penalty": 1.2, "top_k": None}, {"temperature": 0.0, "repetition_penalty": 1.2}),
        ({"num_beams": 1, "use_cache": False, "typical_p": 1.0, "bad_words_ids": []}, {"temperature": 0.0}),
    ],
)
def test_what_is_asked_for_is_passed_on(asked: dict[str, Any], drawing: dict[str, Any]) -> None:
    assert read(asked).drawing == drawing


def test_what_the_checkpoint_says_counts_where_the_request_says_nothing() -> None:
    usual = {"repetition_penalty": 1.05, "temperature": 0.6, "top_p": 0.9, "do_sample": True, "eos_token_id": [1, 2]}
    usual |= {"max_length": 4096, "max_new_tokens": 8, "typical_p": 0.5, "chat_format": "chatml", "num_beams": 1}
    assert read({}, usual) == Options(256, (), {"repetition_penalty": 1.05, "top_p": 0.9, "temperature": 0.0})
    drawn = read({"do_sample": True, "top_p": 0.5, "typical_p": 1.0}, usual)
    assert drawn.drawing == {"repetition_penalty": 1.05, "top_p": 0.5, "temperature": 0.6}
    with pytest.raises(HarnessError, match=r"^here/generation_config\.json: generation option typical_p: 0\.5 is not"):
        read({"do_sample": True}, usual)
    with pytest.raises(HarnessError, match=r"^here/generation_config\.json: generation option num_beams: 4 is not"):
        read({}, {"num_beams": 4})
    assert read({"num_beams": 1}, {"num_beams": 4}).drawing == {"temperature": 0.0}


@pytest.mark.parametrize(
    ("asked", "length"),
    [
        ({"max_gen_toks": 5, "max_tokens": 7}, 5),
        ({"max_gen_toks": None, "max_new_tokens": 7}, 7),
        ({"max_tokens": 8.0}, 8),
    ],
)
def test_lengths_have_several_names(asked: dict[str, Any], length: int) -> None:
    assert read(asked).length == length


@pytest.mark.parametrize(
    ("until", "stops"), [(None, ()), ("a", ("a",)), (["a", "", "b"], ("a", "b")), ([None], ()), ([], ())]
)
def test_stops_are_one_or_several(until: object, stops: tuple[str, ...]) -> None:
    assert read({"until": until}).until == stops


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"repetition_penality": 1.2},
            "unknown generation option 'repetition_penality'; allowed: .*; did you mean 'repetition_penalty'",
        ),
        ({"num_beams": 4}, "generation option num_beams: 4 is not computed here; expected left out or 1"),
        ({"max_length": 90}, "generation option max_length: 90 is not computed here; expected left out"),
        ({"eos_token_id": 5}, "generation option eos_token_id: 5 "),
        ({"stop_strings": ["a"]}, "generation option stop_strings: "),
        ({"min_new_tokens": 3}, "generation option min_new_tokens: 3 "),
        ({"typical_p": 0.9}, "generation option typical_p: 0.9 "),
        ({"do_sample": "yes"}, "do_sample: found 'yes', expected true or false"),
        ({"temperature": "1e-5"}, "temperature: found '1e-5', expected a number from 0 on"),
        ({"temperature": -1}, "temperature: found -1"),
        ({"temperature": float("nan")}, "temperature: found nan"),
        ({"do_sample": True, "temperature": 0}, "do_sample: true with temperature: 0"),
        ({"max_new_tokens": "7"}, "max_new_tokens: found '7', expected a whole number above 0"),
        ({"max_gen_toks": 0}, "max_gen_toks: found 0"),
        ({"max_gen_toks": True}, "max_gen_toks: found True"),
        ({"max_gen_toks": float("inf")}, "max_gen_toks: found inf"),
        ({"until": [3]}, "until: found 3, expected a text"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(HarnessError, match=f"^{told}"):
        read(asked)
