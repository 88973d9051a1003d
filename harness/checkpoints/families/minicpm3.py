"""MiniCPM3: latent attention, with factors on the embeddings, the sublayers and the logits."""

from __future__ import annotations

from typing import ClassVar

from harness.checkpoints.config import Config
from harness.checkpoints.families import Document, Fields, families, with_choices
from harness.checkpoints.families.deepseek_v2 import LatentLlama


@families.register("minicpm3")
class MiniCPM3(LatentLlama, called="MiniCPM"):
    """MiniCPM3 4B."""

    source = ("transformers, models/minicpm3", "https://github.com/huggingface/transformers")

    defaults: ClassVar[Fields] = {
        "q_lora_rank": 768,
        "kv_lora_rank": 256,
        "qk_nope_head_dim": 64,
        "qk_rope_head_dim": 32,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    sizes: ClassVar[Fields] = {}
    layout = "half_split"

    def document(self, config: Config) -> Document:
        """LLaMA's, with the factors; a head's values share the hidden size where their width is not given."""
        config.ignore("logits_scaling")  # follows from dim_model_base
        hidden, heads = config.take("hidden_size"), config.take("num_attention_heads")
        config = config.with_fields(v_head_dim=config.take("v_head_dim", default=hidden // heads))
        document = super().document(config)
        depth = document["dims"]["num_layers"] ** 0.5
        assumed = {"scale_emb": 12.0, "scale_depth": depth if "scale_depth" in config.nulls else 1.4}
        base = float(hidden if "dim_model_base" in config.nulls else 256)
        scale = {name: config.take(name, default=value, of=float) for name, value in assumed.items()}
        width = config.take("dim_model_base", default=base, of=float)
        return with_choices(
            document,
            embedding={"kind": "table", "scale": float(scale["scale_emb"])},
            residual={"kind": "pre", "scale": scale["scale_depth"] / depth},
            head={**document["choices"]["head"], "scale": width / hidden},
        )
