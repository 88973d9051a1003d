"""What a request to generate asks for: each option is honoured, or refused by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError, did_you_mean

LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names that lm-eval knows for one thing; the first that is there counts."""

USUAL_LENGTH = 256
"""Tokens, where no length is asked for: that of lm-eval's own models."""

COMPUTED = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "no_repeat_ngram_size")
"""Options of `harness.modules.generation.generate` under the names of transformers."""

WITHOUT_EFFECT = frozenset(
    "cache_implementation disable_compile early_stopping length_penalty low_memory num_beam_groups output_attentions "
    "output_hidden_states output_logits output_scores pad_token_id renormalize_logits return_dict_in_generate "
    "use_cache".split()
)
"""Options of transformers that change no text where there is one beam."""

NEUTRAL: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        "bad_words_ids begin_suppress_tokens constraints dola_layers eos_token_id exponential_decay_length_penalty "
        "force_words_ids forced_bos_token_id forced_eos_token_id max_length max_time min_new_tokens penalty_alpha "
        "prompt_lookup_num_tokens sequence_bias stop_strings suppress_tokens top_h watermarking_config".split(),
        (),
    ),
    **dict.fromkeys(
        "diversity_penalty encoder_no_repeat_ngram_size epsilon_cutoff eta_cutoff min_length".split(), (0,)
    ),
    **dict.fromkeys("encoder_repetition_penalty guidance_scale num_beams num_return_sequences typical_p".split(), (1,)),
    **dict.fromkeys("remove_invalid_values token_healing".split(), (False,)),
}
"""Options of transformers that are not computed here, and the values that ask for nothing, as null always does."""

OF_DRAWS = frozenset("epsilon_cutoff eta_cutoff temperature top_h typical_p".split())
"""They change nothing where the likeliest token is taken."""

OF_REQUESTS = frozenset("eos_token_id max_length".split())
"""What a request decides, or the tokenizer, whatever the checkpoint says."""

HONOURED = (*LENGTHS, "until", "do_sample", *COMPUTED)
KNOWN = (*HONOURED, *WITHOUT_EFFECT, *NEUTRAL)


@dataclass(frozen=True)
class Options:
    """What to generate.

    Attributes:
        length: tokens at most.
        until: texts that end it.
        drawing: further options of `harness.modules.generation.generate`.
    """

    length: int
    until: tuple[str, ...]
    drawing: dict[str, Any]


def read_options(asked: Mapping[str, Any], usual: Mapping[str, Any], where: str) -> Options:
    """The options of a request.

    Args:
        asked: by the request.
        usual: what the checkpoint's `generation_config.json` says, which counts where the request says nothing, but
            for lengths and whether to draw. As in transformers a greedy text takes its penalties.
        where: that file, for messages.

    Raises:
        HarnessError: an option is unknown, has an impossible value, or asks for what is not computed here.
    """
    for name in asked:
        if name not in KNOWN:
            raise HarnessError(f"unknown generation option {name!r}; {did_you_mean(name, HONOURED)}")
    drawn = _draws(asked)
    decided = OF_REQUESTS | set(asked) | (set() if drawn else OF_DRAWS)
    stated = {name: value for name, value in usual.items() if name in (*COMPUTED, *NEUTRAL) and name not in decided}
    _refuse_what_is_not_computed(asked, "")
    _refuse_what_is_not_computed(stated, f"{where}: ")
    drawing = {name: value for name, value in {**stated, **asked}.items() if name in COMPUTED and value is not None}
    drawing["temperature"] = drawing.get("temperature", 1.0) if drawn else 0.0
    return Options(_length(asked), _stops(asked), drawing)


def _draws(asked: Mapping[str, Any]) -> bool:
    """Whether tokens are drawn: where the request says so, or says nothing and has a temperature."""
    said, temperature = asked.get("do_sample"), asked.get("temperature")
    if said not in (None, True, False):
        raise HarnessError(f"do_sample: found {said!r}, expected true or false")
    if temperature is not None and not (type(temperature) in (int, float) and temperature >= 0):
        raise HarnessError(f"temperature: found {temperature!r}, expected a number from 0 on")
    if said and temperature == 0:
        raise HarnessError("do_sample: true with temperature: 0; expected a temperature above 0, or do_sample: false")
    return bool(temperature) if said is None else bool(said)


def _refuse_what_is_not_computed(options: Mapping[str, Any], where: str) -> None:
    for name, value in options.items():
        if name in NEUTRAL and value is not None and value != [] and value not in NEUTRAL[name]:
            allowed = " or ".join(["left out", *map(repr, NEUTRAL[name])])
            raise HarnessError(f"{where}generation option {name}: {value!r} is not computed here; expected {allowed}")


def _length(asked: Mapping[str, Any]) -> int:
    name = next((name for name in LENGTHS if asked.get(name) is not None), None)
    value = USUAL_LENGTH if name is None else asked[name]
    whole = type(value) is int or (type(value) is float and value.is_integer())
    if not whole or value < 1:
        raise HarnessError(f"{name}: found {value!r}, expected a whole number above 0")
    return int(value)


def _stops(asked: Mapping[str, Any]) -> tuple[str, ...]:
    until = asked.get("until")
    listed: Sequence[Any] = until if isinstance(until, list | tuple) else [until]
    for stop in listed:
        if stop is not None and not isinstance(stop, str):
            raise HarnessError(f"until: found {stop!r}, expected a text or a list of texts")
    return tuple(stop for stop in listed if stop)
