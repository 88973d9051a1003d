"""Texts to tokens and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from harness.errors import HarnessError
from harness.evaluation.text import Words
from harness.evaluation.tokenizers import from_gguf, tokenizer_of
from tests.evaluation.examples import BLANKS, WORDS


class Fields:
    """The fields of a GGUF file."""

    where = "file.gguf"

    def __init__(self, **fields: Any) -> None:
        self._fields = {
            "model": "gpt2",
            "tokens": ["<end>", "<first>", "a", "b", "Ġ", "1", "2", "ab", "Ġa", "12"],
            "token_type": [3, 3, *[1] * 8],
            "merges": ["a b", "Ġ a", "1 2"],
            "eos_token_id": 0,
            "bos_token_id": 1,
            **fields,
        }

    def field(self, name: str, default: Any = None) -> Any:
        return self._fields.get(name.removeprefix("tokenizer.ggml."), default)


def of(**fields: Any) -> Any:
    return from_gguf(Fields(**fields))  # type: ignore[arg-type]


def test_merges_of_a_gguf_file_are_applied() -> None:
    tokenizer = of()
    assert tokenizer.encode("ab a12") == [7, 8, 9]
    assert tokenizer.decode([7, 8, 9]) == "ab a12"
    assert (tokenizer.prefix, tokenizer.end, tokenizer.blank) == (1, 0, ())


def test_digits_stand_alone_where_the_file_says_so() -> None:
    assert of(pre="smollm").encode("a12") == [2, 5, 6]


def test_control_tokens_are_found_in_a_text_and_have_none() -> None:
    assert of().encode("ab<end>") == [7, 0]
    assert of().decode([7, 0]) == "ab"


def test_a_first_token_is_put_where_the_file_asks_for_it() -> None:
    tokenizer = of(add_bos_token=True)
    assert (tokenizer.encode("ab"), tokenizer.encode("ab", special=False)) == ([1, 7], [7])


@pytest.mark.parametrize(("field", "shown"), [({"model": "llama"}, "'llama'"), ({"pre": "llama-bpe"}, "'llama-bpe'")])
def test_another_kind_is_refused(field: dict[str, str], shown: str) -> None:
    with pytest.raises(HarnessError, match=rf"^file\.gguf: tokenizer .*{shown}.* cannot be read; only 'gpt2' with "):
        of(**field)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tokenizer in the Hugging Face layout that puts a token in front of every text."""
    tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "a": 2, "b": 3}, unk_token="</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    named = {"eos_token": {"content": "</s>"}, "bos_token": "<s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(named))
    return tmp_path


def test_a_folder_brings_its_tokenizer(folder: Path) -> None:
    tokenizer = tokenizer_of(folder)
    assert (tokenizer.encode("a b"), tokenizer.encode("a b", special=False)) == ([0, 2, 3], [2, 3])
    assert (tokenizer.prefix, tokenizer.end, tokenizer.decode([0, 2, 3])) == (0, 1, "a b")


def test_a_folder_without_an_end_is_refused(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<none>"}')
    with pytest.raises(HarnessError, match=r"tokenizer_config\.json: eos_token names no token: '<none>' is"):
        tokenizer_of(folder)


def test_a_damaged_tokenizer_is_told(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(HarnessError, match="its tokenizer cannot be read: "):
        tokenizer_of(folder)


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        HarnessError, match=r"no tokenizer: expected tokenizer\.json, vocab\.json with merges\.txt, or words"
    ):
        tokenizer_of(tmp_path)


def test_words_are_tokens() -> None:
    tokens = WORDS.encode("w3 ->\nw0")
    assert [WORDS.words[token] for token in tokens] == ["w3", "->", "w0"]
    assert WORDS.decode(tokens) == "w3 -> w0"


def test_words_come_back_from_a_folder(tmp_path: Path) -> None:
    BLANKS.save(tmp_path)
    read = tokenizer_of(tmp_path)
    assert isinstance(read, Words)
    assert (read.words, read.prefix, read.end, read.blank) == (BLANKS.words, 0, 1, (2, 3))


def test_an_unknown_word_is_told() -> None:
    with pytest.raises(HarnessError, match=r"^'w99' is none of the 45 words of the tokenizer$"):
        WORDS.encode("w1 w99")
