"""Request by request what lm-eval's own model of transformers says, on tiny releases of every kind of tokenizer."""

from __future__ import annotations

import contextlib
import json
import warnings
from pathlib import Path
from typing import Any

import lm_eval
import pytest
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager

from harness.errors import HarnessError
from harness.evaluation.lm import HarnessLM
from tests.evaluation.releases import CORPUS, RELEASES

TOLERANCE = 1e-4
"""Of log-likelihoods: both compute in float32, and in another order."""

BEGUN = {"llama", "llama_saved", "llama3", "unigram_begun"}
"""Whose tokenizers put a beginning in front of every text."""


class Both:
    """The same release in this program and in lm-eval's."""

    def __init__(self, name: str, folder: Path) -> None:
        from lm_eval.models.huggingface import HFLM

        self.name = name
        path = str(RELEASES[name](folder))
        self.ours = HarnessLM(pretrained=path, batch_size=4)
        # Its cache of logits reads a continuation off at the wrong place where another request has the same tokens, cut
        # elsewhere; and in a batch a text goes on behind a stop that is a special token, until all have come to one.
        self.theirs = HFLM(pretrained=path, device="cpu", dtype="float32", batch_size=1, logits_cache=False)


@pytest.fixture(scope="module", params=sorted(RELEASES))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with warnings.catch_warnings(action="ignore"):
        yield Both(request.param, tmp_path_factory.mktemp(request.param))


def asked(kind: str, *arguments: Any) -> Instance:
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)


LONG = " ".join(f"{word} {number}" for number in range(40) for word in ("model", "layer", "norm"))


def pairs(both: Both) -> list[tuple[str, str]]:
    prefix = both.theirs.tok_decode([both.theirs.prefix_token_id], skip_special_tokens=False)
    return [
        ("the model has a", " norm"),
        ("the model has a", " norm before each layer"),
        ("the model has a ", "norm"),
        ("The attention of a layer", " mixes the tokens.\n"),
        ("", "the model"),
        ("", f"{prefix}the model"),
        (f"{prefix}the model has", " a layer"),
        ("l'été à", " Zürich 日本語"),
        ("user asks a question\n", "assistant gives an answer"),
        (LONG, " the end"),
        ("a", LONG[:90]),
        (f"the model{prefix}has", " a layer"),
    ]


def test_tokens(both: Both) -> None:
    texts = [part for pair in pairs(both) for part in pair]
    assert [both.ours.tok_encode(text) for text in texts] == [both.theirs.tok_encode(text) for text in texts]
    assert both.ours.prefix_token_id == both.theirs.prefix_token_id
    assert both.ours.eot_token_id == both.theirs.eot_token_id
    assert both.ours.max_length == both.theirs.max_length
    for text in texts:
        tokens = both.ours.tok_encode(text)
        assert both.ours.text.decode(tokens) == both.theirs.tok_decode(tokens)
        assert both.ours.text.decode(tokens, special=True) == both.theirs.tok_decode(tokens, skip_special_tokens=False)


def test_loglikelihoods(both: Both) -> None:
    requests = [asked("loglikelihood", *pair) for pair in pairs(both)]
    found = both.ours.loglikelihood(requests, disable_tqdm=True)
    expected = both.theirs.loglikelihood(requests, disable_tqdm=True)
    assert [value for value, _ in found] == pytest.approx([value for value, _ in expected], abs=TOLERANCE)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


def test_rolling_loglikelihoods(both: Both) -> None:
    """lm-eval's model scores the beginning that the tokenizer adds, behind another one; told not to add it, it does
    what its contract says."""
    texts = ["the model has a norm", "Zürich: 日本語", LONG[:250], "x", ""]
    requests = [asked("loglikelihood_rolling", text) for text in texts]
    found = both.ours.loglikelihood_rolling(requests, disable_tqdm=True)
    both.theirs.add_bos_token = False
    expected = both.theirs.loglikelihood_rolling(requests, disable_tqdm=True)
    both.theirs.add_bos_token = None
    assert found == pytest.approx(expected, abs=TOLERANCE)
    assert found[-1] == 0
    twice = both.theirs.loglikelihood_rolling(requests[:1], disable_tqdm=True)[0]
    assert (abs(found[0] - twice) > 1) == (both.name in BEGUN)


