"""Conversations as one text, by the Jinja template that a checkpoint brings, rendered as transformers renders it.

A template comes from elsewhere, so it runs in Jinja's sandbox and sees nothing but texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import HarnessError

Message = Mapping[str, str]
"""`role` and `content`."""

MARK = "<<the last message ends here>> "
"""Stands behind a message that is to be continued. A template that strips messages takes its last space."""


def render(template: str, messages: Sequence[Message], named: Mapping[str, str], *, answer: bool) -> str:
    """A conversation as one text.

    Args:
        template: in Jinja.
        messages: of the conversation.
        named: texts of special tokens by name.
        answer: whether the beginning of an answer follows; otherwise the text ends where the last message ends, which
            is to be continued.

    Raises:
        HarnessError: the template is none, fails, or leaves the message out that is to be continued.
    """
    told = [dict(message) for message in messages]
    if not answer:
        told[-1]["content"] += MARK
    try:
        text = _compiled(template).render(
            messages=told, tools=None, documents=None, add_generation_prompt=answer, **named
        )
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise HarnessError(f"chat template: {error}") from None
    if answer:
        return text
    before, mark, after = text.rpartition(MARK.rstrip())
    if not mark:
        raise HarnessError("chat template: it leaves out the last message, which is to be continued")
    return before if after.startswith(" ") else before.rstrip()


class _Generation(Extension):
    """`{% generation %}` marks what an assistant said, for training; the text is the same without."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja declares it

    def parse(self, parser: Parser) -> Node | list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache
def _compiled(template: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _json
    environment.globals.update(raise_exception=_refuse, strftime_now=lambda format_: datetime.now().strftime(format_))
    return environment.from_string(template)


def _json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """Jinja's own filter of that name escapes what is special in HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
