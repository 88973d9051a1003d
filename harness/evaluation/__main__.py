"""lm-eval's own command line with `--model harness`: `python -m harness.evaluation --model harness --tasks ...`.

lm-eval 0.4.13 looks for no models in other packages, so its command `lm_eval` cannot find this one; its main branch
reads entry points, https://github.com/EleutherAI/lm-evaluation-harness/pull/4013.
"""

from lm_eval.__main__ import cli_evaluate

import harness.evaluation.lm  # noqa: F401  # registers the model

cli_evaluate()
