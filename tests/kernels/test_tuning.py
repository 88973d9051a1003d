"""Which row of the table a processor gets, and that results and trained models are told apart by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness import tuning as module
from harness.cells import environment
from harness.errors import HarnessError
from harness.processor import Processor, described
from harness.tuning import AMD_AVX512, INTEL_AVX512, ROWS, TABLE, TORCH, row_for, tuned, tuning

XEON = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Platinum 8481C
flags\t\t: fpu sse2 avx avx2 avx512f avx512bw amx_tile

processor\t: 1
vendor_id\t: another
"""
EPYC_ZEN_3 = """vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC 7B13
flags\t\t: fpu sse2 avx avx2
"""
GRAVITON = """processor\t: 0
Features\t: fp asimd sve
CPU implementer\t: 0x41
CPU part\t: 0xd40
"""


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_chosen", None)
    monkeypatch.delenv(module.VARIABLE, raising=False)


def test_a_processor_is_read_from_what_linux_tells() -> None:
    assert described(XEON) == Processor("Intel", "AVX-512", "Intel(R) Xeon(R) Platinum 8481C", "family 6, model 143")
    assert described(EPYC_ZEN_3) == Processor("AMD", "AVX2", "AMD EPYC 7B13", "family 25, model 1")
    assert described(GRAVITON) == Processor("0x41", "SVE", described("").model, "part 0xd40")
    assert described("") == Processor("unknown", "unknown", described("").model)


def test_only_makers_and_instruction_sets_of_which_one_was_measured_have_rows_of_their_own() -> None:
    assert row_for(described(XEON)) is INTEL_AVX512
    assert row_for(described(XEON.replace("GenuineIntel", "AuthenticAMD"))) is AMD_AVX512
    for text in (EPYC_ZEN_3, GRAVITON, "", XEON.replace("avx512f", "")):
        assert row_for(described(text)) is TORCH
    assert set(TABLE.values()) | {TORCH} == set(ROWS.values())


def test_a_row_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.VARIABLE, "amd-avx512")
    assert tuning() is AMD_AVX512
    monkeypatch.setattr(module, "_chosen", None)
    monkeypatch.setenv(module.VARIABLE, "amd-avx51")
    with pytest.raises(HarnessError, match=r"HARNESS_KERNELS: unknown row 'amd-avx51'; .*did you mean 'amd-avx512'"):
        tuning()


def test_an_identity_changes_with_any_threshold_and_not_with_words() -> None:
    assert replace(TORCH, mask_strip=65).identity != TORCH.identity
    assert replace(TORCH, name="x").identity.split()[1] == TORCH.identity.split()[1]
    assert replace(TORCH, measured_on="x").identity == TORCH.identity


def test_a_row_holds_within_its_context() -> None:
    before = tuning()
    with tuned(AMD_AVX512):
        assert tuning() is AMD_AVX512
    assert tuning() is before


def test_results_are_stored_under_the_row() -> None:
    found = []
    for row in (TORCH, AMD_AVX512):
        environment.cache_clear()
        with tuned(row):
            found.append(environment()["hardware"]["kernels"])
    environment.cache_clear()
    assert found == [TORCH.identity, AMD_AVX512.identity]
