"""A model of the factory as lm-eval's model `harness`."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window, simple_parse_args_string
from torch import Tensor
from tqdm import tqdm

import harness.evaluation.samplers  # noqa: F401  # registers those of the tasks that come with the program
from harness.checkpoints.load import load_checkpoint
from harness.errors import HarnessError, did_you_mean
from harness.evaluation.arguments import AUTO, count_of, device_of, dtype_of
from harness.evaluation.chat import Message, render
from harness.evaluation.options import Options, read_options
from harness.evaluation.scoring import Scorer, TokenCount, Tokens
from harness.evaluation.text import Tokenizer
from harness.evaluation.tokenizers import DEFAULT, read_fields, tokenizer_of
from harness.evaluation.weights import weights_path
from harness.modules.decoder import Decoder
from harness.spec.library import load_spec

BATCH_SIZE = 32
GENERATION = "generation_config.json"

ARGUMENTS = ("checkpoint", "pretrained", "spec", "dtype", "max_length", "batch_size", "device", "reuse")


@register_model("harness")
class HarnessLM(TemplateLM):  # type: ignore[misc]  # lm-eval is not typed
    """Scores and continues texts.

    lm-eval makes it of words, `--model_args pretrained=...,dtype=...`; Python code by `HarnessLM.of(model, tokenizer)`.

    Args:
        spec: a spec whose released weights are at hand, or that the checkpoint is to agree with.
        checkpoint: a folder or file as `load_checkpoint` reads it.
        pretrained: another word for `checkpoint`, which lm-eval's users know.
        dtype: float32, float64, bfloat16 or float16; "auto" for the one that the checkpoint's config states.
        max_length: tokens of the longest sequence; left out, as many as the model was made for.
        batch_size: sequences side by side; "auto", whatever follows it, for 32.
        max_batch_size: not used; lm-eval gives it to every model.
        device: where the model computes; the CPU where there is no such device.
        reuse: whether tokens that requests share are computed once.
        unknown: none; what lm-eval gives that is no argument is refused by name.

    Raises:
        HarnessError: an argument is unknown or has an impossible value, neither spec nor checkpoint is given, the
            checkpoint cannot be read, or spec and checkpoint disagree.
    """

    def __init__(
        self,
        spec: str | None = None,
        checkpoint: str | None = None,
        pretrained: str | None = None,
        dtype: str = "float32",
        max_length: int | str | None = None,
        batch_size: int | str = BATCH_SIZE,
        max_batch_size: int | None = None,
        device: str | None = None,
        reuse: bool = True,
        **unknown: Any,
    ) -> None:
        for name in unknown:
            raise HarnessError(f"model harness: unknown argument {name!r}; {did_you_mean(name, ARGUMENTS)}")
        if not isinstance(reuse, bool):
            raise HarnessError(f"model harness: reuse: found {reuse!r}, expected true or false")
        if checkpoint is not None and pretrained is not None:
            raise HarnessError("model harness: checkpoint and pretrained are two words for one thing; give one of them")
        checkpoint = pretrained if checkpoint is None else checkpoint
        path = str(checkpoint) if checkpoint is not None else spec and str(weights_path(load_spec(spec)))
        if not path:
            raise HarnessError("model harness: expected a checkpoint, or a spec whose weights are at hand")
        if not Path(path).exists():
            raise HarnessError(f"model harness: {path}: no such folder or file; nothing is downloaded")
        rows = BATCH_SIZE if str(batch_size).startswith(AUTO) else count_of("batch_size", batch_size)
        length = None if max_length is None else count_of("max_length", max_length)
        tokenizer = tokenizer_of(path)  # before the weights, which take longer to read
        model = load_checkpoint(path, dtype=dtype_of(dtype, Path(path)), device=device_of(device))
        if spec and load_spec(spec).hash != model.spec.hash:
            raise HarnessError(f"{path}: its architecture is not that of {spec}")
        self._take(model, tokenizer, rows, reuse, length, Path(path) / GENERATION)

    @classmethod
    def create_from_arg_string(cls, arg_string: str, additional_config: Mapping[str, Any] | None = None) -> HarnessLM:
        """The model of `--model_args`, see `create_from_arg_obj`."""
        return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: Mapping[str, Any], additional_config: Mapping[str, Any] | None = None
    ) -> HarnessLM:
        """The model of the arguments that are meant for it. They count more than lm-eval's own options, of which it
        passes on a batch size and a device even where its user gave none.
        """
        given = {name: value for name, value in (additional_config or {}).items() if value is not None}
        return cls(**{**given, **arg_dict})

    @classmethod
    def of(
        cls,
        model: Decoder,
        tokenizer: Tokenizer,
        batch_size: int = BATCH_SIZE,
        *,
        reuse: bool = True,
        max_length: int | None = None,
    ) -> HarnessLM:
        """The lm-eval model of a model and its tokenizer; the model is set into evaluation mode."""
        lm = cls.__new__(cls)
        lm._take(model.eval(), tokenizer, batch_size, reuse, max_length)
        return lm

    def _take(
        self,
        model: Decoder,
        tokenizer: Tokenizer,
        batch_size: int,
        reuse: bool,
        max_length: int | None,
        options: Path | None = None,
    ) -> None:
        super().__init__()
        self.model, self.text, self.batch_size = model, tokenizer, batch_size
        marks = model.spec.context_tokens
        self.blank = tokenizer.blank or ((marks.masks[0], marks.start) if marks else ())
        self._known([tokenizer.prefix, tokenizer.end, *self.blank])
        self.scorer = Scorer(model, batch_size, self.blank, reuse, max_length)
        self._device = self.scorer.device
        self._options_file = options
        self._usual_options: Mapping[str, Any] = read_fields(options) if options else {}
        self._template = DEFAULT

    @property
    def count(self) -> TokenCount:
        """Tokens that log-likelihoods have cost so far."""
        return self.scorer.count

    @property
    def max_length(self) -> int:
        """The longest sequence, without the blank that is put behind every context."""
        return self.scorer.longest

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        return self.text.end

    @property
    def prefix_token_id(self) -> int:
        """The token that stands for an empty context."""
        return self.text.prefix

    @property
    def tokenizer_name(self) -> str:
        """What tells the tokenizers of two models apart in lm-eval's caches of requests: how they write texts."""
        templates = hashlib.sha256(json.dumps([*self.text.templates.items()]).encode()).hexdigest()[:16]
        return f"{type(self.text).__name__}-{self.model.spec.dims.vocab_size}-{templates}"

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The template of conversations by its name, True for the usual one; it is used from now on.

        Raises:
            HarnessError: the checkpoint brings none of that name.
        """
        if not chat_template:
            return None
        self._template = DEFAULT if chat_template is True else chat_template
        return self._chosen_template()

    def apply_chat_template(self, chat_history: Sequence[Message], add_generation_prompt: bool = True) -> str:
        """A conversation as one text, which ends with the beginning of an answer, or in its last message.

        As lm-eval's own models do, a template that fails is tried once more without what the system says.

        Raises:
            HarnessError: the checkpoint brings no template, or it cannot be rendered.
        """
        template = self._chosen_template()
        try:
            return render(template, chat_history, self.text.named, answer=add_generation_prompt)
        except HarnessError:
            others = [message for message in chat_history if message["role"] != "system"]
            if len(others) == len(chat_history):
                raise
            logging.getLogger(__name__).warning("the chat template fails; what the system says is left out")
            return render(template, others, self.text.named, answer=add_generation_prompt)

    def _chosen_template(self) -> str:
        templates = self.text.templates
        if not templates:
            raise HarnessError(
                "the checkpoint brings no chat template: expected chat_template in tokenizer_config.json"
            )
        if self._template not in templates:
            raise HarnessError(f"no chat template {self._template!r}; {did_you_mean(self._template, [*templates])}")
        return templates[self._template]

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        """Tokens of a text.

        Raises:
            HarnessError: a token is beyond the model's vocabulary; it is named.
        """
        return self._known(self.text.encode(string, special=add_special_tokens is not False))

    def _known(self, tokens: list[int]) -> list[int]:
        size = self.model.spec.dims.vocab_size
        for token in tokens:
            if token >= size:
                text = self.text.decode([token], special=True)
                raise HarnessError(f"token {token}, {text!r}, is beyond the model's vocabulary of {size}")
        return tokens

    def loglikelihood(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-likelihood of each continuation behind its context, and whether it is the greedy one.

        Raises:
            HarnessError: the tokenizer merges a whole continuation into its context; the request is named.
        """
        pairs = []
        for request in requests:
            context, continuation = request.args
            tokens, following = self._encode_pair(context, continuation)
            if continuation and not following:
                raise HarnessError(
                    f"{_request(request)}: no token is left of {continuation!r} behind {context[-60:]!r}: "
                    f"the tokenizer merges it into the context"
                )
            pairs.append(((context, continuation), tokens, following))
        return self._loglikelihood_tokens(pairs, disable_tqdm)

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Tokens of a context, the prefix where it has none, and those that its continuation adds to them."""
        if context:
            tokens, following = super()._encode_pair(context, continuation)
            return tokens or [self.prefix_token_id], following
        following = self.tok_encode(continuation, add_special_tokens=False)
        return [self.prefix_token_id], self._behind_prefix(following)

    def _behind_prefix(self, tokens: list[int]) -> list[int]:
        """A text that begins with the prefix gets no second."""
        return tokens[1:] if tokens[:1] == [self.prefix_token_id] else tokens

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[tuple[str, str] | None, list[int], list[int]]],
        disable_tqdm: bool = False,
        **kwargs: Any,
    ) -> list[tuple[float, bool]]:
        answers = {place: (0.0, True) for place, (_, _, continuation) in enumerate(requests) if not continuation}
        places = [place for place in range(len(requests)) if place not in answers]
        pairs = [(tuple(requests[place][1]), tuple(requests[place][2])) for place in places]
        for index, score in tqdm(self.scorer.scores(pairs), total=len(pairs), disable=disable_tqdm):
            place = places[index]
            answers[place] = (score.loglikelihood, score.greedy)
            if (text := requests[place][0]) is not None:
                self.cache_hook.add_partial("loglikelihood", text, answers[place])
        return [answers[place] for place in range(len(requests))]

    def loglikelihood_rolling(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihoods of whole texts behind one prefix; one that is too long is cut into windows, each token
        scored once. What a tokenizer puts around every text is no part of it, and an empty text scores 0.
        """
        windows: list[tuple[None, list[int], list[int]]] = []
        counts = []
        for (text,) in (request.args for request in requests):
            tokens = self._behind_prefix(self.tok_encode(text, add_special_tokens=False))
            cut = get_rolling_token_windows(
                tokens, prefix_token=self.prefix_token_id, max_seq_len=self.max_length, context_len=1
            )
            disjoint = [(None, *make_disjoint_window(window)) for window in cut]
            windows += disjoint
            counts.append(len(disjoint))
        scores = iter(self._loglikelihood_tokens(windows, disable_tqdm))
        sums = [sum((next(scores)[0] for _ in range(count)), 0.0) for count in counts]
        for request, total in zip(requests, sums, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, total)
        return sums

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """Continuations up to the first stop sequence that comes, which is left out.

        Stops are looked for in all that was generated, special tokens included, whose texts the answer leaves out.
        """
        ordered = sorted(range(len(requests)), key=lambda place: len(requests[place].args[0]))
        texts: dict[int, str] = {}
        with tqdm(total=len(requests), disable=disable_tqdm) as bar:
            while ordered:
                asked = requests[ordered[0]].args[1]
                options = read_options(asked, self._usual_options, str(self._options_file))
                batch = [place for place in ordered if requests[place].args[1] == asked][: self.batch_size]
                ordered = [place for place in ordered if place not in batch]
                contexts = [tuple(self.tok_encode(requests[place].args[0])) for place in batch]
                for place, text in zip(batch, self._generate(contexts, options), strict=True):
                    texts[place] = text
                    self.cache_hook.add_partial("generate_until", requests[place].args, text)
                bar.update(len(batch))
        return [texts[place] for place in range(len(requests))]

    def _generate(self, contexts: list[Tokens], options: Options) -> list[str]:
        """Continue contexts side by side, the shorter ones behind padding."""
        room = self.max_length - options.length
        if room < 1:
            raise HarnessError(f"{options.length} tokens to generate; the model has room for {self.max_length}")
        blank = self.blank
        rows = [[*(context or (self.prefix_token_id,))[-room:], *blank] for context in contexts]
        width = max(map(len, rows))
        padding = torch.tensor([width - len(row) for row in rows], device=self.device)
        tokens = torch.tensor([[self.eot_token_id] * (width - len(row)) + row for row in rows], device=self.device)
        # Like lm-eval's own models: the end of a text ends it even if it is spelt out of other tokens.
        stops = [stop for stop in (*options.until, self.text.decode([self.eot_token_id], special=True)) if stop]

        def stopped(appended: Tensor) -> Tensor:
            texts = [self.text.decode(row, special=True) for row in appended.tolist()]
            return torch.tensor([any(stop in text for stop in stops) for text in texts], device=self.device)

        continued = self.model.generate(
            tokens,
            options.length,
            **options.drawing,
            stop=self.text.ends,
            until=stopped if stops else None,
            padding=padding if bool(padding.any()) else None,
            context=width - padding - min(1, len(blank)),  # the last of the blank begins what is generated
            seed=int(torch.randint(2**62, ())),  # so lm-eval's seed decides it, and another batch draws anew
        )
        return [self._until(row, stops) for row in continued[:, width:].tolist()]

    def _until(self, tokens: list[int], stops: Sequence[str]) -> str:
        """The text of tokens before the first stop, which may begin or end within a token."""
        ended = next((place for place, token in enumerate(tokens) if token in self.text.ends), len(tokens))
        tokens = tokens[: ended + 1]  # an end has no text if it is special, and as in lm-eval's own models else it has
        whole = self.text.decode(tokens, special=True)
        begin = min((whole.index(stop) for stop in stops if stop in whole), default=len(whole))
        text = self.text.decode(tokens)
        if begin < len(whole):
            count, part = next(  # the tokens that lie before the stop, and what they say
                (count, part)
                for count in reversed(range(len(tokens)))
                if whole[:begin].startswith(part := self.text.decode(tokens[:count], special=True))
            )
            text = self.text.decode(tokens[:count])
            if self.text.decode(tokens[: count + 1]) != text:  # else the stop begins in a special token
                text += whole[len(part) : begin]
        return min((text.partition(stop)[0] for stop in stops), key=len, default=text)


def _request(request: Instance) -> str:
    """What tells a request from others."""
    return f"task {request.task_name!r}, document {request.doc_id}" if request.task_name else "loglikelihood"
