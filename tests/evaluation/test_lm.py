"""A model of the factory as lm-eval sees it."""

from __future__ import annotations

import logging
import re
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
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from harness.checkpoints.load import save_checkpoint
from harness.errors import HarnessError
from harness.evaluation.lm import HarnessLM
from harness.evaluation.run import evaluate
from harness.evaluation.text import StoredTokenizer, Words
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


def stored(special: list[str], begun: bool = False, **options: Any) -> StoredTokenizer:
    """The words as a tokenizer of the package `tokenizers`, some of them special."""
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS.words)}))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<s>", "</s>", *special])
    if begun:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return StoredTokenizer(tokenizer, **{"prefix": 0, "ends": [1], **options})


def generated(model: Decoder, tokenizer: Any, contexts: list[str], **options: Any) -> list[str]:
    requests = [asked("generate_until", text, {"until": [], "max_gen_toks": 9, **options}) for text in contexts]
    return HarnessLM.of(model, tokenizer).generate_until(requests, disable_tqdm=True)


def test_a_stop_may_be_a_special_token_in_a_batch_too() -> None:
    """Each text ends where its own stop begins, though others go on."""
    model, contexts = model_of("llama-7b"), ["w1", "w4 w9"]
    whole = [text.split() for text in generated(model, stored([]), contexts)]
    stop = whole[0][3]
    expected = [" ".join(words[: words.index(stop)] if stop in words else words) for words in whole]
    assert [len(text.split()) for text in expected] == [whole[0].index(stop), 9]
    assert generated(model, stored([stop]), contexts, until=[stop]) == expected
    assert generated(model, stored([stop]), contexts[:1], until=[f" {stop}"]) == expected[:1]


def test_special_tokens_are_left_out_of_what_comes_before_a_stop() -> None:
    model = model_of("llama-7b")
    words = generated(model, stored([]), ["w7"])[0].split()
    assert len({*words[:5]}) == 5
    tokenizer = stored([words[1], words[3]])
    assert generated(model, tokenizer, ["w7"], until=[words[4]]) == [f"{words[0]} {words[2]} "]
    across = f"{words[2][1:]} {words[3][:2]}"  # begins within a word, and ends within a special token
    assert generated(model, tokenizer, ["w7"], until=[across]) == [f"{words[0]} {words[2][0]}"]
    within = words[3][1:]
    assert generated(model, tokenizer, ["w7"], until=[f"{words[2]} {words[3][0]}{within}"]) == [f"{words[0]} "]


def test_a_stop_may_reach_into_the_end_of_the_text() -> None:
    model = model_of("llama-7b")
    words = generated(model, stored([]), ["w7"])[0].split()
    ended = stored([words[4]], ends=[WORDS.words.index(words[4])])
    before = " ".join(words[:3])
    assert generated(model, ended, ["w7"]) == [f"{before} {words[3]}"]
    assert generated(model, ended, ["w7"], until=[f"{words[3]} {words[4]}"]) == [f"{before} "]


@pytest.mark.parametrize("place", [2, 4])
def test_any_end_of_the_text_ends_it(place: int) -> None:
    model = model_of("llama-7b")
    words = generated(model, stored([]), ["w7"])[0].split()
    ends = [1, WORDS.words.index("w39"), WORDS.words.index(words[place])]
    counted: list[int] = []
    counting = model.register_forward_hook(lambda *_: counted.append(1))
    assert generated(model, stored([words[place]], ends=ends), ["w7"]) == [" ".join(words[:place])]
    counting.remove()
    assert len(counted) == place + 1


def test_options_are_those_of_generation() -> None:
    model = model_of("llama-7b")
    tokens = torch.tensor([WORDS.encode("w1 w2")])
    for options in ({"repetition_penalty": 3.0}, {"no_repeat_ngram_size": 1}):
        expected = model.generate(tokens, 9, stop=1, **options)[0, 2:].tolist()
        assert generated(model, WORDS, ["w1 w2"], **options) == [WORDS.decode([t for t in expected if t != 1])]
    with pytest.raises(HarnessError, match="unknown generation option 'top_q'"):
        generated(model, WORDS, ["w1"], top_q=1)


def test_the_seed_of_torch_decides_draws_and_batches_draw_anew() -> None:
    model, drawn = model_of("llama-7b"), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append([generated(model, WORDS, ["w1"], temperature=2.0) for _ in range(2)])
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][1]


def test_nothing_is_answered_with_nothing() -> None:
    lm = HarnessLM.of(model_of("llama-7b"), WORDS)
    assert lm.loglikelihood([], disable_tqdm=True) == []
    assert lm.loglikelihood_rolling([], disable_tqdm=True) == []
    assert lm.generate_until([], disable_tqdm=True) == []
    assert lm.loglikelihood_rolling([asked("loglikelihood_rolling", "")], disable_tqdm=True) == [0.0]
    assert lm.loglikelihood([asked("loglikelihood", "w1", "")], disable_tqdm=True) == [(0.0, True)]
    assert lm.loglikelihood([asked("loglikelihood", "", "")], disable_tqdm=True) == [(0.0, True)]


