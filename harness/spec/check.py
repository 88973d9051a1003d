"""From a tree to a spec: every mistake of the file is found and placed before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from harness.choices.axes import AXES, IMPLIED, PER_LAYER, UNUSED, Choices
from harness.choices.base import Choice, Dims, Source
from harness.choices.residuals import residuals
from harness.errors import HarnessError, Problem, SpecError, did_you_mean
from harness.spec.merge import normalised, patched
from harness.spec.model import Claim, ContextTokens, Provenance, Spec, Weights
from harness.spec.older import MIXER, OLD_MIXER, with_todays_axes
from harness.spec.tree import Mark, Step, Tree

M = TypeVar("M", bound=BaseModel)

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
"""A spec's name: it becomes part of file names, so there is no separator of folders in it."""

MAX_SIZE = 1 << 24
"""The largest size that a spec may state: beyond every model, and still counted at once."""

DEFAULT_BLOCK = "layer"
"""What the only block of a spec without `blocks` is called."""


class SourceEntry(BaseModel):
    """Title and address of something to cite."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str
    url: Annotated[str, Field(pattern=r"^https?://")]


class SpecFile(BaseModel):
    """The keys of a spec file. What stands in `choices` and `blocks` is checked against the registries."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    extends: Name | None = None
    title: str | None = None
    family: str | None = None
    provenance: Provenance = "variant"
    about: str = ""
    released: str = ""
    sources: dict[str, SourceEntry] = {}
    training: list[str] = []
    claims: list[Claim] = []
    dims: Dims
    choices: dict[str, Any]
    blocks: dict[str, dict[str, Any]] = {}
    layers: list[str | dict[str, PositiveInt]] = []
    """Names of blocks, repeated over the depth; `{name: 3}` stands for three times that name."""
    weights: Weights | None = None
    context_tokens: ContextTokens | None = None


def mistakes_alone(tree: Tree) -> list[Problem]:
    """What is wrong with a file whatever it extends: what is not there may be inherited."""
    tree = with_todays_axes(tree.with_value({key: part for key, part in tree.value.items() if key != "extends"}))
    checker = _Checker(alone=True)
    checker.model(SpecFile, tree)
    checker.choices(tree.get("choices"))
    checker.blocks(tree.get("blocks"), tree.get("choices"))
    return checker.problems


def spec_from_tree(tree: Tree) -> Spec:
    """Check a tree, in which `extends` is already resolved, and make it a spec.

    Raises:
        SpecError: with all that is wrong in it.
    """
    tree = with_todays_axes(tree)
    checker = _Checker()
    head = checker.model(SpecFile, tree)
    dims_tree = tree.get("dims")
    dims = head.dims if head else checker.model(Dims, dims_tree, report=False) if dims_tree else None
    choices = checker.choices(tree.get("choices"))
    blocks = checker.blocks(tree.get("blocks"), tree.get("choices"))
    checker.used(tree, choices, blocks)
    checker.claims(tree)
    checker.layers(tree, dims)
    if dims and dims_tree and checker.sizes(dims, dims_tree, "dims."):
        checker.fit(dims, choices, blocks, tree)
    if checker.problems or head is None or dims is None:
        raise SpecError(checker.problems)
    model = Choices(**choices)
    layers = {name: replace(model, **block) for name, block in blocks.items()} or {DEFAULT_BLOCK: model}
    return Spec(
        name=head.name,
        title=head.title or head.name,
        family=head.family or "other",
        provenance=head.provenance,
        about=head.about,
        released=head.released,
        sources={key: Source(entry.title, entry.url) for key, entry in head.sources.items()},
        training=tuple(head.training),
        claims=tuple(head.claims),
        dims=dims,
        choices=model,
        blocks={name: layer.tidied() for name, layer in layers.items()},
        layers=tuple(chain.from_iterable(map(_run, head.layers))) or (DEFAULT_BLOCK,),
        weights=head.weights,
        context_tokens=head.context_tokens,
    )


def _run(entry: str | dict[str, int]) -> list[str]:
    """The names of blocks that an entry of `layers` stands for."""
    if isinstance(entry, str):
        return [entry]
    return [name for name, count in entry.items() for _ in range(count)]


