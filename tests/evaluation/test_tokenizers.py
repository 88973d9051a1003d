"""Texts to tokens and back."""

from __future__ import annotations

import json
import os
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


def test_all_ends_and_the_template_of_a_gguf_file_are_read() -> None:
    tokenizer = of(eot_token_id=1, eom_token_id=0, **{"tokenizer.chat_template": "{{ messages }}"})
    assert (tokenizer.end, tokenizer.ends) == (0, (0, 1))
    assert tokenizer.templates == {"default": "{{ messages }}"}
    assert tokenizer.named == {"bos_token": "<first>", "eos_token": "<end>"}


@pytest.mark.parametrize(
    "field",
    [{"merges": ["ab"]}, {"token_type": [1]}, {"eos_token_id": 99}, {"bos_token_id": "x"}, {"merges": ["q z"]}],
)
def test_a_damaged_gguf_tokenizer_is_told(field: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match=r"^file\.gguf: its tokenizer cannot be read: "):
        of(**field)


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


Files = dict[str, dict[str, Any] | str]


@pytest.mark.parametrize(
    ("files", "prefix", "ends"),
    [
        ({"tokenizer_config.json": {"eos_token": "</s>", "bos_token": None}}, 1, (1,)),
        ({"special_tokens_map.json": {"eos_token": {"content": "</s>"}, "bos_token": "<s>"}}, 0, (1,)),
        ({"special_tokens_map.json": {"eos_token": "a"}, "tokenizer_config.json": {"eos_token": "</s>"}}, 2, (2,)),
        (
            {
                "special_tokens_map.json": {"eos_token": "a", "bos_token": "<s>"},
                "tokenizer_config.json": {"eos_token": "</s>", "added_tokens_decoder": {}},
            },
            0,
            (1,),
        ),
        ({"config.json": {"eos_token_id": 3, "bos_token_id": 2}}, 2, (3,)),
        ({"config.json": {"text_config": {"eos_token_id": [1, 3]}}}, 1, (1, 3)),
        ({"generation_config.json": {"eos_token_id": [3, 1]}, "config.json": {"eos_token_id": 2}}, 3, (3, 1)),
        (
            {
                "tokenizer_config.json": {"eos_token": "</s>"},
                "generation_config.json": {"eos_token_id": [2, 1, 3]},
                "config.json": {"eos_token_id": 0, "bos_token_id": 0},
            },
            1,
            (1, 2, 3),
        ),
        ({"tokenizer_config.json": {"eos_token": "</s>"}, "config.json": {"eos_token_id": [1, 2]}}, 1, (1, 2)),
    ],
)
def test_ends_and_the_beginning_come_from_where_releases_keep_them(
    folder: Path, files: Files, prefix: int, ends: tuple[int, ...]
) -> None:
    (folder / "tokenizer_config.json").unlink()
    for name, fields in files.items():
        (folder / name).write_text(json.dumps(fields))
    tokenizer = tokenizer_of(folder)
    assert (tokenizer.prefix, tokenizer.end, tokenizer.ends) == (prefix, ends[0], ends)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"tokenizer_config.json": "null"}, r"tokenizer_config\.json: expected a JSON object, found null"),
        ({"tokenizer_config.json": "{"}, r"tokenizer_config\.json: is not JSON: "),
        ({"tokenizer_config.json": '{"a":' * 10**5}, r"tokenizer_config\.json: is not JSON: "),
        ({"tokenizer_config.json": "{}"}, "no file names a token that ends a text"),
        ({"generation_config.json": '{"eos_token_id": ["x"]}'}, "eos_token_id: found 'x', expected the number of a t"),
        ({"generation_config.json": '{"eos_token_id": -1}'}, "eos_token_id: found -1"),
        ({"tokenizer_config.json": '{"eos_token": "a", "bos_token": "?"}'}, r"bos_token names no token: '\?' is none"),
        ({"tokenizer_config.json": '{"eos_token": "a", "chat_template": 3}'}, "chat_template: expected a text, or"),
        ({"tokenizer_config.json": '{"eos_token": "a", "chat_template": [{}]}'}, "chat_template: expected a text, or"),
        ({"tokenizer_config.json": '{"added_tokens_decoder": []}'}, "its tokenizer cannot be read: "),
        (
            {"tokenizer_config.json": '{"eos_token": "a", "additional_special_tokens": "abc"}'},
            "additional_special_tokens: found 'abc', expected a list of tokens",
        ),
        ({"added_tokens.json": '{"<more>": 9}'}, "added token '<more>' is listed as 9, and the next free number is 4"),
        ({"tokenizer.json": '{"model": {"type": "BPE"'}, "its tokenizer cannot be read: "),
    ],
)
def test_bad_files_are_told_by_name(folder: Path, files: dict[str, str], told: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(HarnessError, match=told):
        tokenizer_of(folder)


def test_where_the_rust_code_panics_one_line_tells(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A merge shorter than the prefix that it is to lose."""
    bpe = {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]], "continuing_subword_prefix": "####"}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": bpe}))
    with pytest.raises(HarnessError, match="its tokenizer cannot be read: range end index"):
        tokenizer_of(folder)
    os.write(2, b"and the error stream is there again")
    assert capfd.readouterr().err == "and the error stream is there again"


def test_a_text_that_begins_with_the_beginning_gets_no_second(folder: Path) -> None:
    tokenizer = tokenizer_of(folder)
    assert tokenizer.encode("<s> a b") == tokenizer.encode("a b") == [0, 2, 3]
    assert tokenizer.encode("a <s> b") == [0, 2, 0, 3]


def test_truncation_and_padding_of_the_file_are_switched_off(folder: Path) -> None:
    stored = Tokenizer.from_file(str(folder / "tokenizer.json"))
    stored.enable_truncation(2)
    stored.enable_padding(length=8)
    stored.save(str(folder / "tokenizer.json"))
    assert tokenizer_of(folder).encode("a b a b") == [0, 2, 3, 2, 3]


def test_tokens_that_only_the_files_beside_it_make_special_have_no_text(folder: Path) -> None:
    named = {"eos_token": "</s>", "pad_token": "a", "additional_special_tokens": ["b"]}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    tokenizer = tokenizer_of(folder)
    assert tokenizer.decode([2, 3, 1]) == ""
    assert tokenizer.decode([2, 3, 1], special=True) == "a b </s>"


def test_listed_tokens_are_added(folder: Path) -> None:
    listed = {"4": {"content": "<call>", "special": True}, "5": {"content": "<plain>", "special": False}}
    fields = {"eos_token": "</s>", "bos_token": "<s>", "added_tokens_decoder": listed}
    (folder / "tokenizer_config.json").write_text(json.dumps(fields))
    tokenizer = tokenizer_of(folder)
    assert tokenizer.encode("a<call>b<plain>") == [0, 2, 4, 3, 5]
    assert tokenizer.decode([2, 4, 5]) == "a <plain>"


def test_templates_in_files_come_before_those_in_the_config(folder: Path) -> None:
    named = {"eos_token": "</s>", "chat_template": [{"name": "default", "template": "x"}]}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    assert tokenizer_of(folder).templates == {"default": "x"}
    (folder / "chat_template.jinja").write_text("y")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("z")
    assert tokenizer_of(folder).templates == {"default": "y", "tool_use": "z"}


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """GPT-2's layout."""
    words = ["<|endoftext|>", "a", "b", "Ġ", "ab", "Ġa"]
    (tmp_path / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\na b\nĠ a\n")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    return tmp_path


def test_gpt2s_two_files_are_a_tokenizer(bare: Path) -> None:
    tokenizer = tokenizer_of(bare)
    assert tokenizer.encode("ab a<|endoftext|>b") == [4, 5, 0, 2]
    assert (tokenizer.decode([4, 5, 0, 2]), tokenizer.prefix, tokenizer.ends) == ("ab ab", 0, (0,))


def test_opts_options_are_read(bare: Path) -> None:
    """It is GPT-2's, with another beginning that is put in front of every text."""
    (bare / "added_tokens.json").write_text('{"</s>": 6}')
    fields = {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "bos_token": "</s>", "eos_token": "</s>"}
    (bare / "tokenizer_config.json").write_text(json.dumps({**fields, "add_prefix_space": True}))
    tokenizer = tokenizer_of(bare)
    assert (tokenizer.encode("a"), tokenizer.encode("</s>a"), tokenizer.ends) == ([6, 5], [6, 5], (6,))


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer"}, "tokenizer_class 'Qwen2Tokenizer' cannot be"),
        ("config.json", {"model_type": "openai-gpt"}, "the tokenizer of model_type 'openai-gpt' cannot be read wit"),
    ],
)
def test_other_tokenizers_need_their_file(bare: Path, name: str, fields: dict[str, str], told: str) -> None:
    (bare / name).write_text(json.dumps(fields))
    with pytest.raises(HarnessError, match=told):
        tokenizer_of(bare)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"words": ["a"], "prefix": "a"}', "end: Field required"),
        ('{"words": ["a"], "prefix": "a", "end": "b"}', "'b' is none of the 1 words"),
        ('{"words": ["a", 3], "prefix": "a", "end": "a"}', r"words\.1: Input should be a valid string"),
        ('{"words": ["a", "a"], "prefix": "a", "end": "a"}', "words: expected each word once"),
        ('{"words": ["a"], "prefix": "a", "end": "a", "blank": 5}', "blank: Input should be a valid array"),
        ('{"words": ["a"], "prefix": "a", "end": "a", "more": 5}', "more: Extra inputs"),
        ("", "file: Invalid JSON"),
        ("[]", "file: Input should be an object"),
    ],
)
def test_a_damaged_list_of_words_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "words.json").write_text(text)
    with pytest.raises(HarnessError, match=rf"words\.json: {told}"):
        tokenizer_of(tmp_path)


def test_a_token_beyond_the_words_is_named() -> None:
    with pytest.raises(HarnessError, match=r"^token 45 is beyond the 45 words of the tokenizer$"):
        WORDS.decode([3, 45])


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
    assert WORDS.decode([0, 2, 1]) == "<s> [MASK]"
    assert WORDS.decode([0, 2, 1], special=True) == "<s> [MASK] </s>"


def test_words_come_back_from_a_folder(tmp_path: Path) -> None:
    BLANKS.save(tmp_path)
    read = tokenizer_of(tmp_path)
    assert isinstance(read, Words)
    assert (read.words, read.prefix, read.end, read.blank) == (BLANKS.words, 0, 1, (2, 3))


def test_an_unknown_word_is_told() -> None:
    with pytest.raises(HarnessError, match=r"^'w99' is none of the 45 words of the tokenizer$"):
        WORDS.encode("w1 w99")
