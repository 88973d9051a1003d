"""A model of the factory as lm-eval sees it."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import lm_eval
import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model
from lm_eval.tasks import TaskManager

from harness.checkpoints.load import save_checkpoint
from harness.errors import HarnessError
from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import evaluate
from harness.factory import build
from harness.modules.decoder import Decoder
from tests.conftest import ROOT
from tests.evaluation.examples import BLANKS, WORDS, directly, model_of, spec_of, write_tasks

CLOSE = 1e-10


def asked(kind: str, *arguments: Any) -> Instance:
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)


@pytest.mark.parametrize("shots", [0, 3])
@pytest.mark.parametrize(("name", "words"), [("llama-7b", WORDS), ("gpt3-small", WORDS), ("chatglm-6b", BLANKS)])
def test_accuracy_is_that_of_a_direct_argmax(name: str, words: Any, shots: int, tmp_path: Path) -> None:
    """On prompts put together here, and a pass of the model for each choice."""
    questions, model = write_tasks(tmp_path, 20), model_of(name)
    lm = HarnessLM.of(model, words)
    pick, finish = evaluate(lm, ["pick", "finish"], num_fewshot=shots, seed=5, include_path=tmp_path)
    right, completed = [], []
    for question, prompt in zip(questions, prompts_of(tmp_path, shots), strict=True):
        assert prompt.endswith(f"{question['input']} ->")
        assert prompt.count("->") == shots + 1
        context = [*words.encode(prompt), *words.blank]
        read = len(context) - bool(words.blank)
        scores = [directly(model, context, words.encode(choice), read) for choice in question["choices"]]
        best = max(range(4), key=lambda index: scores[index][0])
        right.append(best == question["label"])
        completed.append(scores[question["label"]][1])
    assert (pick.correct, finish.correct) == (tuple(right), tuple(completed))
    assert (pick.accuracy, finish.accuracy) == (sum(right) / 20, sum(completed) / 20)
    assert (pick.chance, finish.chance) == (0.25, 0.0)
    share = sum(right) / 20
    assert pick.standard_error == pytest.approx((share * (1 - share) / 19) ** 0.5)


def prompts_of(folder: Path, shots: int) -> list[str]:
    """What lm-eval puts before the choices of each question."""
    task = TaskManager(include_path=str(folder), include_defaults=False).load(["pick"])["tasks"]["pick"]
    task.set_config("num_fewshot", shots)
    task.set_fewshot_seed(5)
    task.build_all_requests()
    return [instance.args[0] for instance in task.instances[::4]]


def test_an_empty_context_is_the_prefix_token() -> None:
    model = model_of("llama-7b")
    (found,) = HarnessLM.of(model, WORDS).loglikelihood([asked("loglikelihood", "", "w1 w2")], disable_tqdm=True)
    expected = directly(model, WORDS.encode("<s>"), WORDS.encode("w1 w2"), 0)
    assert found == (pytest.approx(expected[0], abs=CLOSE), expected[1])


def test_a_text_is_scored_token_by_token_and_in_windows_where_it_is_long() -> None:
    model = model_of("llama-7b")
    short, long = ("w1 w2 w3", " ".join(f"w{index * 7 % 40}" for index in range(100)))
    texts = [asked("loglikelihood_rolling", short), asked("loglikelihood_rolling", long)]
    found = HarnessLM.of(model, WORDS).loglikelihood_rolling(texts, disable_tqdm=True)
    tokens = WORDS.encode(long)
    assert found[0] == pytest.approx(directly(model, [0], WORDS.encode(short), 0)[0], abs=CLOSE)
    first, second = directly(model, [0], tokens[:64], 0), directly(model, tokens[35:64], tokens[64:], 0)
    assert found[1] == pytest.approx(first[0] + second[0], abs=CLOSE)


def test_windows_of_blank_infilling_have_room_for_the_blank() -> None:
    """64 tokens are read at once, and two of them are the mask behind the context and the start of the span."""
    model, long = model_of("chatglm-6b"), " ".join(f"w{index * 7 % 40}" for index in range(100))
    (found,) = HarnessLM.of(model, BLANKS).loglikelihood_rolling([asked("loglikelihood_rolling", long)], True)
    tokens, blank = BLANKS.encode(long), list(BLANKS.blank)
    first = directly(model, [0, *blank], tokens[:62], 2)
    second = directly(model, tokens[37:62] + blank, tokens[62:], 26)
    assert found == pytest.approx(first[0] + second[0], abs=CLOSE)


def test_a_context_that_leaves_no_room_to_generate_loses_its_beginning() -> None:
    model, long = model_of("chatglm-6b"), " ".join(f"w{index * 7 % 40}" for index in range(100))
    request = asked("generate_until", long, {"until": [], "max_gen_toks": 8})
    (found,) = HarnessLM.of(model, BLANKS).generate_until([request], disable_tqdm=True)
    read = [*BLANKS.encode(long)[-54:], *BLANKS.blank]
    expected = model.generate(torch.tensor([read]), 8, context=55)[0, 56:].tolist()
    assert found == BLANKS.decode(expected)


@pytest.mark.parametrize(("name", "words"), [("llama-7b", WORDS), ("gpt1", WORDS), ("chatglm-6b", BLANKS)])
def test_continuations_side_by_side_are_those_of_each_alone(name: str, words: Any) -> None:
    model = model_of(name)
    texts = ["w1 w2 w3 w4", "w7", "w5 w6", "w9 w9 w9 w9 w9 w9"]
    requests = [asked("generate_until", text, {"until": ["w0 "], "max_gen_toks": 12}) for text in texts]
    found = HarnessLM.of(model, words).generate_until(requests, disable_tqdm=True)
    for text, continued in zip(texts, found, strict=True):
        tokens = [*words.encode(text), *words.blank]
        alone = model.generate(torch.tensor([tokens]), 12, context=len(tokens) - bool(words.blank), stop=words.end)
        whole = words.decode([token for token in alone[0, len(tokens) :].tolist() if token != words.end])
        assert continued == whole.partition("w0 ")[0]
    assert len(set(found)) > 1


def test_generation_stops_at_the_first_of_the_stops() -> None:
    model = model_of("llama-7b")
    (whole,) = HarnessLM.of(model, WORDS).generate_until(
        [asked("generate_until", "w1", {"until": [], "max_gen_toks": 9})], disable_tqdm=True
    )
    words = whole.split()
    assert len(words) == 9
    request = asked("generate_until", "w1", {"until": [words[6], words[4]], "max_gen_toks": 9})
    (stopped,) = HarnessLM.of(model, WORDS).generate_until([request], disable_tqdm=True)
    assert stopped == whole.partition(words[4])[0]


def passes(model: Decoder, texts: list[str], stop: str) -> tuple[list[str], int]:
    """Continuations of up to 40 tokens, and how often the model was called for them."""
    calls: list[int] = []
    counting = model.register_forward_hook(lambda *_: calls.append(1))
    requests = [asked("generate_until", text, {"until": [stop], "max_gen_toks": 40}) for text in texts]
    found = HarnessLM.of(model, WORDS).generate_until(requests, disable_tqdm=True)
    counting.remove()
    return found, len(calls)


def test_a_batch_is_over_when_every_text_has_come_to_its_stop() -> None:
    model, texts = model_of("llama-7b"), ["w1 w2 w3", "w4 w9"]
    whole, most = passes(model, texts, "none of the words")
    assert [len(text.split()) for text in whole] == [40, 40]
    assert most == 40
    stop = next(word for word in whole[0].split() if word in whole[1].split())
    places = [text.split().index(stop) for text in whole]
    assert places[0] != places[1]
    found, calls = passes(model, texts, f"{stop} ")
    assert found == [text.partition(f"{stop} ")[0] for text in whole]
    assert calls == max(places) + 2  # the stop ends with a space, which the next word brings
    assert passes(model, texts[:1], f"{stop} ") == ([found[0]], places[0] + 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint with its words, in a folder of its own."""
    folder = tmp_path / "checkpoint"
    save_checkpoint(build(spec_of("llama-7b")), folder)
    WORDS.save(folder)
    return folder


