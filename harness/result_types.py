"""What metrics and experiments store, as types: a file of results may come from anywhere, and is held to these.

Reports read stored results and nothing else, so what is read there is what stands here.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Gt, Len
from pydantic import ConfigDict, FiniteFloat, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict

Count = Annotated[int, Ge(0)]
Size = Annotated[int, Gt(0)]
Counts = dict[str, Count]
Positive = Annotated[FiniteFloat, Gt(0)]
Url = Annotated[str, StringConstraints(pattern=r"^(https?://|$)")]
"""Of a source; empty where it has none. No other scheme: pages link to it."""
Band = Annotated[list[Positive], Len(2, 2)]


class Breakdown(TypedDict):
    """Parameters by component."""

    embedding: Count
    position: Count
    mixer: Count
    mlp: Count
    norm: Count
    head: Count


class LayerBreakdown(TypedDict):
    """Parameters of a layer by component."""

    mixer: Count
    mlp: Count
    norm: Count


class ParamsResult(TypedDict):
    """Of the metric `params`."""

    total: Size
    mtp: NotRequired[Count]
    active: Size
    non_embedding: Count
    breakdown: Breakdown
    layers: dict[str, LayerBreakdown]
    layer_counts: Counts
    checked: Counts


class FullAndCausal(TypedDict):
    """FLOPs of all pairs, and of the visible ones."""

    full: Count
    causal: Count


class FlopsPoint(TypedDict):
    """FLOPs at one length."""

    seq_len: Size
    prefill: FullAndCausal
    decode: FullAndCausal
    train: FullAndCausal


class FlopsCheck(TypedDict):
    """One step that counters have counted."""

    phase: str
    batch_size: Size
    seq_len: Size
    full: Count
    counters: list[str]


class FlopsResult(TypedDict):
    """Of the metric `flops`."""

    points: list[FlopsPoint]
    checked: list[FlopsCheck]
    mtp: NotRequired[FullAndCausal]


class BytesPoint(TypedDict):
    """Bytes of what is kept at one length."""

    seq_len: Size
    bytes: Count


class BytesCheck(BytesPoint):
    """Bytes of a filled cache."""

    batch_size: Size


class LongestContext(TypedDict):
    """Tokens that a memory holds; None where there is no end of them."""

    budget_gb: Size
    weights: str
    tokens: Count | None


class ByFormat(TypedDict):
    """Bytes by number format."""

    fp32: Count
    fp16: Count
    bf16: Count
    int8: Count
    int4: Count


class KVCacheResult(TypedDict):
    """Of the metric `kv_cache`."""

    bytes_per_token: ByFormat
    constant_bytes: ByFormat
    points: list[BytesPoint]
    longest_context: list[LongestContext]
    checked: list[BytesCheck]


class PairsPoint(TypedDict):
    """Visible pairs at one length."""

    seq_len: Size
    pairs: Count
    dense: Size
    blocks: Counts


class AttentionPairsResult(TypedDict):
    """Of the metric `attention_pairs`."""

    points: list[PairsPoint]
    checked: list[Size]


class BehaviourResult(TypedDict):
    """Of the metric `behaviour`."""

    facts: dict[str, bool | int | FiniteFloat]


class ClaimRow(TypedDict):
    """A published figure and the counted one."""

    metric: str
    published: int | FiniteFloat
    digits: NotRequired[int | None]
    computed: Count
    bound: bool
    agrees: bool
    source: str
    url: Url
    at: str


class ClaimsResult(TypedDict):
    """Of the metric `claims`."""

    claims: list[ClaimRow]


class TriedRate(TypedDict):
    """The held-out loss at a learning rate; None where it was not finite."""

    rate: FiniteFloat
    held_out: FiniteFloat | None


class TrainedModel(TypedDict):
    """The architecture of a small model, and its size."""

    dims: dict[str, Any]
    choices: dict[str, dict[str, Any]]
    blocks: dict[str, dict[str, Any]]
    layers: list[str]
    params: Size


class Accuracy(TypedDict):
    """Means over the seeds, and their standard errors, which one seed has none of."""

    chance: FiniteFloat
    accuracy: list[FiniteFloat]
    standard_error: list[FiniteFloat] | None


class ClassificationAccuracy(Accuracy):
    """Over shots."""

    shots: list[int]
    ceiling: list[FiniteFloat]


class RecallAccuracy(Accuracy):
    """Over pairs of a key and a value."""

    keys: list[int]


class TrainingRecord(TypedDict):
    """What is stored of every training."""

    seed: int
    losses: list[FiniteFloat | None]  # None from where on it was no number
    smoothed_steps: int
    core_seconds: FiniteFloat


class MixtureSeed(TrainingRecord):
    """What one seed of `icl` gives."""

    classification: list[FiniteFloat]
    recall: list[FiniteFloat]


class IclResult(TypedDict):
    """Of the metric `icl`."""

    rate: FiniteFloat
    rates: list[TriedRate]
    model: TrainedModel
    classification: ClassificationAccuracy
    recall: RecallAccuracy
    adaptation: list[dict[str, Any]]
    seeds: list[MixtureSeed]
    longer: list[dict[str, Any]]


class Estimates(TypedDict):
    """Means and their standard errors."""

    mean: list[FiniteFloat]
    standard_error: list[FiniteFloat] | None


class MarkovResult(TypedDict):
    """Of chains, in `icl_wide`."""

    rate: FiniteFloat
    rates: list[TriedRate]
    model: TrainedModel
    cross_entropy: Estimates
    accuracy: Estimates
    seeds: list[TrainingRecord]
    known: list[int]
    bayes: dict[str, list[FiniteFloat]]
    unigram: dict[str, list[FiniteFloat]]
    chance: dict[str, FiniteFloat]


class RegressionResult(TypedDict):
    """Of linear functions, in `icl_wide`."""

    rate: FiniteFloat
    rates: list[TriedRate]
    model: TrainedModel
    error: Estimates
    seeds: list[TrainingRecord]
    examples: list[int]
    least_squares: list[FiniteFloat]
    zero: list[FiniteFloat]


class IclWideResult(TypedDict):
    """Of the metric `icl_wide`."""

    markov: MarkovResult
    regression: RegressionResult


class Spread(TypedDict):
    """A mean, and the deviation of a single value; None where there is but one."""

    task: NotRequired[str]
    chance: NotRequired[float]
    shots: int
    accuracy: FiniteFloat
    deviation: FiniteFloat | None
    seeds: int


class IclWeightsResult(TypedDict):
    """Of the metric `icl_weights`."""

    runs: list[dict[str, Any]]
    tasks: list[Spread]
    means: list[Spread]
    costs: list[dict[str, Any]]


class IntervalRecord(TypedDict):
    """A middle and its bounds."""

    low: Positive
    mid: Positive
    high: Positive


class ExponentRecord(TypedDict):
    """The middle and the bounds of an exponent."""

    low: FiniteFloat
    mid: FiniteFloat
    high: FiniteFloat


class ComparedRow(TypedDict):
    """A ratio of two times."""

    name: str
    to: str
    ratio: IntervalRecord
    anchor: str
    anchored: IntervalRecord
    noise: Band
    verdict: Literal["faster", "slower", "no significant difference"]


NormRow = TypedDict(
    "NormRow",
    {"tokens": Size, "width": Size, "pass": str, "of": str, "share_of_copy": NotRequired[dict[str, IntervalRecord]]},
)


class NormsRow(ComparedRow, NormRow):
    """One norm beside another."""


AttentionRow = TypedDict(
    "AttentionRow",
    {
        "seq_len": Size,
        "pass": NotRequired[str],
        "pattern": str,
        "options": dict[str, Any],
        "pairs": NotRequired[Count | None],
        "flops": NotRequired[Count],
        "seconds": NotRequired[IntervalRecord],
        "share_of_product": NotRequired[IntervalRecord],
        "share_of_peak": NotRequired[IntervalRecord],
    },
)


class PatternRow(ComparedRow, AttentionRow):
    """One pattern, or one recurrence, beside another at one length."""


class LonePatternRow(AttentionRow):
    """One pattern, or one recurrence, at a length at which there is nothing to compare it with."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # a row of part of a comparison is neither

    name: str


