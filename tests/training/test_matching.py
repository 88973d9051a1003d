"""All specs have a small model of the same number of parameters, and of their own choices."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.factory import build
from harness.metrics.icl import LONGEST, TARGET
from harness.metrics.params import params
from harness.spec import Spec, load_spec, spec_names
from harness.tasks.synthetic.vocabulary import SIZE
from harness.training.matching import CHANNELS, matched


def small(spec: Spec, target: int = TARGET) -> Spec:
    return matched(spec, target, params, SIZE, LONGEST)


@pytest.mark.parametrize("name", spec_names())
def test_every_spec_is_matched_within_five_per_cent(name: str) -> None:
    spec = load_spec(name)
    found = small(spec)
    assert params(found) == pytest.approx(TARGET, rel=0.05)
    assert params(found) == sum(parameter.numel() for parameter in build(found, device="meta").parameters())
    for axis, choice in found.choices.items():
        assert choice.kind == getattr(spec.choices, axis).kind
    assert {name: block.pattern.kind for name, block in found.blocks.items()} == {
        name: block.pattern.kind for name, block in spec.blocks.items()
    }


def test_windows_keep_their_share_of_the_longest_sequence() -> None:
    pattern = small(load_spec("gpt3-small-banded")).choices.pattern
    assert pattern.options() == {"kind": "banded", "window": round(256 * LONGEST / 2048)}


def test_a_group_of_heads_too_large_for_the_width_has_fewer_of_them() -> None:
    found = small(load_spec("llama-7b-mqa"))
    attention = found.choices.mixer
    assert (attention.num_heads, attention.kv_heads) == (4, 1)
    assert attention.channels(found.dims) == CHANNELS


def test_a_size_that_no_width_has_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"^llama-7b: no scaled model has 1,000 parameters within 5%; the nearest "):
        small(load_spec("llama-7b"), 1000)
