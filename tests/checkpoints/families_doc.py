"""Writes docs/families.md: `python -m tests.checkpoints.families_doc > docs/families.md`."""

from __future__ import annotations

from importlib.metadata import version

from harness.checkpoints.families import families
from harness.checkpoints.refused import REFUSED
from harness.checkpoints.wrappers import FLAT, WRAPPERS
from tests.checkpoints.same_as import SAME_AS
from tests.checkpoints.texts import TEXTS
from tests.checkpoints.tiny import TINY

HEAD = f"""\
# Released families

Written by `python -m tests.checkpoints.families_doc`; a test holds it to the code.

**Exact** means that tiny models with random weights, over configs that between them use every branch of the
translation, give the logits of the reference implementation in float32 to 1e-5, the same likeliest tokens, the same
through a key-value cache, and as many parameters, also for the family's default config. The reference is transformers
{version("transformers")}, recorded logits of a release's own code, or, for a release with code of its own that
transformers does not hold, a family of transformers whose arithmetic is the same. A config with a field that decides
something and that no spec can express is refused, whatever its family; all such fields are named.

**Text of** means that the text model of such a config is imported, and said to be that; families of text models that
stand only inside others are checked through these.

**Refused** means that an import ends with the reason that stands here. Every family is listed that transformers holds
as a causal language model.

| `model_type` | | checked against | configs | layout |
| --- | --- | --- | ---: | --- |
"""
GOLDEN = {"baichuan": 1, "chatglm": 2, "qwen": 1}
"""Families that transformers does not hold, and how many checkpoints hold logits of their own release code."""


def families_text() -> str:
    """The whole document."""
    rows = []
    for kind in families.names():
        title, url = families[kind].source
        reference, configs = _checked(kind)
        rows.append(f"| {kind} | exact | {reference} | {configs} | [{title}]({url}) |")
    rows += [
        f"| {kind} | text of | | | {text}, where the config does not say otherwise; without {reads} |"
        for kind, (text, reads) in sorted({**FLAT, **WRAPPERS}.items())
        if kind not in families.names()
    ]
    rows += [f"| {kind} | refused | | | {reason} |" for kind, reason in sorted(REFUSED.items())]
    return HEAD + "\n".join(rows) + "\n"


def _checked(kind: str) -> tuple[str, int]:
    """What a family is checked against, and how many configs of it are."""
    if kind in GOLDEN:
        return "logits of the release code", GOLDEN[kind]
    if kind in SAME_AS:
        return f"transformers, as {SAME_AS[kind][0].kind}", len(SAME_AS[kind])
    return "transformers", 1 if kind in TEXTS else len(TINY[kind])


if __name__ == "__main__":
    print(families_text(), end="")