class _Checker:
    """Collects problems; what could not be made is left out of what it returns.

    Args:
        alone: whether what the file extends is not known, so that nothing is missing.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self.problems: list[Problem] = []
        self.alone = alone

    def model(self, kind: type[M], tree: Tree, prefix: str = "", *, report: bool = True) -> M | None:
        """`tree` as a pydantic model, or None; `prefix` comes before the keys in messages.

        If unknown keys are all that is wrong, the model of the others goes on to be checked.
        """
        try:
            return kind.model_validate(tree.plain())
        except ValidationError as error:
            if report:
                self.problems += explain(error, tree, kind, prefix, missing=not self.alone)
            unknown = {part["loc"] for part in error.errors() if part["type"] == "extra_forbidden"}
        known = {key: part for key, part in tree.value.items() if (key,) not in unknown} if tree.is_mapping else {}
        fewer = tree.is_mapping and len(known) < len(tree.value)
        return self.model(kind, tree.with_value(known), report=False) if fewer else None

    def choices(self, tree: Tree | None) -> dict[str, Any]:
        """The model's choice on every axis; an axis that is missing is a problem."""
        if tree is None or not tree.is_mapping:
            return {}
        self._unknown_axes(tree, list(AXES), "axis")
        made = {}
        for axis in AXES:
            part = tree.get(axis)
            if part is None and axis in UNUSED:
                continue  # `used` asks the mixers
            if part is None and axis in IMPLIED:
                part = Tree(IMPLIED[axis], tree.mark, tree.mark)
            if part is None and self.alone:
                continue
            if part is None:
                kinds = ", ".join(AXES[axis].names())
                self.problems.append(tree.mark.problem(f"missing axis {axis!r}; expected one of: {kinds}"))
            elif choice := self._choice(axis, part):
                made[axis] = choice
        return made

    def blocks(self, tree: Tree | None, model: Tree | None) -> dict[str, dict[str, Any]]:
        """What each block chooses for itself, as a patch on what the model chooses."""
        if tree is None or not tree.is_mapping:
            return {}
        return {name: self._block(part, model) for name, part in tree.value.items() if part.is_mapping}

    def _block(self, tree: Tree, model: Tree | None) -> dict[str, Any]:
        self._unknown_axes(tree, PER_LAYER, "axis of a block")
        made = {}
        for axis, part in tree.value.items():
            below = model.get(axis) if model else None
            if axis in PER_LAYER and (choice := self._choice(axis, patched(axis, below, part))):
                if getattr(choice, "in_embedding", False):
                    message = f"{choice.kind!r} acts on the embedding, so no block can choose it; set it in choices"
                    self.problems.append(part.mark.problem(message))
                made[axis] = choice
        return made

    def used(self, tree: Tree, model: dict[str, Any], blocks: dict[str, dict[str, Any]]) -> None:
        """An axis that a mixer asks must be stated, and one that none asks must not; what is inherited may be idle.

        What `model` lacks then is what stands for nothing.
        """
        choices, patches = tree.get("choices"), tree.get("blocks")
        if choices is None or not choices.is_mapping:
            return
        layers = {name: {**model, **block} for name, block in blocks.items()} or {"": model}
        for axis, kind in UNUSED.items():
            idle = {axis: AXES[axis][kind]()}
            users = [name for name, made in layers.items() if _asks(axis, {**idle, **made})]
            stated = [(choices, not users)]
            stated += [(block, name not in users) for name, block in _entries(patches) if name in blocks]
            for place, is_idle in stated:
                part = place.get(axis)
                if part and is_idle and part.mark.file == tree.mark.file:
                    message = f"{axis}: found {_shown(part.plain())}, but no mixer here uses it; leave it out"
                    self.problems.append(part.key_mark.problem(message))
            if choices.get(axis) is None:
                if any(axis not in layers[name] for name in users):
                    kinds = ", ".join(AXES[axis].names())
                    self.problems.append(choices.mark.problem(f"missing axis {axis!r}; expected one of: {kinds}"))
                model |= idle

    def _unknown_axes(self, tree: Tree, allowed: Sequence[str], noun: str) -> None:
        for key, part in tree.value.items():
            if key == OLD_MIXER and MIXER in tree.value:
                self.problems.append(part.key_mark.problem(f"{OLD_MIXER} is the old word for {MIXER}; use one"))
            elif key not in allowed:
                message = f"unknown {noun} {key!r}; {did_you_mean(key, allowed)}"
                self.problems.append(part.key_mark.problem(message))

    def _choice(self, axis: str, tree: Tree) -> Choice | None:
        try:
            options = normalised(axis, tree)
        except SpecError as error:
            self.problems += error.problems
            return None
        kind = options.get("kind") if options.is_mapping else None
        if kind is None and options.is_mapping and self.alone:
            return None
        if kind is None or not isinstance(kind.value, str):
            found = (kind or options).plain()
            message = f"{axis} needs a kind; found {_shown(found)}, expected one of: {', '.join(AXES[axis].names())}"
            self.problems.append((kind or options).mark.problem(message))
            return None
        try:
            chosen = AXES[axis][kind.value]
        except HarnessError as error:
            self.problems.append(kind.mark.problem(str(error)))
            return None
        rest = options.with_value({key: part for key, part in options.value.items() if key != "kind"})
        made = self.model(chosen, rest, f"{axis}.")
        return made if made is not None and self.sizes(made, rest, f"{axis}.") else None

    def sizes(self, made: BaseModel, tree: Tree, prefix: str) -> bool:
        """Whether no whole number among the options is beyond all reason."""
        large = [path for path, value in _options_in(made) if isinstance(value, int) and value > MAX_SIZE]
        for path in large:
            place = _deepest(tree, path)[0]
            dotted = prefix + ".".join(path)
            message = f"{dotted}: found {_shown(place.plain())}, expected a number up to {MAX_SIZE}"
            self.problems.append(place.mark.problem(message))
        return not large

    def claims(self, tree: Tree) -> None:
        """A claim must name one of the sources."""
        sources = tree.get("sources")
        known = list(sources.value) if sources and sources.is_mapping else []
        for claim in _items(tree.get("claims")):
            source = claim.get("source")
            if source and isinstance(source.value, str) and source.value not in known:
                message = f"unknown source {source.value!r}; {did_you_mean(source.value, known)}"
                self.problems.append(source.mark.problem(message))

    def layers(self, tree: Tree, dims: Dims | None) -> None:
        """`layers` names blocks, and every block is named."""
        blocks, layers = tree.get("blocks"), tree.get("layers")
        known = blocks.value if blocks and blocks.is_mapping else {}
        named: list[tuple[str, int, Mark]] = []
        for item in _items(layers):
            if isinstance(item.value, str):
                named.append((item.value, 1, item.mark))
            named += [(name, n.value, n.key_mark) for name, n in _entries(item) if isinstance(n.value, int)]
        for name, _, mark in named:
            if name not in known:
                self.problems.append(mark.problem(f"unknown block {name!r}; {did_you_mean(name, list(known))}"))
        used = [name for name, _, _ in named]
        depth = sum(count for _, count, _ in named)
        for name, block in known.items():
            if name not in used:
                self.problems.append(block.key_mark.problem(f"block {name!r} is never used; name it in layers"))
        if layers and dims and depth > dims.num_layers:
            message = f"found {depth} entries for num_layers {dims.num_layers}; expected no more than that"
            self.problems.append(layers.mark.problem(message))

    def fit(self, dims: Dims, model: dict[str, Any], blocks: dict[str, dict[str, Any]], tree: Tree) -> None:
        """Ask every choice whether it fits the sizes and the other choices, in each block as it stands there."""
        for name, block in {"": {}, **blocks}.items():
            made = {**model, **block}
            known: dict[str, Any] = {axis: made.get(axis, _Gap()) for axis in AXES}
            layer = Choices(**known)
            if "residual" in block and (message := _ends_otherwise(model, block)):
                mark = _deepest(tree, ("blocks", name, "residual"))[0].mark
                self.problems.append(mark.problem(f"residual: {message}"))
            for axis, choice in made.items():
                start = ("blocks", name, axis) if axis in block else ("choices", axis)
                for option, message in _misfits(axis, choice, dims, layer):
                    place = _deepest(tree, (*start, *option.split(".")))[0]
                    where = f" in block {name!r}" if name and axis not in block else ""
                    self.problems.append(place.mark.problem(f"{axis}.{option}: {message}{where}"))


