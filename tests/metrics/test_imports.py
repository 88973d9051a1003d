"""The closed forms answer without torch."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

CLOSED_FORMS = """
import sys
import harness
from harness.metrics.claims import Claims
from harness.metrics.flops import PHASES
for name in harness.spec_names():
    spec = harness.load_spec(name)
    harness.params(spec), harness.params_breakdown(spec), harness.visible_pairs(spec, 100), Claims().measure(spec, {})
    harness.kv_cache_bytes(spec, 100), harness.longest_context(spec, 10**10), spec.scaled().hash
    [harness.flops(spec, phase, 100, causal=causal) for phase in PHASES for causal in (True, False)]
print(*sorted({module.split(".")[0] for module in sys.modules} & {"torch", "fvcore", "pandas", "numpy", "plotly"}))
"""


def test_the_closed_forms_of_all_specs_import_neither_torch_nor_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", CLOSED_FORMS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "\n"


def test_building_does_import_torch() -> None:
    """So the test above looks in the right place."""
    program = "import sys, harness; harness.build; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
