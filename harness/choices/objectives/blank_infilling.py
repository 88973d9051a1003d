"""Autoregressive blank infilling: Du et al. 2022 (GLM), https://arxiv.org/abs/2103.10360, section 2.1"""

from harness.choices.base import Source
from harness.choices.objectives import Objective, objectives


@objectives.register("blank_infilling")
class BlankInfilling(Objective):
    """Cut spans out of a text, and generate them one after the other behind what is left.

    Attributes:
        shuffle_spans: whether the spans come in random order, which makes the model learn how they depend on
            one another.
    """

    kind = "blank_infilling"
    predicts_all = False
    source = Source(
        "GLM: General Language Model Pretraining with Autoregressive Blank Infilling",
        "https://arxiv.org/abs/2103.10360",
    )

    shuffle_spans: bool = True