class _UnknownError(Exception):
    """A choice that had mistakes is asked for something."""


class _Gap:
    """Stands for a choice that had mistakes, which are told of already."""

    def __getattr__(self, name: str) -> Any:
        raise _UnknownError


def _misfits(axis: str, choice: Choice, dims: Dims, layer: Choices) -> Iterator[tuple[str, str]]:
    """What a choice says of the sizes and of the others in its layer, as far as these are known."""
    with suppress(_UnknownError):
        if layer.uses(axis):
            yield from choice.problems(dims, layer)


def _options_in(made: BaseModel) -> Iterator[tuple[tuple[str, ...], object]]:
    """The path and the value of every option, and of the options that some are made of."""
    for key, value in made:
        if isinstance(value, BaseModel):
            yield from (((key, *path), inner) for path, inner in _options_in(value))
        else:
            yield (key,), value


def _asks(axis: str, made: dict[str, Any]) -> bool:
    """Whether a layer, which may lack choices that had mistakes, uses an axis; one whose mixer is not known does."""
    return "mixer" not in made or Choices(**{**dict.fromkeys(AXES), **made}).uses(axis)


def _ends_otherwise(model: dict[str, Any], block: dict[str, Any]) -> str | None:
    """What is wrong with the residual of a block, if the model's asks for other norms behind the last block."""
    if "residual" not in model or model["residual"].final_norms == block["residual"].final_norms:
        return None
    kinds = " or ".join(
        kind for kind in residuals.names() if residuals[kind].final_norms == model["residual"].final_norms
    )
    return (
        f"found {block['residual'].kind} beside {model['residual'].kind} of the model, of which one has a norm "
        f"behind the last block; expected {kinds}"
    )


