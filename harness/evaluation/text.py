"""From text to tokens and back: a tokenizer of the package `tokenizers`, or words of a fixed list."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import tokenizers

from harness.errors import HarnessError
from harness.files import write_atomically

WORDS = "words.json"
STDERR = 2
"""The number of the stream, which Rust writes to past Python's own."""


class Tokenizer(Protocol):
    """What a language model needs to know of its text.

    Attributes:
        prefix: the token that stands in front of a text without a context.
        end: the token that ends a text.
        ends: all tokens behind which a generated text ends, `end` the first.
        blank: what stands between a context and what is predicted: nothing, or for blank infilling the mask, the last
            token of the context, and the token that begins its span.
        templates: how a conversation is written as one text, Jinja templates by name; the usual one is "default".
        named: texts of special tokens by the names that templates know them under, such as `bos_token`.
    """

    prefix: int
    end: int
    ends: tuple[int, ...]
    blank: tuple[int, ...]
    templates: Mapping[str, str]
    named: Mapping[str, str]

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Tokens of a text; with `special` also those that the model expects around every text."""

    def decode(self, tokens: Sequence[int], special: bool = False) -> str:
        """The text of tokens; with `special` also that of tokens that stand for no text of their own."""


class StoredTokenizer:
    """A tokenizer of the package `tokenizers`.

    Args:
        tokenizer: encodes and decodes; its truncation and padding are switched off.
        prefix: see `Tokenizer`.
        ends: see `Tokenizer`.
        first: a token that is put in front of every text, None for none but what the tokenizer itself adds.
        cleaned: whether spaces in front of English punctuation are taken out of decoded text.
        templates: see `Tokenizer`.
        named: see `Tokenizer`.
    """

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer,
        prefix: int,
        ends: Sequence[int],
        *,
        first: int | None = None,
        cleaned: bool = False,
        templates: Mapping[str, str] | None = None,
        named: Mapping[str, str] | None = None,
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer, self.prefix, self.end, self.ends = tokenizer, prefix, ends[0], tuple(ends)
        self.blank: tuple[int, ...] = ()
        self.templates, self.named = templates or {}, named or {}
        self._first = [] if first is None else [first]
        self._cleaned = cleaned
        self._prefix_text = self.decode([prefix], special=True)

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Tokens of a text; one that begins with the prefix already gets no special tokens around it.

        Raises:
            HarnessError: the tokenizer has no token for a part of the text, not even one for what it does not know.
        """
        special = special and not (self._prefix_text and text.startswith(self._prefix_text))
        with tokenizer_errors("the tokenizer"):
            ids: list[int] = self.tokenizer.encode(text, add_special_tokens=special).ids
        return self._first + ids if special else ids

    def decode(self, tokens: Sequence[int], special: bool = False) -> str:
        """The text of tokens."""
        text: str = self.tokenizer.decode(list(tokens), skip_special_tokens=not special)
        return _clean(text) if self._cleaned else text


class Words:
    """Each word of a fixed list is a token; texts are split at white space.

    Args:
        words: the list; the place of a word is its token.
        prefix: the word for `Tokenizer.prefix`.
        end: the word for `Tokenizer.end`.
        blank: the words for `Tokenizer.blank`.
    """

    templates: Mapping[str, str] = {}
    named: Mapping[str, str] = {}

    def __init__(self, words: Sequence[str], prefix: str, end: str, blank: Sequence[str] = ()) -> None:
        self.words = list(words)
        self._index = {word: index for index, word in enumerate(self.words)}
        self._special = {"prefix": prefix, "end": end, "blank": list(blank)}
        self.prefix, self.end = self._token(prefix), self._token(end)
        self.ends: tuple[int, ...] = (self.end,)
        self.blank = tuple(map(self._token, blank))

    def encode(self, text: str, special: bool = True) -> list[int]:
        """Tokens of a text.

        Raises:
            HarnessError: a word is not in the list; it is named.
        """
        return [self._token(word) for word in text.split()]

    def decode(self, tokens: Sequence[int], special: bool = False) -> str:
        """The words, with a space between any two; the end only with `special`.

        Raises:
            HarnessError: a token is beyond the list; it is named.
        """
        for token in tokens:
            if token >= len(self.words):
                raise HarnessError(f"token {token} is beyond the {len(self.words)} words of the tokenizer")
        return " ".join(self.words[token] for token in tokens if special or token != self.end)

    def save(self, folder: Path) -> None:
        """Write the list beside a checkpoint, where `tokenizer_of` finds it."""
        write_atomically(folder / WORDS, json.dumps({"words": self.words, **self._special}, ensure_ascii=False) + "\n")

    def _token(self, word: str) -> int:
        if word not in self._index:
            raise HarnessError(f"{word!r} is none of the {len(self.words)} words of the tokenizer")
        return self._index[word]


@contextmanager
def tokenizer_errors(where: str) -> Iterator[None]:
    """Tell what the package `tokenizers` cannot do. It raises Exception itself, and where its Rust code panics a
    class of its own that is none, which cannot be imported.

    Raises:
        HarnessError: instead of either.
    """
    try:
        yield
    except HarnessError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise HarnessError(f"{where}: {error}") from None
        raise


@contextmanager
def panics_untold() -> Iterator[None]:
    """Keep from the terminal what Rust writes there about a panic, before Python hears of it as an exception."""
    sys.stderr.flush()
    terminal = os.dup(STDERR)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), STDERR)
    try:
        yield
    finally:
        os.dup2(terminal, STDERR)
        os.close(terminal)


def _clean(text: str) -> str:
    """What transformers does where `clean_up_tokenization_spaces` is set, `PreTrainedTokenizerBase` there."""
    for mark in (".", "?", "!", ","):
        text = text.replace(f" {mark}", mark)
    text = text.replace(" ' ", "'")
    for ending in ("n't", "'m", "'s", "'ve", "'re"):
        text = text.replace(f" {ending}", ending)
    return text
