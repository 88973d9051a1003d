"""Mistakes in claims, in blocks of layers and in keys that a root spec need not have."""

from __future__ import annotations

import pytest

from harness.spec.check import SpecFile
from tests.spec.writing import ROOT_SPEC, Write, mistakes

KEYS = ", ".join(sorted(SpecFile.model_fields))
BLOCK_AXES = "position, residual, norm, mixer, pattern, mlp, experts"


@pytest.mark.parametrize(
    ("added", "messages"),
    [
        (
            "claims:\n  - {metric: params, value: 1, source: maid, at: here}\n",
            ["15:40: unknown source 'maid'; allowed: made; did you mean 'made'?"],
        ),
        (
            'claims:\n  - {metric: param, value: "1", source: made, at: here}\n',
            [
                "15:14: claims.0.metric: found 'param' (text), "
                "expected 'params', 'non_embedding_params', 'active_params', 'active_non_embedding_params', "
                "'mtp_params', 'kv_cache_bytes_per_token' or 'tokens_in_6_gb_int4'",
                "15:28: claims.0.value: found '1' (text), expected a whole number or a number",
            ],
        ),
        (
            "claims:\n  - {metric: params, value: 1, source: made, digits: 16}\n  - 3\n",
            [
                "15:5: missing key 'claims.0.at'",
                "15:54: claims.0.digits: found 16 (a whole number), expected a number up to 15",
                "16:5: claims.1: found 3 (a whole number), expected a mapping",
            ],
        ),
        (
            "blocks:\n  a: {}\n  b: {pattern: {kind: banded, window: 3}}\nlayers: [a]\n",
            ["16:3: block 'b' is never used; name it in layers"],
        ),
        ("blocks:\n  a: {}\n", ["15:3: block 'a' is never used; name it in layers"]),
        ("layers: [a]\n", ["14:10: unknown block 'a'; allowed: none"]),
        (
            "blocks:\n  banded: {}\nlayers: [banded, bandit]\n",
            ["16:18: unknown block 'bandit'; allowed: banded; did you mean 'banded'?"],
        ),
        (
            "blocks: {a: {}}\nlayers: [[a]]\n",
            [
                "14:10: block 'a' is never used; name it in layers",
                "15:10: layers.0: found ['a'] (a list), expected text or a mapping",
            ],
        ),
        (
            "blocks: {a: {}}\nlayers: [a, a, a, a, a]\n",
            [
                "15:9: found 5 entries for num_layers 4; expected no more than that",
            ],
        ),
        (
            "blocks:\n  a: {position: learned}\nlayers: [a]\n",
            ["15:17: 'learned' acts on the embedding, so no block can choose it; set it in choices"],
        ),
        (
            "blocks:\n  a: {head: tied, patern: dense}\nlayers: [a]\n",
            [
                f"15:7: unknown axis of a block 'head'; allowed: {BLOCK_AXES}",
                f"15:19: unknown axis of a block 'patern'; allowed: {BLOCK_AXES}; did you mean 'pattern'?",
            ],
        ),
        (
            "blocks:\n  a: {residual: post}\n  b: {}\nlayers: [a, b]\n",
            [
                "15:17: residual: found post beside pre of the model, of which one has a norm behind the last block; "
                "expected parallel or parallel_two_norms or pre or reordered or sandwich"
            ],
        ),
        (
            "blocks:\n  a: {mixer: {num_kv_heads: 3}}\nlayers: [a]\n",
            ["15:29: mixer.num_kv_heads: found 3, which does not divide num_heads 4; expected a divisor such as 2"],
        ),
        (
            "blocks:\n  a: {mixer: {head_dim: 5}}\nlayers: [a]\n",
            [
                "8:14: position.fraction: found 1.0, which rotates 5 of the 5 channels of a head; "
                "expected an even whole number of them in block 'a'"
            ],
        ),
        ("blocks:\n  a:\nlayers: [a]\n", ["15:5: blocks.a: found nothing, expected a mapping"]),
        ("blocks: [a]\n", ["14:9: blocks: found ['a'] (a list), expected a mapping"]),
        ("extends: [a]\n", ["14:10: extends: found ['a'] (a list), expected text"]),
        ("titel: Root\n", [f"14:1: unknown key 'titel'; allowed: {KEYS}; did you mean 'title'?"]),
        ("<<: {title: Root}\n", [f"14:1: unknown key '<<'; allowed: {KEYS}"]),
    ],
)
def test_a_mistake_in_what_is_added_is_explained(write: Write, added: str, messages: list[str]) -> None:
    assert mistakes(write(root=ROOT_SPEC + added)) == [f"root.yaml:{message}" for message in messages]