def test_there_is_one_beginning_of_a_text() -> None:
    """Put there by the tokenizer, by the text, or by the model of lm-eval."""
    model, tokenizer = model_of("llama-7b"), stored([], begun=True)
    lm = HarnessLM.of(model, tokenizer)
    expected = directly(model, [0, *WORDS.encode("w1 w2")], WORDS.encode("w3"), 0)[0]
    for context in ("w1 w2", "<s> w1 w2"):
        ((found, _),) = lm.loglikelihood([asked("loglikelihood", context, " w3")], disable_tqdm=True)
        assert found == pytest.approx(expected, abs=CLOSE)
    whole = directly(model, [0], WORDS.encode("w1 w2 w3"), 0)[0]
    for text in ("w1 w2 w3", "<s> w1 w2 w3"):
        (found,) = lm.loglikelihood_rolling([asked("loglikelihood_rolling", text)], disable_tqdm=True)
        assert found == pytest.approx(whole, abs=CLOSE)
        ((found, _),) = lm.loglikelihood([asked("loglikelihood", "", text)], disable_tqdm=True)
        assert found == pytest.approx(whole, abs=CLOSE)


def test_a_continuation_without_tokens_is_an_error_that_names_the_request() -> None:
    lm = HarnessLM.of(model_of("llama-7b"), WORDS)
    request = Instance("loglikelihood", {}, ("w1", " \n"), 0, metadata=("mine", 7, 1))
    with pytest.raises(HarnessError, match=r"^task 'mine', document 7: no token is left of ' \\n' behind 'w1'"):
        lm.loglikelihood([request], disable_tqdm=True)
    with pytest.raises(HarnessError, match=r"^loglikelihood: no token is left of '<s>' behind ''"):
        lm.loglikelihood([asked("loglikelihood", "", "<s>")], disable_tqdm=True)


def test_a_token_beyond_the_vocabulary_is_named() -> None:
    words = Words([*WORDS.words, "new"], "<s>", "</s>")
    lm = HarnessLM.of(model_of("llama-7b"), words)
    for kind, arguments in (("loglikelihood", ("w1", " new")), ("loglikelihood_rolling", ("new",))):
        with pytest.raises(HarnessError, match=r"^token 45, 'new', is beyond the model's vocabulary of 45$"):
            getattr(lm, kind)([asked(kind, *arguments)], disable_tqdm=True)
    with pytest.raises(HarnessError, match=r"^token 45, 'new', is beyond"):
        generated(model_of("llama-7b"), words, ["w1 new"])
    with pytest.raises(HarnessError, match=r"^token 45, 'new', is beyond"):
        HarnessLM.of(model_of("llama-7b"), Words(words.words, "<s>", "new"))


def test_a_template_is_chosen_by_its_name() -> None:
    lm = HarnessLM.of(model_of("llama-7b"), stored([], templates={"default": "a", "other": "b{{ messages[0].role }}"}))
    message = [{"role": "user", "content": "w1"}]
    assert (lm.chat_template(False), lm.chat_template(True), lm.apply_chat_template(message)) == (None, "a", "a")
    assert (lm.chat_template("other"), lm.apply_chat_template(message)) == ("b{{ messages[0].role }}", "buser")
    with pytest.raises(HarnessError, match=r"^no chat template 'othre'; allowed: default, other; did you mean 'other'"):
        lm.chat_template("othre")
    with pytest.raises(HarnessError, match=r"^the checkpoint brings no chat template"):
        HarnessLM.of(model_of("llama-7b"), WORDS).apply_chat_template(message)


def test_caches_of_requests_tell_templates_apart() -> None:
    names = {
        HarnessLM.of(model_of("llama-7b"), stored([], templates={"default": text})).tokenizer_name for text in "ab"
    }
    assert len(names) == 2


@pytest.mark.parametrize(
    ("arguments", "dtype"),
    [("", torch.float32), (",dtype=bfloat16", torch.bfloat16), (",dtype=auto", torch.float16)],
)
def test_the_dtype_is_an_argument(folder: Path, arguments: str, dtype: torch.dtype) -> None:
    (folder / "config.json").write_text('{"torch_dtype": "float16"}')
    lm = HarnessLM.create_from_arg_string(f"pretrained={folder}{arguments}", {"batch_size": 1, "device": "cuda:0"})
    assert {parameter.dtype for parameter in lm.model.parameters()} == {dtype}


