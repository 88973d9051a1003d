"""What loading holds in memory, from the kernel's own account of a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, LlamaConfig

SHARD = 16_000_000
CONFIG = {
    "num_hidden_layers": 10,
    "hidden_size": 512,
    "num_attention_heads": 8,
    "intermediate_size": 1408,
    "vocab_size": 512,
    "tie_word_embeddings": True,
}
LOADING = """
import json, sys, threading, time
from pathlib import Path
import torch
from harness.checkpoints.load import load_checkpoint

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {key: int(fields[key].split()[0]) * 1024 for key in ("RssAnon", "RssFile")}

def watch():
    while not done.is_set():
        for key, found in resident().items():
            most[key] = max(most[key], found - before[key])
        time.sleep(0.001)

torch.set_num_threads(1)
load_checkpoint(sys.argv[1])  # what torch itself takes on first use
before, done = resident(), threading.Event()
most = dict.fromkeys(before, 0)
watcher = threading.Thread(target=watch)
watcher.start()
model = load_checkpoint(sys.argv[2])
done.set()
watcher.join()
held = sum(p.numel() * p.element_size() for p in model.parameters())
print(json.dumps({"model": held, "beyond": most["RssAnon"] + most["RssFile"] - held, **most}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="asks Linux")
def test_loading_holds_at_most_one_shard_beyond_the_model(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    AutoModelForCausalLM.from_config(LlamaConfig(**{**CONFIG, "num_hidden_layers": 1})).save_pretrained(small)
    AutoModelForCausalLM.from_config(LlamaConfig(**CONFIG)).save_pretrained(large, max_shard_size=SHARD)
    shards = [path.stat().st_size for path in large.glob("model-*.safetensors")]
    assert len(shards) > 7
    told = subprocess.run(
        [sys.executable, "-c", LOADING, str(small), str(large)], capture_output=True, text=True, check=True
    )
    found = json.loads(told.stdout)
    assert found["model"] > 7 * SHARD
    assert found["beyond"] <= max(shards), found
