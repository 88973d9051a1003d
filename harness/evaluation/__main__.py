"""lm-eval's own command line with `--model harness`: `python -m harness.evaluation --model harness --tasks ...`.

lm-eval 0.4.13 looks for no models in other packages, so its command `lm_eval` cannot find this one; its main branch
reads entry points, https://github.com/EleutherAI/lm-evaluation-harness/pull/4013. A task folder is code to trust: what
its files name with `!function` is run.
"""

import sys

from lm_eval.__main__ import cli_evaluate

import harness.evaluation.lm  # noqa: F401  # registers the model
from harness.errors import HarnessError
from harness.evaluation.run import told

try:
    with told():
        cli_evaluate()
except HarnessError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