def test_arguments_of_the_model_count_more_than_what_lm_eval_always_gives(folder: Path) -> None:
    given = {"batch_size": 1, "max_batch_size": None, "device": "cuda:0"}
    lm = HarnessLM.create_from_arg_string(f"pretrained={folder},batch_size=7,device=cpu,max_length=20", given)
    assert (lm.batch_size, lm.max_length) == (7, 20)
    assert HarnessLM.create_from_arg_obj({"pretrained": str(folder)}, given).batch_size == 1
    long = " ".join(f"w{index * 7 % 40}" for index in range(30))
    (found,) = lm.loglikelihood_rolling([asked("loglikelihood_rolling", long)], disable_tqdm=True)
    tokens = WORDS.encode(long)
    model = lm.model
    first, second = directly(model, [0], tokens[:20], 0), directly(model, tokens[9:20], tokens[20:], 0)
    assert found == pytest.approx(first[0] + second[0], abs=1e-4)  # float32


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"chekpoint": "x"}, "unknown argument 'chekpoint'; allowed: .*; did you mean 'checkpoint'"),
        ({"trust_remote_code": True}, "unknown argument 'trust_remote_code'"),
        ({"checkpoint": "here"}, "checkpoint and pretrained are two words for one thing"),
        ({"dtype": "float33"}, "unknown dtype 'float33'; allowed: auto, float32.*; did you mean 'float32'"),
        ({"dtype": None}, "unknown dtype None"),
        ({"device": True}, "unknown device True"),
        ({"reuse": "maybe"}, "reuse: found 'maybe', expected true or false"),
        ({"max_length": 0}, "max_length: found 0, expected a whole number above 0"),
        ({"max_length": "long"}, "max_length: found 'long'"),
        ({"batch_size": -1}, "batch_size: found -1"),
        ({"batch_size": "two"}, "batch_size: found 'two'"),
        ({"device": "tpu9000"}, "unknown device 'tpu9000'"),
    ],
)
def test_impossible_arguments_are_told(folder: Path, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(HarnessError, match=f"^model harness: {told}"):
        HarnessLM(**{"pretrained": str(folder), **arguments})


def test_options_of_the_checkpoint_count(folder: Path) -> None:
    save_checkpoint(model_of("llama-7b"), folder)
    request = asked("generate_until", "w1 w2 w3", {"until": [], "max_gen_toks": 40})
    plain = HarnessLM(pretrained=str(folder)).generate_until([request], disable_tqdm=True)
    (folder / "generation_config.json").write_text('{"no_repeat_ngram_size": 1, "do_sample": true, "top_k": 3}')
    (found,) = HarnessLM(pretrained=str(folder)).generate_until([request], disable_tqdm=True)
    assert len(set(found.split())) == len(found.split())
    assert found != plain[0]
    (folder / "generation_config.json").write_text('{"num_beams": 4}')
    with pytest.raises(HarnessError, match=r"generation_config\.json: generation option num_beams: 4 is not computed"):
        HarnessLM(pretrained=str(folder)).generate_until([request], disable_tqdm=True)


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The exit code of lm-eval's command line; without its own 15 thousand tasks, which take a while to read."""
    index = TaskManager.__init__
    monkeypatch.setattr(TaskManager, "__init__", lambda self, **options: index(self, **options, include_defaults=False))
    monkeypatch.setattr(sys, "argv", ["lm_eval", "--model", *arguments])
    monkeypatch.setattr(logging, "raiseExceptions", False)  # the log goes where an earlier test had it captured
    sys.modules.pop("harness.evaluation.__main__", None)
    with pytest.raises(SystemExit) as ended:
        __import__("harness.evaluation.__main__")
    return ended.value.code


@pytest.mark.parametrize(
    ("model", "arguments", "tasks", "told"),
    [
        ("harness", "", "pikc", "Tasks not found: pikc"),
        ("harness", ",dtpye=float32", "pick", "model harness: unknown argument 'dtpye'; .*did you mean 'dtype'"),
        ("harnes", "", "pick", "Attempted to load model 'harnes', but no model for this name found! .*harness"),
        ("harness", "/nowhere", "pick", "model harness: .*/nowhere: no such folder or file; nothing is downloaded"),
        ("harness", "", "far", "a task wants data from the hub, and nothing is downloaded here: "),
    ],
)
def test_what_a_command_gets_wrong_is_one_line_and_exit_code_2(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    arguments: str,
    tasks: str,
    told: str,
) -> None:
    write_tasks(tmp_path)
    far = "task: far\ndataset_path: someone/something\ntest_split: test\ndoc_to_text: a\ndoc_to_target: b\n"
    (tmp_path / "far.yaml").write_text(far + "output_type: loglikelihood\n")
    options = ["--model_args", f"pretrained={folder}{arguments}", "--include_path", str(tmp_path), "--tasks", tasks]
    assert run_command(monkeypatch, model, *options) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert re.match(told, error.splitlines()[-1])


def test_more_tokens_than_the_model_has_are_refused() -> None:
    request = asked("generate_until", "w1", {"until": [], "max_gen_toks": 64})
    with pytest.raises(HarnessError, match=r"^64 tokens to generate; the model has room for 64$"):
        HarnessLM.of(model_of("gpt1"), WORDS).generate_until([request], disable_tqdm=True)
