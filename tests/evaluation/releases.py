"""Tiny releases, made by transformers and tokenizers: configs, weights and tokenizers as real ones keep them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    Qwen2Config,
    Qwen2ForCausalLM,
)

CORPUS = [
    "the model has a norm before each layer, and a norm after the last one.",
    "The attention of a layer mixes tokens; the MLP does not mix them. Don't mix them up!",
    "queries, keys and values are vectors, 64 of them or 1024, it's up to you?",
    "user asks a question\nassistant gives an answer\n\nsystem says: be brief",
    "l'été à Zürich: 3.14 für 日本語 и русский — naïve café",
]

CHAT = (
    "{% for message in messages %}{% if loop.first and message.role != 'system' %}"
    "{{ '<|im_start|>system\\nbe brief<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

LLAMA_CHAT = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}"
    "{% else %}{% generation %}{{ ' ' + message['content'] | trim + ' ' + eos_token }}{% endgeneration %}{% endif %}"
    "{% endfor %}"
)

Fields = dict[str, Any]


def _trained(model: Any, trainer: Any, *special: str, **parts: Any) -> Tokenizer:
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


def _bpe(size: int, special: list[str], **options: Any) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False, **options)


def _in_front(token: str, number: int) -> processors.TemplateProcessing:
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A $B", special_tokens=[(token, number)])


def byte_level(special: list[str], size: int = 420, **parts: Any) -> Tokenizer:
    """GPT-2's kind."""
    trainer = _bpe(size, special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    parts = {
        "pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=False),
        "decoder": decoders.ByteLevel(),
        **parts,
    }
    return _trained(models.BPE(), trainer, **parts)


def spaced_bpe() -> Tokenizer:
    """LLaMA's kind: spaces are marks, unknown characters are bytes, and the beginning is in front of every text."""
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokenizer = _trained(
        models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
        _bpe(520, special),
        normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        pre_tokenizer=pre_tokenizers.Split("▁", "merged_with_next"),
    )
    tokenizer.pre_tokenizer = None
    document = json.loads(tokenizer.to_str())  # the bytes were special to keep their places, and are not
    document["added_tokens"] = document["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(document))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = _in_front("<s>", 1)
    return tokenizer


def unigram(*, begun: bool) -> Tokenizer:
    """SentencePiece's other kind."""
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=180, special_tokens=special, unk_token="<unk>", show_progress=False, max_piece_length=6
    )
    tokenizer = _trained(
        models.Unigram(), trainer, pre_tokenizer=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace()
    )
    if begun:
        tokenizer.post_processor = _in_front("<s>", 1)
    return tokenizer


def word_ends() -> Tokenizer:
    """GPT-1's kind: the last piece of a word carries a mark, and text loses its spaces and capitals."""
    return _trained(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
        _bpe(260, ["<unk>", "<end>"], end_of_word_suffix="</w>"),
        normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer(),
        decoder=decoders.BPEDecoder(),
    )


def _save(folder: Path, model: Any, fields: Fields | None, generation: Fields | None = None) -> Path:
    model.save_pretrained(folder)
    if generation is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation))
    if fields is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(fields))
    return folder


def _llama(tokenizer: Tokenizer, **options: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=96,
            initializer_range=0.3,
            **options,
        )
    )


def _whole(folder: Path, tokenizer: Tokenizer) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))


def gpt2(folder: Path) -> Path:
    """As it came: `vocab.json`, `merges.txt`, and hardly a word beside them."""
    tokenizer = byte_level(["<|endoftext|>"])
    tokenizer.model.save(str(folder))
    torch.manual_seed(0)
    end = tokenizer.token_to_id("<|endoftext|>")
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(),
        n_positions=96,
        n_embd=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.3,
        bos_token_id=end,
        eos_token_id=end,
    )
    return _save(folder, GPT2LMHeadModel(config), {"model_max_length": 96})


def llama(folder: Path) -> Path:
    """Named in `special_tokens_map.json`, with a template that knows no system."""
    tokenizer = spaced_bpe()
    _whole(folder, tokenizer)
    named = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(named))
    fields = {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True, "chat_template": LLAMA_CHAT}
    return _save(folder, _llama(tokenizer), fields)


def llama_saved(folder: Path) -> Path:
    """Written by the class of transformers that is named after it."""
    tokenizer = spaced_bpe()
    model = json.loads(tokenizer.to_str())["model"]
    saved = LlamaTokenizer(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]], add_bos_token=True)
    saved.chat_template = [
        {"name": "default", "template": LLAMA_CHAT},
        {"name": "plain", "template": "{{ messages | tojson }}"},
    ]
    saved.save_pretrained(folder, save_jinja_files=False)
    return _save(folder, _llama(tokenizer), None)


def llama3(folder: Path) -> Path:
    """Byte-level, with a beginning in front of every text and two ends, of which the tokenizer knows one."""
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    tokenizer = byte_level(special)
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), _in_front("<|begin_of_text|>", 0)]
    )
    _whole(folder, tokenizer)
    fields = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special[0],
        "eos_token": special[1],
        "clean_up_tokenization_spaces": True,
    }
    model = _llama(tokenizer, bos_token_id=0, eos_token_id=[1, 2])
    return _save(folder, model, fields, {"bos_token_id": 0, "eos_token_id": [1, 2], "do_sample": True, "top_p": 0.9})


def qwen(folder: Path) -> Path:
    """Chat tokens, no beginning, a penalty that the release asks for, and a template in a file of its own."""
    split = pre_tokenizers.Split(
        Regex(
            r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"""
            r""" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
        ),
        "isolated",
    )
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_level(
        special,
        normalizer=normalizers.NFC(),
        pre_tokenizer=pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)]),
    )
    _whole(folder, tokenizer)
    fields = {
        "tokenizer_class": "Qwen2Tokenizer",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
    }
    (folder / "chat_template.jinja").write_text(CHAT)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=tokenizer.get_vocab_size() + 5,  # padded, as the releases are
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=96,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=2,
    )
    generation = {"eos_token_id": [2, 0], "repetition_penalty": 1.05, "do_sample": True, "top_k": 20, "top_p": 0.8}
    return _save(folder, Qwen2ForCausalLM(config), fields, generation)


def _of_unigram(folder: Path, begun: bool) -> Path:
    tokenizer = unigram(begun=begun)
    _whole(folder, tokenizer)
    fields: Fields = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "unk_token": "<unk>"}
    fields |= {"bos_token": "<s>"} if begun else {"clean_up_tokenization_spaces": True}
    return _save(folder, _llama(tokenizer), fields)


def unigram_begun(folder: Path) -> Path:
    """With a beginning in front of every text."""
    return _of_unigram(folder, True)


def unigram_bare(folder: Path) -> Path:
    """Without one, though the config has a number for it; decoded text is cleaned."""
    return _of_unigram(folder, False)


def gpt1(folder: Path) -> Path:
    """No special token in front, and spaces that cannot be had back."""
    tokenizer = word_ends()
    _whole(folder, tokenizer)
    return _save(folder, _llama(tokenizer), {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>"})


RELEASES: dict[str, Callable[[Path], Path]] = {
    make.__name__: make for make in (gpt2, llama, llama_saved, llama3, qwen, unigram_begun, unigram_bare, gpt1)
}