def test_generated_texts(both: Both) -> None:
    contexts = ["the model has a", "The attention", "l'été à Zürich", LONG, "queries, keys and"]
    options: list[dict[str, Any]] = [
        {"until": ["\n\n"], "max_gen_toks": 24},
        {"until": [], "max_gen_toks": 40, "do_sample": False},
        {"until": ["e", "a"], "max_gen_toks": 12},
        {"until": "norm", "max_new_tokens": 12, "temperature": 0.0},
        {"until": ["\n"], "max_gen_toks": 24, "repetition_penalty": 1.5},
        {"until": ["\n"], "max_gen_toks": 24, "no_repeat_ngram_size": 2, "top_k": 50},
    ]
    requests = [asked("generate_until", context, each) for each in options for context in contexts]
    found = both.ours.generate_until(requests, disable_tqdm=True)
    assert found == both.theirs.generate_until(requests, disable_tqdm=True)
    assert len(set(found)) > len(contexts)
    # Stops out of what is generated: each begins and ends within tokens.
    stops = [
        asked("generate_until", contexts[0], {"until": [found[5][at : at + 3]], "max_gen_toks": 40})
        for at in (3, 9, 14)
    ]
    cut = both.ours.generate_until(stops, disable_tqdm=True)
    assert cut == both.theirs.generate_until(stops, disable_tqdm=True)
    assert all(len(text) < len(found[5]) for text in cut)


def test_a_merged_continuation_is_scored_by_neither(both: Both) -> None:
    """Where the tokenizer has a word as one token, and its beginning as another."""
    words = {word for text in CORPUS for word in text.split() if word.isalpha()}
    splits = [(f"a {word[:at]}", word[at:]) for word in sorted(words) for at in range(1, len(word))]
    length = {text: len(both.ours.tok_encode(text)) for pair in splits for text in (pair[0], "".join(pair))}
    context, continuation = next(pair for pair in splits if length["".join(pair)] <= length[pair[0]])
    request = asked("loglikelihood", context, continuation)
    with pytest.raises(AssertionError):
        both.theirs.loglikelihood([request], disable_tqdm=True)
    with pytest.raises(HarnessError, match=f"no token is left of '{continuation}' behind '{context}'"):
        both.ours.loglikelihood([request], disable_tqdm=True)


CHATTY = ["llama", "llama_saved", "qwen"]
"""That bring a template of conversations."""


def conversation(*turns: str) -> list[dict[str, str]]:
    """Turns of a user and an assistant one after the other."""
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)]


@pytest.mark.parametrize("both", CHATTY, indirect=True)
@pytest.mark.parametrize(
    ("messages", "answered"),
    [
        (conversation("the question?"), True),
        ([{"role": "system", "content": "be brief"}, *conversation("a question", "an answer", "another one")], True),
        (conversation("a question", "Answer:"), False),
        (conversation("a question", "Answer: "), False),
    ],
)
def test_conversations(both: Both, messages: list[dict[str, str]], answered: bool) -> None:
    text = both.ours.apply_chat_template(messages, add_generation_prompt=answered)
    assert text == both.theirs.apply_chat_template(messages, add_generation_prompt=answered)
    assert both.ours.tok_encode(text) == both.theirs.tok_encode(text)
    assert both.ours.chat_template(True) == both.theirs.chat_template(True)


@pytest.mark.parametrize("both", CHATTY, indirect=True)
@pytest.mark.parametrize("multiturn", [True, False])
def test_a_task_in_conversation(both: Both, multiturn: bool, tmp_path: Path) -> None:
    """Few-shot, of choices and of generation: the same prompts and the same answers."""
    lines = [
        {"q": f"what comes after {word}?", "c": ["norm", "layer", "a model"], "a": place % 3}
        for place, word in enumerate(["the", "a", "model", "keys", "values", "up"])
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, lines)))
    common = (
        "dataset_path: json\ndataset_kwargs: {data_files: {train: data.jsonl, test: data.jsonl}}\n"
        "test_split: test\nfewshot_split: train\nnum_fewshot: 2\nfewshot_config: {sampler: first_n}\n"
        'doc_to_text: "{{q}}"\n'
    )
    (tmp_path / "chosen.yaml").write_text(
        common + 'task: chosen\noutput_type: multiple_choice\ndoc_to_choice: "{{c}}"\ndoc_to_target: a\n'
    )
    (tmp_path / "written.yaml").write_text(
        common + 'task: written\noutput_type: generate_until\ndoc_to_target: "{{c[a]}}"\ngen_prefix: "Answer:"\n'
        'generation_kwargs: {until: ["\\n", "<|im_end|>"], max_gen_toks: 8}\n'
    )
    given, answers = [], []
    for lm in (both.ours, both.theirs):
        with contextlib.chdir(tmp_path), warnings.catch_warnings(action="ignore"):
            results = lm_eval.simple_evaluate(
                lm,
                tasks=["chosen", "written"],
                task_manager=TaskManager(include_path=str(tmp_path), include_defaults=False),
                apply_chat_template=True,
                fewshot_as_multiturn=multiturn,
                system_instruction=None if both.name.startswith("llama") else "be brief",
                bootstrap_iters=0,
            )
        samples = results["samples"]
        given.append([sample["arguments"] for task in ("chosen", "written") for sample in samples[task]])
        answers.append([sample["resps"] for sample in samples["written"]])
        answers.append([float(value) for sample in samples["chosen"] for ((value, _),) in sample["resps"]])
    assert given[0] == given[1]
    assert answers[0] == answers[2]
    assert answers[1] == pytest.approx(answers[3], abs=TOLERANCE)
