"""How weights are read: in the dtype of choice, in pieces, with little memory beside the model, and with a bar."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from course_lib.models import pretrained
from course_lib.models.pretrained import weights
from course_lib.models.pretrained.loading import recognise
from course_lib.models.pretrained.settings import Settings

SIZES = dict(
    vocab_size=29, hidden_size=24, num_hidden_layers=3, num_attention_heads=6, intermediate_size=23,
    max_position_embeddings=60, pad_token_id=0,
)  # fmt: skip
LATENT = SIZES | dict(
    kv_lora_rank=10, q_lora_rank=7, qk_rope_head_dim=4, qk_nope_head_dim=6, v_head_dim=5, num_key_value_heads=6
)  # fmt: skip
CASES = {
    "gpt2": dict(vocab_size=29, n_embd=15, n_layer=3, n_head=3, n_positions=60, bos_token_id=0, eos_token_id=0),
    "llama": SIZES | dict(num_key_value_heads=2),
    "gemma3_text": SIZES | dict(num_key_value_heads=2, head_dim=4, sliding_window=5, sliding_window_pattern=2),
    "minicpm3": LATENT,
    "roberta": SIZES,
}
N = 17


def write(folder, kind, dtype=torch.bfloat16):
    """A random checkpoint of this dtype, and the model that it holds."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **CASES[kind])
    head = transformers.AutoModelForMaskedLM if kind == "roberta" else transformers.AutoModelForCausalLM
    model = head.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(0.4, 1.6) if parameter.ndim == 1 else parameter.normal_(std=0.3)
    model.to(dtype).save_pretrained(folder)
    return model


def tokens():
    return torch.randint(2, 29, (2, N), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
def test_the_dtype_is_chosen_and_rounds_once(kind, stored, tmp_path):
    """What a parameter is in float32, it is in bfloat16 up to rounding; also where it is computed from the file's."""
    write(tmp_path, kind, stored)
    single, half = (pretrained.load(tmp_path, dtype=dtype).model for dtype in weights.DTYPES)
    assert {p.dtype for p in single.parameters()} == {torch.float32}
    for (name, x), y in zip(single.named_parameters(), half.parameters(), strict=True):
        assert y.dtype == torch.bfloat16 and torch.equal(x.bfloat16(), y), name
        assert x.ndim < 2 or name.endswith(("W_E", "W_P")) or y.stride() == x.stride() == (1, len(x)), name


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "minicpm3"])
def test_bfloat16_errs_as_little_as_in_transformers(kind, tmp_path):
    """Against the same weights in float32; with caches in bfloat16, too."""
    oracle = write(tmp_path, kind)
    model = pretrained.load(tmp_path, dtype=torch.bfloat16).model
    with torch.no_grad():
        theirs, ours = oracle(tokens()).logits.float(), model(tokens()).float()
        exact = oracle.float()(tokens()).logits
    error, wanted = ((x - exact).square().mean().sqrt() for x in (ours, theirs))
    assert 0 < error < 1.5 * wanted < 0.1 * exact.std()
    caches = model.new_caches()
    with torch.no_grad():
        model.prefill(tokens()[:, :-3], caches)
        steps = torch.stack([model.decode(tokens()[:, i : i + 1], caches) for i in range(N - 3, N)], 1).float()
    assert (steps - exact[:, -3:]).square().mean().sqrt() < 2 * wanted
    assert {buffer.dtype for cache in caches for buffer in cache._buffers.values()} == {torch.bfloat16}


@pytest.mark.parametrize("kind", CASES)
def test_pieces_are_put_together(kind, tmp_path, monkeypatch):
    """A row at a time, and several rows of which the last piece has fewer."""
    write(tmp_path, kind)
    want = dict(pretrained.load(tmp_path).model.named_parameters())
    for size in (1, 5 * 24 * 2):
        monkeypatch.setattr(weights, "PIECE", size)
        for name, parameter in pretrained.load(tmp_path).model.named_parameters():
            assert torch.equal(parameter, want[name]), name


def test_copies_are_compared_to_the_last_piece(tmp_path, monkeypatch):
    write(tmp_path, "gemma3_text")
    path = tmp_path / "model.safetensors"
    held = load_file(path)
    held["lm_head.weight"] = held["model.embed_tokens.weight"].clone()
    monkeypatch.setattr(weights, "PIECE", 5 * 24 * 2)
    save_file(held, path)
    pretrained.load(tmp_path)
    held["lm_head.weight"][-1, -1] += 1
    save_file(held, path)
    with pytest.raises(ValueError, match="'lm_head.weight' must equal 'model.embed_tokens.weight'"):
        pretrained.load(tmp_path)


def test_a_bar_appears_after_two_seconds_and_counts_tensors(tmp_path, monkeypatch):
    write(tmp_path, "llama")
    told = {}

    class Bar:
        def __init__(self, **settings):
            told.update(settings, done=0)

        def update(self):
            told["done"] += 1

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(weights, "tqdm", Bar)
    pretrained.load(tmp_path)
    assert told["delay"] == 2 and told["total"] == told["done"] == 2 + 3 * 9 + 1


LARGE = dict(
    model_type="llama", vocab_size=8000, hidden_size=512, num_hidden_layers=4, num_attention_heads=8,
    intermediate_size=2048, max_position_embeddings=64, num_key_value_heads=8, tie_word_embeddings=True,
)  # fmt: skip
MEASURE = """
import sys, torch
from course_lib.models import pretrained

def kibibytes(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key + ":"))

small, large, dtype = sys.argv[1], sys.argv[2], getattr(torch, sys.argv[3])
pretrained.load(small, dtype=dtype)  # what is loaded once, code above all
open("/proc/self/clear_refs", "w").write("5")  # the largest amount so far is forgotten
before = kibibytes("VmRSS")
model = pretrained.load(large, dtype=dtype).model
size = sum(p.nbytes for p in model.parameters())
print(1024 * (kibibytes("VmHWM") - before) / size, size)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A checkpoint of 21 million parameters in bfloat16, a fifth of them in one table."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "config.json").write_text(json.dumps(LARGE))
    shapes = {name: shape for rule in recognise(Settings(LARGE)).rules for name, shape in rule.sources.items()}
    save_file({name: torch.ones(shape, dtype=torch.bfloat16) for name, shape in shapes.items()}, folder / FILE)
    return folder


FILE = "model.safetensors"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the largest amount of memory is asked of Linux")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loading_takes_little_memory_beside_the_model(dtype, large, tmp_path):
    """At most 1.15 times the parameters in their dtype. Read at once, the file would add a half of them, or all."""
    write(tmp_path, "llama")
    command = [sys.executable, "-c", MEASURE, str(tmp_path), str(large), dtype]
    ratio, size = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(size) == (4 if dtype == "float32" else 2) * 20_877_824
    assert 0.9 < float(ratio) < 1.15
