"""A model of the factory as lm-eval's model `harness`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from torch import Tensor
from tqdm import tqdm

import harness.evaluation.samplers  # noqa: F401  # registers those of the tasks that come with the program
from harness.checkpoints.load import load_checkpoint
from harness.errors import HarnessError
from harness.evaluation.scoring import Scorer, TokenCount, Tokens
from harness.evaluation.tokenizers import Tokenizer, tokenizer_of
from harness.evaluation.weights import weights_path
from harness.modules.decoder import Decoder
from harness.spec.library import load_spec

BATCH_SIZE = 32


@register_model("harness")
class HarnessLM(TemplateLM):  # type: ignore[misc]  # lm-eval is not typed
    """Scores and continues texts.

    lm-eval makes it of words, `--model_args spec=...,checkpoint=...`; Python code by `HarnessLM.of(model, tokenizer)`.

    Args:
        spec: a spec whose released weights are at hand, or that the checkpoint is to agree with.
        checkpoint: a folder or file as `load_checkpoint` reads it.
        batch_size: sequences side by side; "auto", whatever follows it, for 32.
        max_batch_size: not used; lm-eval gives it to every model.
        device: where the model computes; the CPU where there is no such device.
        reuse: whether tokens that requests share are computed once.

    Raises:
        HarnessError: neither is given, the checkpoint cannot be read, or spec and checkpoint disagree.
    """

    def __init__(
        self,
        spec: str | None = None,
        checkpoint: str | None = None,
        batch_size: int | str = BATCH_SIZE,
        max_batch_size: int | None = None,
        device: str | None = None,
        reuse: bool = True,
    ) -> None:
        path = checkpoint if checkpoint is not None else spec and str(weights_path(load_spec(spec)))
        if not path:
            raise HarnessError("model harness: expected a checkpoint, or a spec whose weights are at hand")
        model = load_checkpoint(path, device=_device(device))
        if spec and load_spec(spec).hash != model.spec.hash:
            raise HarnessError(f"{path}: its architecture is not that of {spec}")
        rows = BATCH_SIZE if str(batch_size).startswith("auto") else int(batch_size)
        self._take(model, tokenizer_of(path), rows, reuse)

    @classmethod
    def of(cls, model: Decoder, tokenizer: Tokenizer, batch_size: int = BATCH_SIZE, *, reuse: bool = True) -> HarnessLM:
        """The lm-eval model of a model and its tokenizer; the model is set into evaluation mode."""
        lm = cls.__new__(cls)
        lm._take(model.eval(), tokenizer, batch_size, reuse)
        return lm

    def _take(self, model: Decoder, tokenizer: Tokenizer, batch_size: int, reuse: bool) -> None:
        super().__init__()
        self.model, self.text, self.batch_size = model, tokenizer, batch_size
        marks = model.spec.context_tokens
        self.blank = tokenizer.blank or ((marks.masks[0], marks.start) if marks else ())
        self.scorer = Scorer(model, batch_size, self.blank, reuse)
        self._device = self.scorer.device

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
        """What tells the tokenizers of two models apart in lm-eval's caches of requests."""
        return f"{type(self.text).__name__}-{self.model.spec.dims.vocab_size}"

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        """Tokens of a text."""
        return self.text.encode(string, special=add_special_tokens is not False)

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[tuple[str, str] | None, list[int], list[int]]],
        disable_tqdm: bool = False,
        **kwargs: Any,
    ) -> list[tuple[float, bool]]:
        answers = {place: (0.0, True) for place, (_, _, continuation) in enumerate(requests) if not continuation}
        places = [place for place in range(len(requests)) if place not in answers]
        pairs = [(tuple(requests[place][1]) or (self.prefix_token_id,), tuple(requests[place][2])) for place in places]
        for index, score in tqdm(self.scorer.scores(pairs), total=len(pairs), disable=disable_tqdm):
            place = places[index]
            answers[place] = (score.loglikelihood, score.greedy)
            if (text := requests[place][0]) is not None:
                self.cache_hook.add_partial("loglikelihood", text, answers[place])
        return [answers[place] for place in range(len(requests))]

    def loglikelihood_rolling(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihoods of whole texts; one that is too long is cut into windows, each token scored once."""
        windows: list[tuple[None, list[int], list[int]]] = []
        counts = []
        for (text,) in (request.args for request in requests):
            cut = get_rolling_token_windows(
                self.tok_encode(text), prefix_token=self.prefix_token_id, max_seq_len=self.max_length, context_len=1
            )
            disjoint = [(None, *make_disjoint_window(window)) for window in cut]
            windows += disjoint
            counts.append(len(disjoint))
        scores = iter(self._loglikelihood_tokens(windows, disable_tqdm))
        sums = [sum(next(scores)[0] for _ in range(count)) for count in counts]
        for request, total in zip(requests, sums, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, total)
        return sums

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        """Continuations up to the first stop sequence that comes, which is left out."""
        ordered = sorted(range(len(requests)), key=lambda place: len(requests[place].args[0]))
        texts: dict[int, str] = {}
        with tqdm(total=len(requests), disable=disable_tqdm) as bar:
            while ordered:
                options = requests[ordered[0]].args[1]
                batch = [place for place in ordered if requests[place].args[1] == options][: self.batch_size]
                ordered = [place for place in ordered if place not in batch]
                contexts = [tuple(self.tok_encode(requests[place].args[0])) for place in batch]
                for place, text in zip(batch, self._generate(contexts, options), strict=True):
                    texts[place] = text
                    self.cache_hook.add_partial("generate_until", requests[place].args, text)
                bar.update(len(batch))
        return [texts[place] for place in range(len(requests))]

    def _generate(self, contexts: list[Tokens], options: dict[str, Any]) -> list[str]:
        """Continue contexts side by side, the shorter ones behind padding."""
        asked = normalize_gen_kwargs(options)
        room = self.max_length - asked["max_gen_toks"]
        if room < 1:
            raise HarnessError(f"{asked['max_gen_toks']} tokens to generate; the model has room for {self.max_length}")
        blank = self.blank
        rows = [[*(context or (self.prefix_token_id,))[-room:], *blank] for context in contexts]
        width = max(map(len, rows))
        padding = torch.tensor([width - len(row) for row in rows], device=self.device)
        tokens = torch.tensor([[self.eot_token_id] * (width - len(row)) + row for row in rows], device=self.device)
        stops = [stop for stop in asked["until"] if stop]

        def stopped(appended: Tensor) -> Tensor:
            texts = map(self.text.decode, appended.tolist())
            return torch.tensor([any(stop in text for stop in stops) for text in texts], device=self.device)

        continued = self.model.generate(
            tokens,
            asked["max_gen_toks"],
            temperature=float(asked.get("temperature", 0.0)),
            top_k=asked.get("top_k"),
            top_p=asked.get("top_p"),
            stop=self.eot_token_id,
            until=stopped if stops else None,
            padding=padding if bool(padding.any()) else None,
            context=width - padding - min(1, len(blank)),  # the last of the blank begins what is generated
        )
        return [self._until(row, stops) for row in continued[:, width:].tolist()]

    def _until(self, tokens: list[int], stops: Sequence[str]) -> str:
        if self.eot_token_id in tokens:
            tokens = tokens[: tokens.index(self.eot_token_id)]
        text = self.text.decode(tokens)
        return min((text.partition(stop)[0] for stop in stops), key=len, default=text)


def _device(name: str | None) -> torch.device:
    """A device by name. lm-eval asks for a GPU where its user said nothing, so one that is not there is no error."""
    device = torch.device(name or "cpu")
    if device.type == "cpu" or (device.type == "cuda" and torch.cuda.is_available()):
        return device
    logging.getLogger(__name__).warning("there is no device %r; computing on the CPU", name)
    return torch.device("cpu")
