"""Causal language modelling: Radford et al. 2018 (GPT-1), section 3.1"""

from harness.choices.base import Source
from harness.choices.objectives import Objective, objectives


@objectives.register("causal_lm")
class CausalLM(Objective):
    """Predict each token from those before it."""

    kind = "causal_lm"
    predicts_all = True
    source = Source(
        "Improving Language Understanding by Generative Pre-Training",
        "https://cdn.openai.com/research-covers/language-unsupervised/language_understanding_paper.pdf",
    )
