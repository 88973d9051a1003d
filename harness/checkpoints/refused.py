"""Causal language models of transformers that are not imported, and why; the names are `model_type`s of configs."""

from __future__ import annotations

ENCODER = "an encoder, which sees later tokens, with a layer of its own in the head"
CROSS = "the decoder of an encoder-decoder, with cross-attention"

_BY_REASON = {
    # The experts of the MLP.
    "mixture of experts in a layout that is not translated": "aria_text cohere2_moe dbrx kolibri1 mellum",
    "mixture of experts and latent attention in a layout that is not translated": "axk1 longcat_flash",
    "mixture of experts, and latent attention to the keys that an indexer picks": "axk2 deepseek_v32 dots3_note_text "
    "glm_moe_dsa",
    "mixture of experts, and attention to the keys that an indexer picks": "minimax_m3_vl_text",
    "mixture of experts, compressed keys, and several residual streams": "deepseek_v4",
    "mixture of experts, latent attention, and several residual streams": "hy_v4",
    "mixture of experts, several residual streams, and linear attention": "qwen4_exp_text",
    "mixture of experts and attention sinks": "flint mimo_v2_flash",
    "mixture of experts and gated attention": "afmoe beam laguna",
    "mixture of experts, in attention too": "jetmoe",
    "mixture of experts and convolutions": "inkling2_text inkling_text zaya",
    "mixture of experts, linear and latent attention": "bailing_hybrid",
    # Other layers than attention.
    "attention that several layers share, and that reads the vectors of the tokens too": "zamba zamba2",
    "recurrent layers": "xlstm",
    "convolutions and gated attention": "lfm3",
    # Other attention.
    "differential attention": "diffllama",
    "attention whose scores are shifted by what the values say": "doge",
    "attention by hashing, and reversible layers": "reformer",
    "trained biases of relative positions": "cpmant",
    "relative positions in the scores, and later tokens are seen": "xlnet",
    "normalised values, and layers scaled by stored numbers": "gemma4_unified_text",
    # Other wiring.
    "norms inside the sublayers": "bitnet",
    "a layer of its own in the head, and a first layer without a norm": "modernbert-decoder",
    "several residual streams, and inputs of their own for every layer": "gemma3n_text",
    "inputs of their own for every layer, and layers that share keys and values": "gemma4_text",
    "layers that are passed several times": "hrm_text",
    "bytes are put together to patches by a model of its own": "blt",
    "drafts from the keys and values of another model": "gemma4_assistant gemma4_unified_assistant",
    # No decoder by itself.
    ENCODER: "bert big_bird camembert data2vec-text electra ernie megatron-bert rembert roberta roberta-prelayernorm "
    "roc_bert roformer xlm-roberta xlm-roberta-xl xmod",
    "an encoder, which sees later tokens": "xlm",
    CROSS: "bart bigbird_pegasus blenderbot blenderbot-small marian mbart mvp pegasus plbart prophetnet",
    f"{CROSS} to an image": "trocr",
    f"{CROSS} to speech": "whisper",
    # More than text.
    "images in": "fuyu git",
    "images in, by cross-attention of the text model": "mllama",
    "images in and out": "emu3",
    "images and sound in": "gemma3n gemma4 gemma4_unified phi4_multimodal",
    "images and sound in, and mixture of experts": "dots3_note",
    "images and video in, mixture of experts, and linear attention": "qwen4_exp",
    "speech in and out": "moshi",
    "speech in": "moss_transcribe_diarize",
    "music out": "musicgen musicgen_melody",
}

_ELSEWHERE = {
    "mixture of experts": "grok-1 llama_moe phixtral",
    "recurrent layers": "griffin rwkv5 rwkv6 rwkv7",
    "long convolutions": "stripedhyena",
    "attention to blocks of keys that differ from head to head": "phi3small",
    "prompts that are read in both directions": "paligemma",
    "heads and MLPs of another size in every layer": "deci openelm",
}
"""The same of names that transformers does not hold, or not as causal language models."""

REFUSED = {
    kind: reason for table in (_BY_REASON, _ELSEWHERE) for reason, kinds in table.items() for kind in kinds.split()
}
"""model_type -> what of it no spec can express."""
