"""The token table, with the two stabilisers of GLM-130B: Zeng et al. 2022, https://arxiv.org/abs/2210.02414"""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat

from harness.choices.base import Dims, Linear, Scaling, Source
from harness.choices.embeddings import Embedding, embeddings


@embeddings.register("table")
class Table(Embedding):
    """A row a token.

    Attributes:
        norm: normalise the vectors before the first block (Le Scao et al. 2022, https://arxiv.org/abs/2210.15424).
        gradient_scale: the factor on the gradient that reaches the table through the input; the values stay.
            GLM-130B's embedding gradient shrink is 0.1 (section 3.2). A tied head's gradient is not scaled.
        scale: what the looked-up vectors are multiplied by: a number, or the root of the hidden size, sqrt(D), as in
            Vaswani et al. 2017 (section 3.4) and Gemma.
        width: if given, rows have so many channels, and a matrix takes them to those of the model (OPT-350M).
    """

    kind = "table"
    source = Source("GLM-130B: An Open Bilingual Pre-trained Model", "https://arxiv.org/abs/2210.02414")

    norm: bool = False
    gradient_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    scale: PositiveFloat | Literal["sqrt(D)"] = 1.0

    @property
    def norms(self) -> int:
        """One where `norm` is set."""
        return int(self.norm)

    def scale_in(self, dims: Dims) -> float:
        """The factor of the looked-up vectors in a model of this width."""
        return float(dims.hidden_size**0.5) if isinstance(self.scale, str) else self.scale

    def settled(self, dims: Dims) -> "Table":
        """The rule of the width, where a number is what it gives."""
        return self.model_copy(update={"scale": "sqrt(D)"}) if self.scale == dims.hidden_size**0.5 else self

    def params(self, dims: Dims) -> int:
        """V D, or V W + W D with a width W; the norm is the norm's to count."""
        if self.width is None:
            return dims.vocab_size * dims.hidden_size
        return dims.vocab_size * self.width + self._onto(dims).params

    def flops(self, dims: Dims, tokens: int) -> int:
        """2 W D a token where the table has a width W; looking a row up costs nothing."""
        return 0 if self.width is None else self._onto(dims).flops(tokens)

    def scaled(self, scaling: Scaling) -> Self:
        """The same share of the hidden size."""
        return self.model_copy(update={"width": self.width and scaling.width(self.width)})

    def _onto(self, dims: Dims) -> Linear:
        return Linear(self.width or dims.hidden_size, dims.hidden_size)
