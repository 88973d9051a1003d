"""Writes docs/families.md: `python -m tests.checkpoints.families_doc > docs/families.md`."""

from __future__ import annotations

from importlib.metadata import version

from harness.checkpoints.families import families
from harness.checkpoints.refused import REFUSED
from tests.checkpoints.tiny import TINY

HEAD = f"""\
# Released families

Written by `python -m tests.checkpoints.families_doc`; a test holds it to the code.

**Exact** means that tiny models with random weights, over configs that between them use every branch of the
translation, give the logits of the reference implementation in float32 to 1e-5, the same likeliest tokens, the same
through a key-value cache, and as many parameters, also for the family's default config. A config with a field that
no spec can express is refused, whatever its family, and the field is named.

**Refused** means that an import ends with the reason that stands here. Every family is listed that transformers
{version("transformers")} holds as a causal language model, and the three that are checked against the logits of
their own release code.

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
        reference = "logits of the release code" if kind in GOLDEN else "transformers"
        configs = GOLDEN.get(kind) or len(TINY[kind])
        rows.append(f"| {kind} | exact | {reference} | {configs} | [{title}]({url}) |")
    rows += [f"| {kind} | refused | | | {reason} |" for kind, reason in sorted(REFUSED.items())]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(families_text(), end="")