def _entries(tree: Tree | None) -> list[tuple[str, Tree]]:
    return list(tree.value.items()) if tree and tree.is_mapping else []


def _items(tree: Tree | None) -> list[Tree]:
    return tree.value if tree and isinstance(tree.value, list) else []


def explain(
    error: ValidationError, tree: Tree, model: type[BaseModel], prefix: str = "", *, missing: bool = True
) -> list[Problem]:
    """Pydantic's findings in words of ours, each at its place in the file; of what is missing only on demand."""
    places: dict[tuple[Step, ...], list[ErrorDetails]] = {}
    for detail in error.errors():
        if detail["type"] == "missing" and not missing:
            continue
        place = _untagged(tree, detail["loc"])
        path = place if detail["type"] == "missing" else _deepest(tree, place)[1]
        places.setdefault(path, []).append(detail)
    return [_explained(path, details, tree, model, prefix) for path, details in places.items()]


def _explained(
    path: tuple[Step, ...], details: list[ErrorDetails], tree: Tree, model: type[BaseModel], prefix: str
) -> Problem:
    place = _deepest(tree, path)[0]
    dotted = prefix + ".".join(map(str, path))
    if details[0]["type"] == "missing":
        return place.mark.problem(f"missing key {dotted!r}")
    if details[0]["type"] == "extra_forbidden":
        allowed = did_you_mean(str(path[-1]), sorted(_fields(model, path[:-1], tree)))
        return place.key_mark.problem(f"unknown key {dotted!r}; {allowed}")
    if details[0]["type"] == "union_tag_invalid" and (kind := place.get("kind")):
        kinds = [tag.strip("'") for tag in details[0]["ctx"]["expected_tags"].split(", ")]
        return kind.mark.problem(f"{dotted}: unknown kind {kind.plain()!r}; {did_you_mean(str(kind.plain()), kinds)}")
    expected = " or ".join(dict.fromkeys(_expected(detail) for detail in details))
    return place.mark.problem(f"{dotted}: found {_shown(place.plain())}, expected {expected}")


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_long": "at most {max_length} characters",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number up to {le}",
    "literal_error": "{expected}",
    "model_attributes_type": "a mapping",
    "union_tag_not_found": "a kind in it",
}


_PATTERNS = {
    "http": "an address that begins with http:// or https://",
    "a-f": "64 hexadecimal digits",
    "a-z": "lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit",
}


def _expected(detail: ErrorDetails) -> str:
    if detail["type"] == "string_pattern_mismatch":
        pattern = detail["ctx"]["pattern"]
        return next(words for part, words in _PATTERNS.items() if part in pattern)
    template = _EXPECTED.get(detail["type"])
    return template.format(**detail.get("ctx", {})) if template else f"otherwise: {detail['msg']}"


def _shown(value: object) -> str:
    kinds = {
        str: "text",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a mapping",
    }
    if value is None:
        return "nothing"
    text = repr(value).lower() if isinstance(value, bool) else repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({kinds.get(type(value), type(value).__name__)})"


def _fields(model: type[BaseModel], path: Iterable[Step], tree: Tree) -> list[str]:
    """The keys that are allowed under `path` of a model that a tree stands for."""
    models = [model]
    for step in path:
        tree = tree.get(step) or tree
        inner = [_models(m.model_fields[step].annotation) for m in models if step in m.model_fields]
        models = [_of_kind(m, tree) for m in chain(*inner)] or models
    fields = list(dict.fromkeys(field for m in models for field in m.model_fields))
    return [*fields, "kind"] if issubclass(models[0], Choice) else fields


def _of_kind(model: type[BaseModel], tree: Tree) -> type[BaseModel]:
    """The model itself, or where it stands for choices of any kind, the one whose kind a tree states."""
    kind = tree.get("kind")
    named = (choice for choice in _derived(model) if kind and getattr(choice, "kind", None) == kind.value)
    return next(named, model) if issubclass(model, Choice) else model


def _derived(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [each for child in model.__subclasses__() for each in (child, *_derived(child))]


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _untagged(tree: Tree, path: Sequence[Step]) -> tuple[Step, ...]:
    """A path without the kinds that pydantic puts into it where an option is one of several models."""
    kept: list[Step] = []
    for step in path:
        part = _deepest(tree, kept)[0]
        kind = part.get("kind") if part.is_mapping else None
        if not (kept and kind and kind.value == step and part.get(step) is None):
            kept.append(step)
    return tuple(kept)


def _deepest(tree: Tree, path: Sequence[Step]) -> tuple[Tree, tuple[Step, ...]]:
    """The part of the tree that lies furthest along a path, and how far that is."""
    for length, step in enumerate(path):
        part = tree.get(step)
        if part is None:
            return tree, tuple(path[:length])
        tree = part
    return tree, tuple(path)
