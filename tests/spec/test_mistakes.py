"""Every mistake is told with its place, what was found, what is allowed and the nearest name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.choices.axes import AXES
from harness.spec import load_spec
from harness.spec.check import MAX_SIZE, SpecFile
from harness.spec.tree import Tree, parse_tree
from tests.spec.writing import BESIDE, ROOT_SPEC, Write, mistakes, spoilt

KEYS = ", ".join(sorted(SpecFile.model_fields))
RESIDUALS = ", ".join(AXES["residual"].names())
PATTERNS = "banded, chunked, dense, fixed, log_sparse, prefix, strided"
NORMS = ", ".join(AXES["norm"].names())
NAME = "lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit"


def test_the_root_spec_is_good(write: Write) -> None:
    assert load_spec(write(root=ROOT_SPEC)).name == "root"


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("sources:", "source:", [f"2:1: unknown key 'source'; allowed: {KEYS}; did you mean 'sources'?"]),
        (
            "num_layers",
            "num_layer",
            [
                "4:7: missing key 'dims.num_layers'",
                "4:8: unknown key 'dims.num_layer'; allowed: hidden_size, max_seq_len, num_layers, vocab_size; "
                "did you mean 'num_layers'?",
            ],
        ),
        (
            "theta",
            "thetta",
            [
                "8:14: missing key 'position.theta'",
                "8:27: unknown key 'position.thetta'; allowed: fraction, kind, layout, scaling, theta; "
                "did you mean 'theta'?",
            ],
        ),
        (
            "  norm: ",
            "  nrom: ",
            [
                f"6:3: missing axis 'norm'; expected one of: {NORMS}",
                f"6:3: unknown axis 'nrom'; allowed: {', '.join(AXES)}; did you mean 'norm'?",
            ],
        ),
        (
            "  residual:  pre\n",
            "",
            [f"6:3: missing axis 'residual'; expected one of: {RESIDUALS}"],
        ),
        ("rmsnorm", "rmsnrom", [f"6:21: unknown norm 'rmsnrom'; allowed: {NORMS}; did you mean 'rmsnorm'?"]),
        ("dense", "dens", [f"10:14: unknown pattern 'dens'; allowed: {PATTERNS}; did you mean 'dense'?"]),
        ("dense", "xyz", [f"10:14: unknown pattern 'xyz'; allowed: {PATTERNS}"]),
        ("dense", "[dense]", [f"10:14: pattern needs a kind; found ['dense'] (a list), expected one of: {PATTERNS}"]),
        ("dense", "", [f"10:11: pattern needs a kind; found nothing, expected one of: {PATTERNS}"]),
        ("dense", "3", [f"10:14: pattern needs a kind; found 3 (a whole number), expected one of: {PATTERNS}"]),
        (
            "dense",
            "{window: 3}",
            [f"10:14: pattern needs a kind; found {{'window': 3}} (a mapping), expected one of: {PATTERNS}"],
        ),
        (
            "dense",
            "{kind: [a]}",
            [f"10:21: pattern needs a kind; found ['a'] (a list), expected one of: {PATTERNS}"],
        ),
        ("num_layers: 4", 'num_layers: "4"', ["4:20: dims.num_layers: found '4' (text), expected a whole number"]),
        ("num_layers: 4", "num_layers: 4.0", ["4:20: dims.num_layers: found 4.0 (a number), expected a whole number"]),
        (
            "num_layers: 4",
            "num_layers: true",
            ["4:20: dims.num_layers: found true (true or false), expected a whole number"],
        ),
        (
            "num_layers: 4",
            "num_layers: 0",
            ["4:20: dims.num_layers: found 0 (a whole number), expected a number above 0"],
        ),
        (
            "num_layers: 4",
            "num_layers: -4",
            ["4:20: dims.num_layers: found -4 (a whole number), expected a number above 0"],
        ),
        ("num_layers: 4", "num_layers: ", ["4:20: dims.num_layers: found nothing, expected a whole number"]),
        (
            "num_layers: 4",
            "num_layers: 1000000000000",
            [f"4:20: dims.num_layers: found 1000000000000 (a whole number), expected a number up to {MAX_SIZE}"],
        ),
        (
            "num_heads: 4",
            "num_heads: 9000000000000000000",
            [f"9:41: mixer.num_heads: found 9000000000000000000 (a whole number), expected a number up to {MAX_SIZE}"],
        ),
        (
            "num_kv_heads: 2, bias: false",
            "num_kv_heads: 2, bias: no",
            ["9:67: mixer.bias: found 'no' (text), expected true or false or 'qkv' or 'out'"],
        ),
        ("eps: 1.0e-6", "eps: 0", ["6:35: norm.eps: found 0 (a whole number), expected a number above 0.0"]),
        ("eps: 1.0e-6", "eps: tiny", ["6:35: norm.eps: found 'tiny' (text), expected a number"]),
        (
            "theta: 10000",
            "theta: 10000, layout: halves",
            ["8:49: position.layout: found 'halves' (text), expected 'half_split' or 'interleaved'"],
        ),
        (
            "num_heads: 4, num_kv_heads: 2",
            "num_heads: 6, num_kv_heads: 2",
            [
                "9:41: mixer.num_heads: found 6, which does not divide hidden_size 64; "
                "expected a divisor such as 4, or give head_dim"
            ],
        ),
        (
            "num_kv_heads: 2",
            "num_kv_heads: 3",
            ["9:58: mixer.num_kv_heads: found 3, which does not divide num_heads 4; expected a divisor such as 2"],
        ),
        (
            "num_kv_heads: 2",
            "num_kv_heads: 8",
            ["9:58: mixer.num_kv_heads: found 8, which does not divide num_heads 4; expected a divisor such as 4"],
        ),
        (
            "theta: 10000",
            "theta: 10000, fraction: 0.7",
            [
                "8:51: position.fraction: found 0.7, which rotates 11.2 of the 16 channels of a head; "
                "expected an even whole number of them"
            ],
        ),
        (
            "num_heads: 4,",
            "num_heads: 4, head_dim: 5,",
            [
                "8:14: position.fraction: found 1.0, which rotates 5 of the 5 channels of a head; "
                "expected an even whole number of them"
            ],
        ),
        ("name: root", "name: ../root", [f"1:7: name: found '../root' (text), expected {NAME}"]),
        ("name: root", 'name: "root\\n"', [f"1:7: name: found 'root\\n' (text), expected {NAME}"]),
        ("name: root", "name: 3", ["1:7: name: found 3 (a whole number), expected text"]),
        (
            "name: root",
            f"name: {'x' * 101}",
            [f"1:7: name: found '{'x' * 56}... (text), expected at most 100 characters"],
        ),
        ("name: root\n", "", ["1:1: missing key 'name'"]),
        (
            "name: root",
            "name: root\nprovenance: relesed",
            [
                "2:13: provenance: found 'relesed' (text), "
                "expected 'released', 'inferred', 'proxy', 'documented', 'variant' or 'imported'"
            ],
        ),
        ("name: root", "name: root\nreleased: 2023", ["2:11: released: found 2023 (a whole number), expected text"]),
        ("name: root", "name: root\ntraining: [a, 1]", ["2:15: training.1: found 1 (a whole number), expected text"]),
        (
            "https://example.org",
            "javascript:alert('https://')",
            [
                "3:39: sources.made.url: found \"javascript:alert('https://')\" (text), "
                "expected an address that begins with http:// or https://"
            ],
        ),
        (
            ", url",
            ", ulr",
            [
                "3:9: missing key 'sources.made.url'",
                "3:34: unknown key 'sources.made.ulr'; allowed: title, url; did you mean 'url'?",
            ],
        ),
        (
            "name: root",
            "name: root\nweights: {file: a.gguf, sha256: 12ab, packages: b}",
            [
                "2:33: weights.sha256: found '12ab' (text), expected 64 hexadecimal digits",
                "2:39: unknown key 'weights.packages'; allowed: file, package, sha256; did you mean 'package'?",
            ],
        ),
        ("kind: rope", "kind: rope, kind: rope_2d", ["8:27: duplicate key 'kind'; it is already set in line 8"]),
    ],
)
def test_a_mistake_is_explained(write: Write, old: str, new: str, messages: list[str]) -> None:
    assert mistakes(write(root=spoilt(old, new))) == [f"root.yaml:{message}" for message in messages]


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        (
            "kind: softmax, num_heads: 4, bias: false, growth: {rate: 0.1, length: 8}",
            "bias: false",
            ["9:42: mixer.attention: found {'bias': False} (a mapping), expected a kind in it"],
        ),
        (
            "{kind: softmax, num_heads: 4, bias: false, growth: {rate: 0.1, length: 8}}",
            "softmax",
            ["9:42: mixer.attention: found 'softmax' (text), expected a mapping"],
        ),
        (
            "softmax",
            "softmx",
            ["9:49: mixer.attention: unknown kind 'softmx'; allowed: latent, softmax; did you mean 'softmax'?"],
        ),
        (
            "mamba2",
            "short_convolution",
            [
                "10:24: mixer.recurrence: unknown kind 'short_convolution'; "
                "allowed: gated_delta, kimi_delta, lightning, mamba, mamba2, rg_lru, rwkv"
            ],
        ),
        (
            "heads: 4, bias",
            "heads: four, bias",
            ["9:69: mixer.attention.num_heads: found 'four' (text), expected a whole number"],
        ),
        (
            "heads: 4, bias",
            "heads: 5, bias",
            [
                "9:69: mixer.attention.num_heads: found 5, which does not divide hidden_size 64; "
                "expected a divisor such as 4, or give head_dim"
            ],
        ),
        (
            "length: 8",
            f"length: {MAX_SIZE + 1}",
            [
                f"9:113: mixer.attention.growth.length: found {MAX_SIZE + 1} (a whole number), "
                f"expected a number up to {MAX_SIZE}"
            ],
        ),
        ("state_size: 4", "taps: 4", ["10:17: missing key 'mixer.recurrence.state_size'"]),
        (
            "state_size: 4",
            "state_size: 4, tips: 3",
            [
                "10:74: unknown key 'mixer.recurrence.tips'; allowed: bias, convolution_bias, dt_min, factors, groups, "
                "head_dim, kind, norm_first, norm_groups, num_heads, state_size, taps; did you mean 'taps'?"
            ],
        ),
    ],
)
def test_a_mistake_in_a_mixer_of_a_mixer_is_told_at_its_place(
    write: Write, old: str, new: str, messages: list[str]
) -> None:
    assert BESIDE.count(old) == 1
    text = spoilt("{kind: softmax, num_heads: 4, num_kv_heads: 2, bias: false}\n", BESIDE.replace(old, new))
    assert mistakes(write(root=text)) == [f"root.yaml:{message}" for message in messages]


@pytest.mark.parametrize(
    ("key", "messages"),
    [
        ("choices: [1]\n", ["5:10: choices: found [1] (a list), expected a mapping"]),
        ("choices:\n", ["5:9: choices: found nothing, expected a mapping"]),
        ("", ["1:1: missing key 'choices'"]),
    ],
)
def test_choices_must_be_a_mapping(write: Write, key: str, messages: list[str]) -> None:
    text = ROOT_SPEC[: ROOT_SPEC.index("choices:")] + key
    assert mistakes(write(root=text)) == [f"root.yaml:{message}" for message in messages]


def test_all_mistakes_of_a_file_are_told_in_its_order(write: Write) -> None:
    text = spoilt("num_layers: 4", "num_layers: x")
    for old, new in (("rmsnorm", "rmsnrom"), ("theta", "thetta"), ("causal_lm", "causal"), ("https:", "ftp:")):
        text = text.replace(old, new)
    assert [message.split(": ")[0] for message in mistakes(write(root=text + "titel: Root\n"))] == [
        f"root.yaml:{place}" for place in ("3:39", "4:20", "6:21", "8:14", "8:27", "13:14", "14:1")
    ]


def test_what_yaml_may_not_hold_is_told_beside_the_other_mistakes(write: Write) -> None:
    text = spoilt("num_layers: 4", "num_layers: !!int 4").replace("rmsnorm", "rmsnrom").replace("pre\n", "&a pre\n")
    assert [message.split(";")[0] for message in mistakes(write(root=text + "head: tied\nname: again\n"))] == [
        "root.yaml:4:20: tags, anchors and aliases are not allowed",
        "root.yaml:6:21: unknown norm 'rmsnrom'",
        "root.yaml:7:14: tags, anchors and aliases are not allowed",
        "root.yaml:14:1: unknown key 'head'",
        "root.yaml:15:1: duplicate key 'name'",
    ]


@pytest.mark.parametrize("axis", [axis for axis in AXES if f"  {axis}:" in ROOT_SPEC])
def test_a_mistake_in_one_choice_hides_none_in_another(write: Write, axis: str) -> None:
    """Whatever choice is not known, the others are asked what they can tell without it."""
    text = re.sub(rf"^  {axis}: .*$", f"  {axis}: unheard", ROOT_SPEC, flags=re.MULTILINE)
    text = text.replace("intermediate_size: 128", "intermediate_size: x").replace("num_kv_heads: 2", "num_kv_heads: 3")
    text += "  experts: {kind: top_k, num_experts: 4, experts_per_token: 5, normalised: true}\n"
    text += "  mtp: {kind: sequential, modules: 99}\n  embedding: {kind: table, width: 0}\n"
    found = "\n".join(mistakes(write(root=text)))
    told = {
        "mlp": "mlp.intermediate_size: found 'x'",
        "mixer": "mixer.num_kv_heads: found 3, which does not divide num_heads 4",
        "experts": "experts.experts_per_token: found 5; expected up to num_experts 4",
        "mtp": "mtp.modules: found 99; expected fewer than max_seq_len 32",
        "embedding": "embedding.width: found 0",
    } | {axis: f"unknown {AXES[axis].noun} 'unheard'"}
    assert [part for part in told.values() if part not in found] == []


def keys(tree: Tree) -> list[tuple[str, Tree]]:
    inside = tree.value.items() if tree.is_mapping else []
    return [pair for key, part in inside for pair in [(key, part), *keys(part)]]


MISSPELT = [(key, part) for key, part in keys(parse_tree(ROOT_SPEC, "root.yaml")) if key != "made"]


@pytest.mark.parametrize(("key", "part"), MISSPELT, ids=[f"{p.key_mark.line}-{key}" for key, p in MISSPELT])
def test_every_key_is_missed_when_it_is_misspelt(tmp_path: Path, key: str, part: Tree) -> None:
    lines = ROOT_SPEC.splitlines()
    line, column = part.key_mark.line, part.key_mark.column
    lines[line - 1] = lines[line - 1][: column - 1] + "x" + lines[line - 1][column - 1 :]
    path = tmp_path / "root.yaml"
    path.write_text("\n".join(lines))
    told = [message for message in mistakes(path) if message.startswith(f"root.yaml:{line}:{column}: unknown ")]
    if key == "kind":
        expected = [message for message in mistakes(path) if " needs a kind; found {" in message]
        assert len(expected) == 1
    else:
        (message,) = told
        assert f"x{key}'; allowed: " in message
        assert message.endswith(f"did you mean {key!r}?")
