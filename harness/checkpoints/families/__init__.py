"""Released families: what their config fields mean, and what their tensors are called. One file a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.layout import Templates
from harness.registry import Registry
from harness.spec.model import Spec

Document = dict[str, Any]
"""A spec as plain data: dims, choices and, where layers differ, blocks and layers."""

Fields = Mapping[str, Any]
"""Fields of a config."""


class Family:
    """A released layout, registered under the `model_type` of its configs.

    A subclass says with `called` what its models are called in tables, as specs of the library do: "LLaMA".
    """

    called: ClassVar[str]
    """Left out, the `model_type`: a layout that another family shares is no reason for its name."""

    def __init_subclass__(cls, called: str = "") -> None:
        cls.called = called

    source: ClassVar[tuple[str, str]]
    """Title and address of the code that the layout comes from."""

    ignored: ClassVar[tuple[str, ...]] = ()
    """Ends of the names of released tensors that are no parameters, such as tables of frequencies."""

    also_called: ClassVar[Mapping[str, str]] = {}
    """Parts of released names -> what stands in their place in some checkpoints of the family."""

    predicts_further: ClassVar[bool] = False
    """Whether checkpoints hold, behind the last layer, modules of multi-token prediction, which are not loaded."""

    defaults: ClassVar[Fields] = {}
    """What the family's code assumes of fields that a config leaves out, where that is not what LLaMA's assumes."""

    sizes: ClassVar[Fields] = {}
    """What it, and no family derived from it, assumes of sizes that the text model's part of a larger config leaves
    out; a config that is a text model's alone has to state them."""

    def document(self, config: Config) -> Document:
        """Translate the fields of a config.

        Raises:
            HarnessError: a field is missing, or cannot be expressed by a spec.
        """
        raise NotImplementedError

    def templates(self, spec: Spec) -> Templates:
        """Released names of the parameters of a model."""
        raise NotImplementedError


FURTHER = ("num_nextn_predict_layers", "num_mtp_layers")
"""Names of the number of modules of multi-token prediction."""

families: Registry[type[Family]] = Registry("model_type", __name__)


def dims(config: Config, layers: str, hidden: str, vocab: str, length: str) -> dict[str, int]:
    """The sizes of the whole model, by the names of the family's fields."""
    names = {"num_layers": layers, "hidden_size": hidden, "vocab_size": vocab, "max_seq_len": length}
    return {size: config.take(name) for size, name in names.items()}


def head(config: Config, *, tied: bool, bias: bool = False) -> dict[str, Any]:
    """Tied or untied, with what the family assumes where the config does not say; a bias is kept in either case."""
    if config.take("tie_word_embeddings", default=tied):
        return {"kind": "tied_bias" if bias else "tied"}
    return {"kind": "untied", "bias": bias}


GATED = {
    "silu": {"kind": "swiglu"},
    "swish": {"kind": "swiglu"},
    "gelu": {"kind": "geglu", "approximate": "none"},
    "gelu_new": {"kind": "geglu", "approximate": "tanh"},
    "gelu_pytorch_tanh": {"kind": "geglu", "approximate": "tanh"},
}
SILU = {name: GATED[name] for name in ("silu", "swish")}
"""Where the field is also that of a mixer, which has SiLU here."""
PLAIN = {
    "relu": {"kind": "relu"},
    "relu2": {"kind": "relu2"},
    "gelu": {"kind": "gelu", "approximate": "none"},
    "gelu_new": {"kind": "gelu", "approximate": "tanh"},
    "gelu_fast": {"kind": "gelu", "approximate": "tanh"},
    "gelu_pytorch_tanh": {"kind": "gelu", "approximate": "tanh"},
}


def activation(config: Config, kinds: Mapping[str, dict[str, str]], *names: str, default: str) -> dict[str, Any]:
    """The MLP kind of an activation's name."""
    name = config.take(*names, default=default)
    if name not in kinds:
        stated = next((each for each in names if each in config.names), names[0])
        config.refuse(stated, name, f"known: {', '.join(kinds)}")
    return dict(kinds[name])


def with_windows(document: Document, config: Config, assumed: list[str], usual: int | None = None) -> Document:
    """Layers that see everything and layers that see a window, by `layer_types` or, without it, as assumed.

    The window is `sliding_window` or, without it, the usual one of the class.
    """
    kinds = config.take("layer_types", default=assumed)
    count = document["dims"]["num_layers"]
    window = config.take("sliding_window", default=usual)
    patterns = {"full_attention": "dense", "sliding_attention": {"kind": "banded", "window": window}}
    unknown = set(kinds) - set(patterns)
    if unknown or len(kinds) != count or ("sliding_attention" in kinds and not window):
        config.refuse("layer_types", kinds, f"expected {count} of {', '.join(patterns)}, and a window where one slides")
    names = {"full_attention": "full", "sliding_attention": "window"}
    return {
        **document,
        "blocks": {names[kind]: {"pattern": patterns[kind]} for kind in dict.fromkeys(kinds)},
        "layers": [names[kind] for kind in kinds],
    }


def with_choices(document: Document, **choices: Any) -> Document:
    """The document with other choices on some axes."""
    return {**document, "choices": {**document["choices"], **choices}}


def with_mtp(document: Document, modules: int) -> Document:
    """The document with so many modules of multi-token prediction, which training alone uses."""
    return with_choices(document, mtp={"kind": "sequential", "modules": modules}) if modules else document


def in_blocks(document: Document, axis: str, **options: Any) -> Document:
    """The document with a choice of their own in the blocks of these names, where there are such."""
    blocks = {
        name: {**block, axis: options[name]} if name in options else block for name, block in document["blocks"].items()
    }
    return {**document, "blocks": blocks}
