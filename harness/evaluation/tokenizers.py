"""The tokenizer of a checkpoint, from wherever releases keep what there is to know of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from pydantic import BaseModel, ConfigDict, ValidationError
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from harness.checkpoints.gguf import GGUFFile
from harness.errors import HarnessError
from harness.evaluation.text import WORDS, StoredTokenizer, Tokenizer, Words, panics_untold, tokenizer_errors
from harness.files import read_json, read_text

DEFAULT = "default"
"""The name of the template that is used where none is asked for."""


def tokenizer_of(checkpoint: str | Path) -> Tokenizer:
    """The tokenizer of a checkpoint: of a GGUF file, or of a folder with `tokenizer.json`, GPT-2's `vocab.json` and
    `merges.txt`, or `words.json`.

    Raises:
        HarnessError: there is none, or one that cannot be read.
    """
    path = Path(checkpoint)
    if path.suffix == ".gguf":
        return from_gguf(GGUFFile(path))
    if (path / WORDS).is_file():
        return _from_words(path / WORDS)
    return from_folder(path)


class _WordsFile(BaseModel):
    """What `Words.save` writes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    words: list[str]
    prefix: str
    end: str
    blank: list[str] = []


def _from_words(file: Path) -> Words:
    try:
        read = _WordsFile.model_validate_json(read_text(file))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors())
        raise HarnessError(f"{file}: {told}") from None
    if len(set(read.words)) < len(read.words):
        raise HarnessError(f"{file}: words: expected each word once")
    try:
        return Words(**dict(read))
    except HarnessError as error:
        raise HarnessError(f"{file}: {error}") from None


SPLITS = {
    "gpt-2": (),
    "smollm": (pre_tokenizers.Digits(individual_digits=True),),
}
"""What comes before GPT-2's own split into words, by llama.cpp's name for the whole."""

NORMAL, CONTROL = 1, 3
"""Types of tokens in GGUF."""


def from_gguf(file: GGUFFile) -> StoredTokenizer:
    """Byte-level BPE from the tokens and merges that a file lists.

    Raises:
        HarnessError: the file's tokenizer is of another kind, or damaged.
    """
    with tokenizer_errors(f"{file.where}: its tokenizer cannot be read"), panics_untold():
        kind, split = file.field("tokenizer.ggml.model"), file.field("tokenizer.ggml.pre", "gpt-2")
        if kind != "gpt2" or split not in SPLITS:
            raise HarnessError(
                f"{file.where}: tokenizer {kind!r} with split {split!r} cannot be read; "
                f"only 'gpt2' with one of: {', '.join(SPLITS)}"
            )
        tokens, merges = file.field("tokenizer.ggml.tokens"), file.field("tokenizer.ggml.merges")
        types = file.field("tokenizer.ggml.token_type", [NORMAL] * len(tokens))
        pairs = [tuple(merge.split(" ", 1)) for merge in merges]
        bpe = tokenizers.Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, pairs))
        bpe.pre_tokenizer = pre_tokenizers.Sequence([*SPLITS[split], pre_tokenizers.ByteLevel(add_prefix_space=False)])
        bpe.decoder = decoders.ByteLevel()
        bpe.add_special_tokens([token for token, type_ in zip(tokens, types, strict=True) if type_ == CONTROL])
        end = int(file.field("tokenizer.ggml.eos_token_id"))
        first = int(file.field("tokenizer.ggml.bos_token_id", end))
        # Of a turn and of a message: llama.cpp ends a text at any of them.
        others = [int(file.field(f"tokenizer.ggml.{name}_token_id", end)) for name in ("eot", "eom")]
        template = file.field("tokenizer.chat_template", "")
        return StoredTokenizer(
            bpe,
            first,
            list(dict.fromkeys([end, *others])),
            first=first if file.field("tokenizer.ggml.add_bos_token", False) else None,
            templates={DEFAULT: str(template)} if template else None,
            named={"bos_token": tokens[first], "eos_token": tokens[end]},
        )


