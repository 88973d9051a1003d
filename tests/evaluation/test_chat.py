"""Conversations as text."""

from __future__ import annotations

from datetime import datetime

import pytest

from harness.errors import HarnessError
from harness.evaluation.chat import render

USER = {"role": "user", "content": "a <question> & so on"}
ASSISTANT = {"role": "assistant", "content": "an answer "}


def rendered(template: str, *messages: dict[str, str], answer: bool = True, **named: str) -> str:
    return render(template, messages, named, answer=answer)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ bos_token }}{{ messages[0].content }}", "<s>a <question> & so on"),
        ("{{ messages[0] | tojson }}", '{"role": "user", "content": "a <question> & so on"}'),
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("a{% generation %}b{{ 1 + 1 }}{% endgeneration %}c", "ab2c"),
        ("x\n{% if tools is none and documents is none %}\n  y\n{% endif %}", "x\n  y\n"),
        ("{{ 'yes' if add_generation_prompt else 'no' }}", "yes"),
        ("{{ eos_token is defined }}", "False"),
        (
            "{% set kept = namespace(x='') %}{% for m in messages %}{% set kept.x = m.role %}{% endfor %}{{ kept.x }}",
            "user",
        ),
        ("{{ strftime_now('%Y') }}", str(datetime.now().year)),
    ],
)
def test_templates_are_rendered_as_the_releases_expect(template: str, text: str) -> None:
    assert rendered(template, USER, bos_token="<s>") == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% for m in messages %}<{{ m.content }}>{% endfor %}", "<a <question> & so on><an answer "),
        ("{% for m in messages %}<{{ m.content | trim }}>{% endfor %}", "<a <question> & so on><an answer"),
    ],
)
def test_the_last_message_is_to_be_continued(template: str, text: str) -> None:
    assert rendered(template, USER, ASSISTANT, answer=False) == text
    assert ASSISTANT["content"] == "an answer "


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{% if %}", "Expected an expression"),
        ("{{ raise_exception.__globals__.items() }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% set _ = messages.append(1) %}", "unsafe"),
        ("{{ missing.content }}", "'missing' is undefined"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 'a' + 1 }}", "can only concatenate str"),
        ("{% include '/etc/passwd' %}", "no loader"),
    ],
)
def test_a_template_that_fails_is_told(template: str, told: str) -> None:
    with pytest.raises(HarnessError, match=f"^chat template: .*{told}"):
        rendered(template, USER)


def test_a_template_that_leaves_out_what_is_to_be_continued_is_told() -> None:
    with pytest.raises(HarnessError, match="leaves out the last message"):
        rendered("{{ messages[0].content }}", USER, ASSISTANT, answer=False)