class DecodingRow(ComparedRow):
    """One arrangement of heads at one length."""

    seq_len: Size
    arrangement: str
    kv_heads: Count  # none where a recurrence stands beside them
    cache_bytes: Size
    layers: Size
    tokens_per_s: IntervalRecord
    share_of_reading: IntervalRecord


class ThroughputRow(ComparedRow):
    """One model in one phase."""

    model: str
    phase: str
    tokens_per_s: IntervalRecord
    share: IntervalRecord


class RecallRow(TypedDict):
    """One learning rate of a candidate."""

    name: str
    rate: FiniteFloat
    final: list[FiniteFloat | None]  # None where the loss was no number by the end
    accuracy: list[list[FiniteFloat]]


class RecallFacts(TypedDict):
    """What is counted of a candidate."""

    params: Size
    state_bytes: Size


class FoundLaw(TypedDict):
    """A fitted law of costs over the length."""

    of: str
    pattern: str
    law: str
    plausible: list[str]
    exponent: NotRequired[ExponentRecord | None]


class DepthLaw(TypedDict):
    """A law of a measure over the depth."""

    candidate: str
    of: str
    law: str
    exponents: list[FiniteFloat]
    factors: list[FiniteFloat]


class HeldModel(TypedDict):
    """What a timed model takes."""

    name: str
    stands_for: list[str]
    hidden_size: Size
    params: Size
    weight_bytes: Size
    cache_bytes: Size
    step_bytes: Size
    peak_bytes: Size