def from_folder(folder: Path) -> StoredTokenizer:
    """The tokenizer that a folder in the Hugging Face layout describes.

    What splits and merges stands in `tokenizer.json`, or as GPT-2 came in `vocab.json` and `merges.txt`. Special
    tokens are named in `tokenizer_config.json` or `special_tokens_map.json`; where those name no end, and for further
    ends, `generation_config.json` or else `config.json` has numbers.

    Raises:
        HarnessError: there is none, a file is damaged, or no file names a token that ends a text.
    """
    config, model, generation = (
        read_fields(folder / name) for name in ("tokenizer_config.json", "config.json", "generation_config.json")
    )
    whole, file = folder / "tokenizer.json", folder / "tokenizer_config.json"
    with tokenizer_errors(f"{folder}: its tokenizer cannot be read"), panics_untold():
        is_whole = whole.is_file()
        tokenizer = tokenizers.Tokenizer.from_file(str(whole)) if is_whole else _bare(folder, config, model)
        named = _named(folder, config)
        special = [*filter(None, named.values()), *_unnamed(config)]
        _add_listed(tokenizer, folder, config, special)
        if not is_whole and tokenizer.token_to_id(GPT2_END) is not None:
            named = {"bos_token": GPT2_END, "eos_token": GPT2_END, **named}
        _mark_special(tokenizer, [*special, *filter(None, named.values())])
        templates = _templates(folder, config)
    end, begin = (_token(tokenizer, file, name, named.get(name)) for name in ("eos_token", "bos_token"))
    numbered = _with_ends(generation, model, model.get("text_config"))
    ends = [*([] if end is None else [end]), *_numbers(folder, numbered, "eos_token_id")]
    if not ends:
        raise HarnessError(f"{folder}: no file names a token that ends a text: expected eos_token in {file.name}")
    if begin is None and end is None:  # nothing but numbers: that of the beginning stands beside that of the end
        begin = next(iter(_numbers(folder, numbered, "bos_token_id")), None)
    return StoredTokenizer(
        tokenizer,
        ends[0] if begin is None else begin,
        list(dict.fromkeys(ends)),
        # tokenizer.json says itself what comes first.
        first=begin if not is_whole and config.get("add_bos_token") is True else None,
        # transformers leaves BPE alone, whose spaces are its own.
        cleaned=config.get("clean_up_tokenization_spaces") is True and not isinstance(tokenizer.model, models.BPE),
        templates=templates,
        named={name: text for name, text in named.items() if text is not None},
    )


def read_fields(file: Path) -> dict[str, Any]:
    """The fields of a file in JSON; none where there is no such file.

    Raises:
        HarnessError: it cannot be read, or is not a JSON object.
    """
    if not file.is_file():
        return {}
    try:
        fields = read_json(file)
    except OSError as error:
        raise HarnessError(f"{file}: cannot be read: {error.strerror}") from None
    if not isinstance(fields, dict):
        raise HarnessError(f"{file}: expected a JSON object, found {json.dumps(fields)[:40]}")
    return fields


GPT2_END = "<|endoftext|>"
GPT2_CLASSES = ("GPT2Tokenizer", "GPT2TokenizerFast")
GPT2_MODELS = ("codegen", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "opt", "phi", "starcoder2")
"""Released with that tokenizer where no class is named."""


