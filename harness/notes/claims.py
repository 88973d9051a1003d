"""Reading the claims. Every mistake of the file is told with its line, what was found and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from harness.choices.axes import AXES
from harness.choices.base import Dims
from harness.errors import Problem, SpecError, did_you_mean
from harness.spec.check import explain
from harness.spec.library import spec_names
from harness.spec.tree import Tree, read_tree

FILE = Path(__file__).with_name("claims.yaml")
BUILT = "built."
"""What the names of behaviours begin with, among those of facts."""
HEADS = ("query_heads", "key_value_heads", "attention")
FIGURES = ("params", "params.norm", "kv_cache_bytes_per_token", "tokens_in_6_gb_int4", "visible_pairs")
"""Facts that are counted; the others are sizes and options of a spec, or behaviours."""
KINDS = ("is", "less", "differ", "measured", "not_checkable")

Value = bool | int | float | str
Several = Annotated[list[str], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Less(_Strict):
    """Each spec has less of these figures than another has."""

    than: str
    of: Several


class Differ(_Strict):
    """From another spec, or one for each, a spec differs, and in nothing but these axes, options and sizes."""

    from_: str | Several = Field(alias="from")
    in_: Several = Field(alias="in")


class Check(_Strict):
    """What a claim is held against: one of these.

    Attributes:
        is_: facts with the value that is claimed of every spec, or a list with one for each.
        less: figures that are smaller than those of another spec.
        differ: what alone differs from another spec.
        measured: the question to the stored results that decides.
        not_checkable: why nothing here can decide.
    """

    is_: dict[str, Value | list[Value]] | None = Field(default=None, alias="is")
    less: Less | None = None
    differ: Differ | None = None
    measured: str | None = None
    not_checkable: str | None = None

    @property
    def exact(self) -> bool:
        """Whether it gives the same on every machine."""
        return self.measured is None and self.not_checkable is None

    def others(self) -> list[str]:
        """The specs that those of the claim are compared with."""
        if self.differ is not None:
            return [self.differ.from_] if isinstance(self.differ.from_, str) else self.differ.from_
        return [self.less.than] if self.less else []


class NotedClaim(_Strict):
    """One claim.

    Attributes:
        id: C and three digits.
        line: where it stands in the notes.
        says: what it says.
        about: the specs that it is about.
        check: what it is held against.
        rest: what it says beyond its check; empty where that is all.
        source: a remark that was read in sources, not computed.
        as_written: a spec that may be what the claim describes, where those that it is about are not.
    """

    id: str
    line: PositiveInt
    says: str
    about: Several
    check: Check
    rest: str = ""
    source: str = ""
    as_written: str | None = None


class _File(_Strict):
    claims: list[NotedClaim]


@cache
def noted_claims() -> tuple[NotedClaim, ...]:
    """The claims that come with the program."""
    return read_claims(FILE)


def read_claims(path: Path) -> tuple[NotedClaim, ...]:
    """Claims of a file, in its order.

    Raises:
        SpecError: the file has mistakes; all of them, each with line and column.
    """
    tree = read_tree(path)
    try:
        claims = _File.model_validate(tree.plain()).claims
    except ValidationError as error:
        raise SpecError(explain(error, tree, _File)) from None
    entries = tree.get("claims")
    assert entries is not None
    problems = [
        *_ids(entries),
        *(found for at, claim in enumerate(claims) for found in _wrong(claim, entries.value[at])),
    ]
    if problems:
        raise SpecError(problems)
    return tuple(claims)


def _ids(entries: Tree) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for entry in entries.value:
        name = entry.value["id"]
        if not re.fullmatch(r"C\d{3}", name.value):
            yield name.mark.problem(f"id: found {name.value!r}, expected C and three digits")
        if name.value in seen:
            yield name.mark.problem(f"id {name.value!r} is already that of line {seen[name.value]}")
        seen.setdefault(name.value, name.mark.line)


def _wrong(claim: NotedClaim, entry: Tree) -> Iterator[Problem]:
    """What no type tells: unknown names, and lists of the wrong length."""
    check, mark = claim.check, entry.value["check"].mark
    named = [kind for kind in KINDS if kind in entry.value["check"].value]
    if len(named) != 1:
        yield mark.problem(f"check: found {', '.join(named) or 'nothing'}; expected exactly one of {', '.join(KINDS)}")
    for name in [*claim.about, *check.others(), *filter(None, [claim.as_written])]:
        if name not in spec_names():
            yield entry.mark.problem(f"unknown spec {name!r}; {did_you_mean(name, spec_names())}")
    lists = [value for value in (check.is_ or {}).values() if isinstance(value, list)]
    if check.differ and isinstance(check.differ.from_, list):
        lists.append([*check.differ.from_])
    for values in lists:
        if len(values) != len(claim.about):
            yield mark.problem(f"found {len(values)} values for {len(claim.about)} specs; expected one for each")
    for fact in check.is_ or ():
        if not fact.startswith(BUILT) and fact not in _facts():
            yield mark.problem(f"unknown fact {fact!r}; {did_you_mean(fact, _facts())}, or a behaviour: {BUILT}…")
    for fact in check.less.of if check.less else ():
        if fact not in FIGURES:
            yield mark.problem(f"unknown figure {fact!r}; {did_you_mean(fact, FIGURES)}")
    for fact in check.differ.in_ if check.differ else ():
        if fact not in _facts():
            yield mark.problem(f"unknown axis, option or size {fact!r}; {did_you_mean(fact, _facts())}")


@cache
def _facts() -> tuple[str, ...]:
    """Names of all sizes, axes and their options, and figures."""
    options = [
        f"{axis}.{option}"
        for axis, kinds in AXES.items()
        for kind in kinds.names()
        for option in kinds[kind].model_fields
    ]
    return tuple(dict.fromkeys([*FIGURES, *HEADS, *Dims.model_fields, "layers", *AXES, *options]))