class Models(TypedDict):
    """The models that were timed."""

    models: list[HeldModel]


class StabilityRow(TypedDict):
    """A candidate at one depth, or at one learning rate."""

    name: str
    candidate: str
    depth: NotRequired[int]
    first_gradient: NotRequired[list[FiniteFloat]]
    last_gradient: NotRequired[list[FiniteFloat]]
    first_to_last: NotRequired[list[FiniteFloat]]
    stream_growth: NotRequired[list[FiniteFloat]]
    rate: NotRequired[float]
    final: NotRequired[list[FiniteFloat | None]]
    trained: NotRequired[list[bool]]


class TimedConditions(TypedDict):
    """Under which something was timed."""

    device: str
    clock: str
    load_average: FiniteFloat
    variables: dict[str, str]
    attention_kernels: NotRequired[list[str]]


class TrainedConditions(TypedDict):
    """Under which something was trained."""

    device: str
    dtype: str
    threads: Size


class TimedResult(TypedDict):
    """What all experiments have that time something."""

    conditions: TimedConditions


class TrainedResult(TypedDict):
    """What all experiments have that train something."""

    conditions: TrainedConditions


class NormsResult(TimedResult):
    """Of the experiment `norms`."""

    rows: list[NormsRow]


class AttentionResult(TimedResult):
    """Of the experiment `attention`."""

    exact: NotRequired[dict[str, dict[str, Counts]]]
    rows: list[PatternRow | LonePatternRow]
    laws: NotRequired[list[FoundLaw]]


class DecodingResult(TimedResult):
    """Of the experiment `decoding`."""

    exact: dict[str, dict[str, Counts]]
    rows: list[DecodingRow]


class RecallResult(TrainedResult):
    """Of the experiment `recall`."""

    exact: RecallFacts
    tokens: Size
    best: FiniteFloat
    rows: list[RecallRow]


class StabilityResult(TrainedResult):
    """Of the experiment `stability`."""

    rows: list[StabilityRow]
    laws: NotRequired[list[DepthLaw]]
    text: NotRequired[dict[str, FiniteFloat]]
    exact: NotRequired[dict[str, Counts]]


class ThroughputResult(TimedResult):
    """Of the experiment `throughput`."""

    exact: Models
    rows: list[ThroughputRow]


class Timing(TypedDict):
    """How something is timed."""

    processes: Size
    rounds: Size


class NormsSettings(Timing):
    """Of the experiment `norms`."""

    implementation: Literal["textbook", "native", "compiled", "model"]
    dtype: str
    shapes: list[list[Size]]