def test_lm_eval_makes_it_of_words(folder: Path, tmp_path: Path) -> None:
    write_tasks(tmp_path)
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False)
    arguments = f"checkpoint={folder},spec={folder / 'spec.yaml'}"
    results = lm_eval.simple_evaluate("harness", arguments, ["pick"], device="cuda:7", task_manager=manager)
    (outcome,) = evaluate(HarnessLM(checkpoint=str(folder)), ["pick"], include_path=tmp_path)
    assert results["results"]["pick"]["acc,none"] == outcome.accuracy


def test_the_command_line_of_lm_eval_knows_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tasks(tmp_path)
    index = TaskManager.__init__
    monkeypatch.setattr(  # lm-eval's own 15 thousand tasks take a quarter of a minute to read
        TaskManager, "__init__", lambda self, **options: index(self, **options, include_defaults=False)
    )
    arguments = f"--model harness --model_args checkpoint={folder} --include_path {tmp_path} --tasks pick --limit 3"
    monkeypatch.setattr(sys, "argv", ["lm_eval", *arguments.split()])
    sys.modules.pop("harness.evaluation.__main__", None)
    __import__("harness.evaluation.__main__")
    assert "pick" in capsys.readouterr().out


def test_the_entry_point_is_the_registered_model() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (name, value), *others = project["entry-points"]["lm_eval.models"].items()
    assert EntryPoint(name, value, "lm_eval.models").load() is get_model(name) is HarnessLM
    assert others == []


@pytest.mark.parametrize(("batch_size", "rows"), [(4, 4), ("4", 4), ("auto", 32), ("auto:4", 32)])
def test_batch_sizes_are_written_as_for_lm_evals_own_models(folder: Path, batch_size: int | str, rows: int) -> None:
    assert HarnessLM(checkpoint=str(folder), batch_size=batch_size).batch_size == rows


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "model harness: expected a checkpoint, or a spec whose weights are at hand"),
        ({"spec": "gpt1"}, "gpt1: names no weights; give a checkpoint"),
        ({"spec": "gpt1", "checkpoint": "here"}, "here: its architecture is not that of gpt1"),
    ],
)
def test_what_cannot_be_made_is_told(
    folder: Path, options: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.rename(folder.parent / "here")
    monkeypatch.chdir(folder.parent)
    with pytest.raises(HarnessError) as caught:
        HarnessLM(**options)
    assert str(caught.value) == message


def test_more_tokens_than_the_model_has_are_refused() -> None:
    request = asked("generate_until", "w1", {"until": [], "max_gen_toks": 64})
    with pytest.raises(HarnessError, match=r"^64 tokens to generate; the model has room for 64$"):
        HarnessLM.of(model_of("gpt1"), WORDS).generate_until([request], disable_tqdm=True)
