"""A tiny vocabulary, models over it, and tasks that lm-eval asks of them."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from harness.evaluation.text import Words
from harness.modules.decoder import Decoder
from harness.spec import load_spec
from harness.spec.model import Spec
from tests.contract.examples import lively

WORDS = Words(["<s>", "</s>", "[MASK]", "[S]", "->", *(f"w{index}" for index in range(40))], "<s>", "</s>")
BLANKS = Words(WORDS.words, "<s>", "</s>", ["[MASK]", "[S]"])


def spec_of(name: str) -> Spec:
    return load_spec(name).scaled(hidden_size=32, vocab_size=len(WORDS.words), max_seq_len=64)


def model_of(name: str) -> Decoder:
    """The choices of a spec, small, with random weights in float64."""
    return lively(spec_of(name))


def directly(model: Decoder, context: list[int], continuation: list[int], read: int) -> tuple[float, bool]:
    """Log-likelihood and greediness by one pass over one text."""
    with torch.no_grad():
        logits = model(torch.tensor([context + continuation[:-1]]), context=read)[0, len(context) - 1 :]
    expected = torch.tensor(continuation)
    logprobs: Tensor = logits.log_softmax(-1)
    return float(logprobs[range(len(continuation)), expected].sum()), bool((logits.argmax(-1) == expected).all())


def write_tasks(folder: Path, questions: int = 12) -> list[dict[str, Any]]:
    """A task of choices, `pick`, and one of completion, `finish`, over the words; gives the questions."""
    random = Random(0)

    def document() -> dict[str, Any]:
        choices = [" ".join(random.choices(WORDS.words[5:], k=random.randint(1, 3))) for _ in range(4)]
        label = random.randrange(4)
        text = " ".join(random.choices(WORDS.words[5:], k=random.randint(1, 5)))
        return {"input": text, "choices": choices, "label": label, "target": choices[label]}

    train, test = [document() for _ in range(9)], [document() for _ in range(questions)]
    (folder / "made.py").write_text(
        f"from datasets import Dataset\n\ndef splits(**_):\n"
        f"    return {{'train': Dataset.from_list({train!r}), 'test': Dataset.from_list({test!r})}}\n"
    )
    common = (
        'custom_dataset: !function made.splits\nfewshot_split: train\ntest_split: test\nfewshot_delimiter: " "\n'
        'fewshot_config: {sampler: harness_nested}\ndoc_to_text: "{{input}} ->"\n'
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n"
    )
    (folder / "pick.yaml").write_text(
        common + 'task: pick\noutput_type: multiple_choice\ntarget_delimiter: " "\n'
        "doc_to_choice: choices\ndoc_to_target: label\n"
    )
    (folder / "finish.yaml").write_text(
        common + 'task: finish\noutput_type: loglikelihood\ntarget_delimiter: ""\ndoc_to_target: " {{target}}"\n'
    )
    return test