def _bare(folder: Path, config: Mapping[str, Any], model: Mapping[str, Any]) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer from its two files: Radford et al. 2019, section 2.2."""
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    if not (vocabulary.is_file() and merges.is_file()):
        raise HarnessError(
            f"{folder}: no tokenizer: expected tokenizer.json, vocab.json with merges.txt, or {WORDS} in it, "
            f"or a file in GGUF"
        )
    kind = config.get("tokenizer_class") or model.get("tokenizer_class")
    if kind not in GPT2_CLASSES and (kind or model.get("model_type") not in GPT2_MODELS):
        told = f"tokenizer_class {kind!r}" if kind else f"the tokenizer of model_type {model.get('model_type')!r}"
        raise HarnessError(f"{folder}: {told} cannot be read without tokenizer.json; only GPT-2's can")
    tokenizer = tokenizers.Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    spaced = config.get("add_prefix_space") is True
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _named(folder: Path, config: Mapping[str, Any]) -> dict[str, str | None]:
    """Texts of special tokens by name, None where it is said that there is none. As in transformers the map, which is
    older, comes first, unless the config lists its tokens with their numbers.
    """
    stated = read_fields(folder / "special_tokens_map.json")
    fields = {**stated, **config} if "added_tokens_decoder" in config else {**config, **stated}
    texts = {name: _text(value) for name, value in fields.items() if name.endswith("_token")}
    return {name: text for name, text in texts.items() if text is not None or fields[name] is None}


def _text(value: object) -> str | None:
    """A special token is written as its text, or as an object with it."""
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def _unnamed(config: Mapping[str, Any]) -> list[str]:
    """Further special tokens, which have no name."""
    listed = []
    for name in ("additional_special_tokens", "extra_special_tokens"):
        stated = config.get(name) or []
        if not isinstance(stated, list | dict):
            raise HarnessError(f"{name}: found {stated!r}, expected a list of tokens, or tokens by their names")
        listed.append(stated)
    values = [value for each in listed for value in (each.values() if isinstance(each, dict) else each)]
    return [text for text in map(_text, values) if text is not None]


def _add_listed(
    tokenizer: tokenizers.Tokenizer, folder: Path, config: Mapping[str, Any], special: Sequence[str]
) -> None:
    """Add the tokens that only the files beside the tokenizer list, under the numbers that they give."""
    listed = {
        number: AddedToken(text, normalized=text not in special, special=text in special)
        for text, number in read_fields(folder / "added_tokens.json").items()
    }
    listed |= {int(number): AddedToken(**fields) for number, fields in config.get("added_tokens_decoder", {}).items()}
    for number, token in sorted(listed.items(), key=lambda each: each[0]):
        if tokenizer.token_to_id(token.content) is None:
            tokenizer.add_tokens([token])
            if (got := tokenizer.token_to_id(token.content)) != number:
                raise HarnessError(
                    f"{folder}: added token {token.content!r} is listed as {number}, and the next free number is {got}"
                )


def _mark_special(tokenizer: tokenizers.Tokenizer, special: Sequence[str]) -> None:
    """Make tokens of the vocabulary special that only the files beside the tokenizer say are."""
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    own = [text for text in special if text not in added and tokenizer.token_to_id(text) is not None]
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in dict.fromkeys(own)])


def _token(tokenizer: tokenizers.Tokenizer, file: Path, name: str, text: str | None) -> int | None:
    token: int | None = None if text is None else tokenizer.token_to_id(text)
    if text is not None and token is None:
        raise HarnessError(f"{file}: {name} names no token: {text!r} is none of the tokenizer's")
    return token


def _with_ends(*configs: object) -> Mapping[str, Any]:
    """The first of configs that has numbers of ends; one without fields where none has."""
    stating = (each for each in configs if isinstance(each, dict) and each.get("eos_token_id") is not None)
    return next(stating, {})


def _numbers(folder: Path, fields: Mapping[str, Any], name: str) -> list[int]:
    """Token numbers of a field: one, several or none."""
    value = fields.get(name)
    numbers = value if isinstance(value, list) else [] if value is None else [value]
    for number in numbers:
        if type(number) is not int or not 0 <= number < 2**32:
            raise HarnessError(f"{folder}: {name}: found {number!r}, expected the number of a token")
    return numbers


def _templates(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """Chat templates by name: files of their own come before what `tokenizer_config.json` holds."""
    files = {file.stem: file for file in sorted(folder.glob("additional_chat_templates/*.jinja"))}
    if (folder / "chat_template.jinja").is_file():
        files[DEFAULT] = folder / "chat_template.jinja"
    if files:
        return {name: read_text(file) for name, file in files.items()}
    stated = config.get("chat_template")
    listed = stated if isinstance(stated, list) else [{"name": DEFAULT, "template": stated}] if stated else []
    try:
        templates = {str(each["name"]): each["template"] for each in listed}
    except (TypeError, KeyError):
        templates = {"": None}
    if not all(isinstance(template, str) for template in templates.values()):
        raise HarnessError(f"{folder / 'tokenizer_config.json'}: chat_template: expected a text, or a list of them")
    return templates
