"""From text to tokens and back: byte-level BPE as a checkpoint stores it, or words of a fixed list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from harness.checkpoints.gguf import GGUFFile
from harness.errors import HarnessError
from harness.files import write_atomically

WORDS = "words.json"


class Tokenizer(Protocol):
    """What a language model needs to know of its text.

    Attributes:
        prefix: the token that stands in front of a text without a context.
        end: the token that ends a text.
        blank: what stands between a context and what is predicted: nothing, or for blank infilling the mask, the last
            token of the context, and the token that begins its span.
    """

    prefix: int
    end: int
    blank: tuple[int, ...]

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Tokens of a text; with `special` also those that the model expects around every text."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""


class StoredTokenizer:
    """A tokenizer of the package `tokenizers`.

    Args:
        tokenizer: encodes and decodes.
        prefix: see `Tokenizer`.
        end: see `Tokenizer`.
        first: a token that is put in front of every text, None for none but what the tokenizer itself adds.
    """

    def __init__(self, tokenizer: tokenizers.Tokenizer, prefix: int, end: int, first: int | None = None) -> None:
        self.tokenizer, self.prefix, self.end = tokenizer, prefix, end
        self.blank: tuple[int, ...] = ()
        self._first = [] if first is None else [first]

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Tokens of a text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=special).ids
        return self._first + ids if special else ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; special ones have none."""
        text: str = self.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text


class Words:
    """Each word of a fixed list is a token; texts are split at white space.

    Args:
        words: the list; the place of a word is its token.
        prefix: the word for `Tokenizer.prefix`.
        end: the word for `Tokenizer.end`.
        blank: the words for `Tokenizer.blank`.
    """

    def __init__(self, words: Sequence[str], prefix: str, end: str, blank: Sequence[str] = ()) -> None:
        self.words = list(words)
        self._index = {word: index for index, word in enumerate(self.words)}
        self._special = {"prefix": prefix, "end": end, "blank": list(blank)}
        self.prefix, self.end = self._token(prefix), self._token(end)
        self.blank = tuple(map(self._token, blank))

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Tokens of a text.

        Raises:
            HarnessError: a word is not in the list; it is named.
        """
        return [self._token(word) for word in text.split()]

    def decode(self, tokens: Sequence[int]) -> str:
        """The words, with a space between any two."""
        return " ".join(self.words[token] for token in tokens)

    def save(self, folder: Path) -> None:
        """Write the list beside a checkpoint, where `tokenizer_of` finds it."""
        write_atomically(folder / WORDS, json.dumps({"words": self.words, **self._special}, ensure_ascii=False) + "\n")

    def _token(self, word: str) -> int:
        if word not in self._index:
            raise HarnessError(f"{word!r} is none of the {len(self.words)} words of the tokenizer")
        return self._index[word]


def tokenizer_of(checkpoint: str | Path) -> Tokenizer:
    """The tokenizer of a checkpoint: of a GGUF file, or of a folder with `tokenizer.json` or `words.json`.

    Raises:
        HarnessError: there is none, or one that cannot be read.
    """
    path = Path(checkpoint)
    if path.suffix == ".gguf":
        return from_gguf(GGUFFile(path))
    if (path / WORDS).is_file():
        return Words(**json.loads((path / WORDS).read_text(encoding="utf-8")))
    if (path / "tokenizer.json").is_file():
        return from_folder(path)
    raise HarnessError(f"{path}: no tokenizer: expected tokenizer.json or {WORDS} in it, or a file in GGUF")


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
        HarnessError: the file's tokenizer is of another kind.
    """
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
    return StoredTokenizer(bpe, first, end, first if file.field("tokenizer.ggml.add_bos_token", False) else None)


def from_folder(folder: Path) -> StoredTokenizer:
    """The tokenizer that a folder in the Hugging Face layout describes in `tokenizer.json`.

    Raises:
        HarnessError: the file is damaged, or `tokenizer_config.json` names no token that ends a text.
    """
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        named = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises Exception itself
        raise HarnessError(f"{folder}: its tokenizer cannot be read: {error}") from None
    end, first = (_token(tokenizer, named.get(f"{name}_token")) for name in ("eos", "bos"))
    if end is None:
        raise HarnessError(f"{folder / 'tokenizer_config.json'}: eos_token names no token")
    return StoredTokenizer(tokenizer, end if first is None else first, end)


def _token(tokenizer: tokenizers.Tokenizer, named: object) -> int | None:
    """A special token is written as its text, or as an object with it."""
    text = named.get("content") if isinstance(named, dict) else named
    token: int | None = tokenizer.token_to_id(text) if isinstance(text, str) else None
    return token