class AttentionSettings(Timing):
    """Of the experiment `attention`."""

    seq_lens: list[Size]
    passes: NotRequired[list[str]]


class DecodingSettings(Timing):
    """Of the experiment `decoding`."""

    seq_lens: list[Size]
    batch_size: Size
    stack_bytes: Count


class ThroughputSettings(Timing):
    """Of the experiment `throughput`."""

    models: Literal["matched", "whole", "block"]
    specs: dict[str, str]
    size: NotRequired[Counts]
    seq_len: Size
    new_tokens: Size
    dtype: str


class RecipeSettings(TypedDict):
    """How a small model is trained."""

    steps: Size
    batch_size: Size
    warmup_steps: Count


class Training(TypedDict):
    """What small models are trained and asked with."""

    seeds: list[Count]
    rates: list[Positive]
    recipe: RecipeSettings
    params: Size
    documents: Size


class IclSettings(Training):
    """Of the metric `icl`."""

    shots: list[Count]
    keys: list[Size]


class IclWideSettings(Training):
    """Of the metric `icl_wide`."""

    markov: Counts
    regression: Counts


class RecallSettings(Training):
    """Of the experiment `recall`."""

    candidate: str
    keys: list[Size]
    pairs: Size


class IclWeightsSettings(TypedDict):
    """Of the metric `icl_weights`."""

    shots: list[Count]
    seeds: list[Count]
    questions: Size


class StabilityBase(TypedDict):
    """The spec whose choices candidates change."""

    spec: str
    hash: str
    choices: dict[str, Any]


class StabilitySettings(TypedDict):
    """Of the experiment `stability`."""

    base: StabilityBase
    candidates: dict[str, dict[str, Any]]
    size: Counts
    seeds: list[Count]


class FreshSettings(StabilitySettings):
    """Of fresh models."""

    part: Literal["start"]
    depths: list[Size]
    batch_size: Size


class TrainedSettings(StabilitySettings):
    """Of trainings."""

    part: Literal["training"]
    depth: Size
    rates: list[Positive]
    recipe: RecipeSettings


RESULT_TYPES: dict[tuple[str, int], tuple[Any, Any]] = {
    ("attention", 5): (AttentionSettings, AttentionResult),
    ("attention_pairs", 2): (dict[str, Any], AttentionPairsResult),
    ("behaviour", 1): (dict[str, Any], BehaviourResult),
    ("claims", 2): (dict[str, Any], ClaimsResult),
    ("decoding", 5): (DecodingSettings, DecodingResult),
    ("flops", 2): (dict[str, Any], FlopsResult),
    ("icl", 7): (IclSettings, IclResult),
    ("icl_weights", 1): (IclWeightsSettings, IclWeightsResult),
    ("icl_wide", 5): (IclWideSettings, IclWideResult),
    ("kv_cache", 2): (dict[str, Any], KVCacheResult),
    ("norms", 2): (NormsSettings, NormsResult),
    ("params", 2): (dict[str, Any], ParamsResult),
    ("recall", 2): (RecallSettings, RecallResult),
    ("stability", 3): (FreshSettings | TrainedSettings, StabilityResult),
    ("throughput", 6): (ThroughputSettings, ThroughputResult),
}
"""Of settings and of values, by metric or experiment and its version: what older versions wrote is left out by those
who would read it."""


def unlike(metric: str, version: int, settings: dict[str, Any], values: dict[str, Any]) -> str | None:
    """Where a result is not what the metric writes, and why; None where it is, or the metric is not known.

    >>> unlike("attention_pairs", 2, {}, {"points": [], "checked": ["1"]})
    'values.checked.0: Input should be a valid integer'
    """
    if (metric, version) not in RESULT_TYPES:
        return None
    for place, stored in {"settings": settings, "values": values}.items():
        try:
            _adapters(metric, version)[place].validate_python(stored, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            return f"{'.'.join(map(str, (place, *first['loc'])))}: {first['msg']}"
    return None


@cache
def _adapters(metric: str, version: int) -> dict[str, TypeAdapter[Any]]:
    settings, values = RESULT_TYPES[metric, version]
    return {"settings": TypeAdapter(settings), "values": TypeAdapter(values)}
