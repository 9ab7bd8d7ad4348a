"""The models of the data file: published KiB per token, local layers, sources."""

import json
from importlib.resources import files

import pytest

from course_lib import accounting as A

# bfloat16, all layers: 2 layers n_kv_heads d_head 2 / 1024, or layers (d_latent + d_rope) 2 / 1024.
KIB_PER_TOKEN = {
    "GPT-2 124M": 36,
    "Llama-2-7B": 512,
    "Llama-2-70B": 320,
    "Llama-3-8B": 128,
    "Llama-3-70B": 320,
    "Llama-3.1-405B": 504,
    "Mistral-7B v0.1": 128,
    "Mixtral-8x7B": 128,
    "Qwen2.5-0.5B": 12,
    "Qwen2.5-7B": 56,
    "Qwen3-0.6B": 112,
    "Qwen3-8B": 144,
    "Qwen3-32B": 256,
    "Gemma-2-9B": 336,
    "Gemma-3-4B": 136,
    "Gemma-3-27B": 496,
    "Phi-3-mini-4k": 384,
    "Falcon-7B": 8,
    "SmolLM2-135M": 22.5,
    "GPT-OSS-120B": 72,
    "DeepSeek-V2-Lite": 30.375,
    "DeepSeek-V2": 67.5,
    "DeepSeek-V3": 68.625,
    "Kimi-K2": 68.625,
}


def test_every_model_is_listed_here():
    assert set(A.models()) == set(KIB_PER_TOKEN)


@pytest.mark.parametrize("name", KIB_PER_TOKEN)
def test_kib_per_token(name):
    assert A.model(name).bytes_per_token() == KIB_PER_TOKEN[name] * 1024


def test_entries_hold_what_is_read_and_a_source():
    text = files("course_lib.accounting").joinpath("models.json").read_text(encoding="utf-8")
    for entry in json.loads(text)["models"]:
        assert set(entry) <= {"name", "layers", "local", "config", "source"}, entry["name"]
        assert entry["source"], entry["name"]
        assert A.model(entry["name"]).n_layers == entry["layers"]


@pytest.mark.parametrize(
    "name, local, window, full",
    [
        ("Mistral-7B v0.1", 32, 4096, 0),
        ("Gemma-2-9B", 21, 4096, 21),
        ("Gemma-3-4B", 29, 1024, 5),
        ("Gemma-3-27B", 52, 1024, 10),
        ("GPT-OSS-120B", 18, 128, 18),
        ("Llama-3-70B", 0, None, 80),
    ],
)
def test_local_layers(name, local, window, full):
    layers = [(count, config.window) for count, config in A.model(name).layers]
    assert layers == [layer for layer in ((local, window), (full, None)) if layer[0]]


def test_models_of_the_paper():
    """Layers, heads, KV heads, d_in and d_head of its table."""
    for name, sizes in {"Llama-3-70B": (80, 64, 8, 8192, 128), "Gemma-3-27B": (62, 32, 16, 5376, 128)}.items():
        model = A.model(name)
        config = model.layers[0][1]
        assert (model.n_layers, config.n_heads, config.n_kv_heads, config.d_model, config.d_head) == sizes
    model = A.model("DeepSeek-V2")
    config = model.layers[0][1]
    assert (model.n_layers, config.n_heads, config.d_model, config.d_latent, config.d_rope) == (60, 128, 5120, 512, 64)
