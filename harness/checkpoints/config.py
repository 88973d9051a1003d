"""A released `config.json`, of which every field must be accounted for: what is not understood is refused, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import HarnessError

NEUTRAL = frozenset(
    # Names, versions and files.
    "architectures auto_map model_type name_or_path tokenizer_class transformers_version "
    # Number formats: the caller chooses.
    "bf16 dtype fp16 fp32 torch_dtype "
    # Tokens and generation.
    "bad_words_ids begin_suppress_tokens bos_token_id decoder_start_token_id diversity_penalty do_sample "
    "early_stopping encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty "
    "forced_bos_token_id forced_eos_token_id gmask_token_id length_penalty mask_token_id max_length min_length "
    "no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_scores pad_token_id prefix "
    "remove_invalid_values repetition_penalty return_dict_in_generate sep_token_id suppress_tokens temperature "
    "top_k top_p typical_p unk_token_id use_cache "
    # Dropout and initialisation: nothing in evaluation.
    "activation_dropout attention_dropout attention_probs_dropout_prob attn_dropout attn_dropout_prob attn_pdrop "
    "classifier_dropout dropout emb_dropout_prob emb_pdrop embd_pdrop embed_dropout embedding_dropout "
    "hidden_dropout hidden_dropout_prob init_std initializer_range "
    "layerdrop resid_dropout resid_pdrop residual_dropout "
    # Heads for other tasks.
    "finetuning_task id2label label2id num_labels problem_type summary_activation summary_first_dropout "
    "summary_proj_to_labels summary_type summary_use_proj task_specific_params "
    # How it is run, not what is computed.
    "attn_implementation bias_dropout_fusion chunk_size_feed_forward gradient_checkpointing is_encoder_decoder "
    "output_attentions output_hidden_states pretraining_tp return_dict tf_legacy_loss torchscript use_bfloat16 "
    "use_flash_attn".split()
)
"""Fields that change nothing that a forward pass in evaluation mode computes."""

_REQUIRED = object()


class Config:
    """The fields of a config, each to be taken once."""

    def __init__(self, fields: dict[str, Any], file: str) -> None:
        self.file = file
        self._fields = fields
        self._taken = {name for name in fields if name.strip("_") in NEUTRAL}

    def take(self, *names: str, default: Any = _REQUIRED) -> Any:
        """The value of a field under the first of its names that is there; null counts as not there.

        Raises:
            HarnessError: there is none and no default, or two of its names are there with different values.
        """
        self._taken.update(names)
        stated = [name for name in names if self._fields.get(name) is not None]
        for name in stated:
            if self._fields[name] != self._fields[stated[0]]:
                self.refuse(name, self._fields[name])
        if stated:
            return self._fields[stated[0]]
        if default is _REQUIRED:
            raise HarnessError(f"{self.file}: missing field {names[0]!r}")
        return default

    def ignore(self, *names: str) -> None:
        """Count fields as taken whose values change nothing that is computed here."""
        self._taken.update(names)

    def with_fields(self, **fields: Any) -> Config:
        """The same config with some fields under other names; the originals count as taken."""
        changed = Config({**self._fields, **fields}, self.file)
        changed._taken = self._taken
        return changed

    def expect(self, name: str, *allowed: Any) -> None:
        """Refuse any value of a field but those, or its absence."""
        value = self.take(name, default=None)
        if value is not None and value not in allowed:
            self.refuse(name, value)

    def refuse(self, name: str, value: Any) -> NoReturn:
        """Say that a field cannot be expressed.

        Raises:
            HarnessError: always.
        """
        raise HarnessError(f"{self.file}: field {name!r} = {json.dumps(value)[:80]} cannot be expressed by a spec")

    def finish(self) -> None:
        """Refuse what nobody has taken.

        Raises:
            HarnessError: it names the first such field.
        """
        for name, value in self._fields.items():
            if name not in self._taken:
                self.refuse(name, value)


def read_config(path: str | Path) -> dict[str, Any]:
    """The fields of a `config.json`, or of that of a folder.

    Raises:
        HarnessError: there is none, or it is not a JSON object.
    """
    file = Path(path)
    file = file / "config.json" if file.is_dir() else file
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise HarnessError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise HarnessError(f"{file}: is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise HarnessError(f"{file}: expected a JSON object with the fields of a config")
    return fields
