"""Llama 3.1, 3.2 and 3.3: published config.json files, and tiny models of the same settings against transformers."""

import json
import math

import pytest
import torch
import transformers

from course_lib import accounting
from course_lib.config import Llama3Rope
from course_lib.models import generate, pretrained
from course_lib.models.pretrained.loading import recognise
from course_lib.models.pretrained.settings import Settings

SINGLE = dict(rtol=0, atol=1e-4)  # both compute in float32: sums of tens of terms, through three layers
N = 40

SHARED = """{"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "hidden_act": "silu", "initializer_range": 0.02,
    "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama", "num_key_value_heads": 8,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "torch_dtype": "bfloat16", "use_cache": true,
    "vocab_size": 128256}"""
ROPE = {
    "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"
}  # fmt: skip
# What the files state beside this, and the number of parameters that Hugging Face states for each.
MODELS = {
    "Llama-3.1-8B-Instruct": (
        {"hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32,
         "rope_scaling": ROPE | {"factor": 8.0}, "tie_word_embeddings": False, "transformers_version": "4.42.3"},
        8_030_261_248,
    ),
    "Llama-3.2-1B-Instruct": (
        {"head_dim": 64, "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32,
         "num_hidden_layers": 16, "rope_scaling": ROPE | {"factor": 32.0}, "tie_word_embeddings": True,
         "transformers_version": "4.45.0.dev0"},
        1_235_814_400,
    ),
    "Llama-3.2-3B-Instruct": (
        {"head_dim": 128, "hidden_size": 3072, "intermediate_size": 8192, "num_attention_heads": 24,
         "num_hidden_layers": 28, "rope_scaling": ROPE | {"factor": 32.0}, "tie_word_embeddings": True,
         "transformers_version": "4.45.0.dev0"},
        3_212_749_824,
    ),
    "Llama-3.3-70B-Instruct": (
        {"head_dim": 128, "hidden_size": 8192, "intermediate_size": 28672, "num_attention_heads": 64,
         "num_hidden_layers": 80, "rope_scaling": ROPE | {"factor": 8.0}, "tie_word_embeddings": False,
         "transformers_version": "4.47.0.dev0"},
        70_553_706_496,
    ),
}  # fmt: skip
# The same keys; a text of N tokens is longer than the length before scaling.
TINY = {
    "hidden_size": 24, "intermediate_size": 23, "num_attention_heads": 6, "num_hidden_layers": 3, "vocab_size": 29,
    "num_key_value_heads": 2, "max_position_embeddings": 80, "rope_theta": 50.0, "bos_token_id": 0, "eos_token_id": [1],
}  # fmt: skip


def stated(name):
    return json.loads(SHARED) | MODELS[name][0]


@pytest.mark.parametrize("name", MODELS)
def test_published_files(name):
    family = recognise(Settings(stated(name)))
    assert sum(math.prod(shape) for rule in family.rules for shape in rule.sources.values()) == MODELS[name][1]
    factor = MODELS[name][0]["rope_scaling"]["factor"]
    assert family.config.attention.rope == Llama3Rope(base=5e5, factor=factor, length=8192)
    assert family.config.max_length == 131_072


def test_the_model_of_the_paper():
    """Llama 3.3 70B has the attention of Llama 3 70B: 320 KiB per token in bfloat16."""
    config = recognise(Settings(stated("Llama-3.3-70B-Instruct"))).config
    counted, listed = accounting.Model("70B", config.attention_counts), accounting.model("Llama-3-70B")
    assert counted.bytes_per_token() == listed.bytes_per_token() == 320 * 1024
    assert counted.parameters == listed.parameters


@pytest.mark.parametrize("name", MODELS)
def test_a_tiny_model_with_every_key_equals_transformers(name, tmp_path):
    values = stated(name) | TINY
    values["rope_scaling"] = values["rope_scaling"] | {"original_max_position_embeddings": 20}
    values |= {"head_dim": 4} if "head_dim" in values else {}
    (tmp_path / "config.json").write_text(json.dumps(values))
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(tmp_path)
    oracle = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.uniform_(0.4, 1.6) if parameter.ndim == 1 else parameter.normal_(std=0.3)
    oracle.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(values))
    model, tokens = pretrained.load(tmp_path).model, torch.randint(29, (2, N))
    with torch.no_grad():
        want, caches = oracle(tokens).logits, model.new_caches(N)
        torch.testing.assert_close(model(tokens), want, **SINGLE)
        chunks = torch.cat([model(x, caches) for x in tokens.split([3, 30, 6, 1], 1)], 1)
        torch.testing.assert_close(chunks, want, **SINGLE)
    counted = accounting.Model(name, model.config.attention_counts).cache_bytes(N, batch=2, dtype="float32")
    assert sum(cache.nbytes for cache in caches) == counted == 2 * 4 * 3 * N * 2 * 2 * 4
    new = oracle.generate(
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=9, do_sample=False, eos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    assert generate(model, tokens, 9) == new[:, N:].tolist()
