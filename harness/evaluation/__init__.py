"""Models and tasks brought together by lm-eval, without a network."""

import os

# Read once, when the packages that would otherwise ask the hub are imported; who wants the hub sets them to 0.
for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"):
    os.environ.setdefault(variable, "1")
