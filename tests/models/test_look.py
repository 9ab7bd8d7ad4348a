"""`python -m course_lib look`: what it says of a checkpoint is what the loaded model has, and no weight is read."""

import json
import re

import pytest
import torch
import transformers
from safetensors.torch import load_file
from typer.testing import CliRunner

from course_lib import cli
from course_lib.models import pretrained
from course_lib.models.pretrained import weights
from course_lib.models.pretrained.loading import FAMILIES
from course_lib.models.pretrained.look import look

SIZES = dict(
    vocab_size=29, hidden_size=24, num_hidden_layers=3, num_attention_heads=6, intermediate_size=23,
    max_position_embeddings=60, pad_token_id=0,
)  # fmt: skip
LATENT = SIZES | dict(
    kv_lora_rank=10, q_lora_rank=7, qk_rope_head_dim=4, qk_nope_head_dim=6, v_head_dim=5, num_key_value_heads=6
)  # fmt: skip
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 20}
GEMMA = SIZES | dict(num_key_value_heads=2, head_dim=4, sliding_window=5, sliding_window_pattern=2)
CASES = {
    "gpt2": dict(vocab_size=29, n_embd=15, n_layer=3, n_head=3, n_positions=60, bos_token_id=0, eos_token_id=0),
    "llama": SIZES | dict(num_key_value_heads=2, rope_scaling=YARN),
    "qwen3": SIZES | dict(num_key_value_heads=1, head_dim=6),
    "mistral": SIZES | dict(num_key_value_heads=2, sliding_window=200),
    "gemma3_text": GEMMA,
    "deepseek_v3": LATENT | dict(first_k_dense_replace=3),
    "minicpm3": LATENT,
    "bert": SIZES,
    "roberta": SIZES,
}
SAID = {
    "gpt2": ("multi-head, 3 query heads on 3 key/value heads of width 5", "learned", "yes", "yes"),
    "llama": ("grouped-query, 6 query heads on 2 key/value heads of width 4", "scaled as yarn by 4; texts of up to 80",
        "yes", "no"),
    "qwen3": ("multi-query, 6 query heads on 1 key/value heads of width 6", "rotary, base 10,000;", "yes", "no"),
    "mistral": ("3 layers: grouped-query, .* window of 200 tokens", "rotary", "yes", "no"),
    "gemma3_text": ("2 layers: grouped-query, .* window of 5 tokens", "rotary, base 1,000,000", "no: .* 128", "no"),
    "deepseek_v3": ("latent, 6 heads, latent row of 10 and rotary key of 4, query latent of 7", "rotary", "no", "no"),
    "minicpm3": ("latent", "rotary", "no: .* these are latent", "no"),
}  # fmt: skip


def write(folder, kind):
    """A random checkpoint in bfloat16, in several files."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **CASES[kind])
    head = transformers.AutoModelForMaskedLM if "bert" in kind else transformers.AutoModelForCausalLM
    head.from_config(config).bfloat16().save_pretrained(folder, max_shard_size="6KB")


def texts(rows):
    """All texts of a label."""
    found = {}
    for label, text in rows:
        found[label] = f"{found[label]}\n{text}" if label in found else text
    return found


@pytest.mark.parametrize("kind", CASES)
def test_says_what_the_loaded_model_has(kind, tmp_path, monkeypatch):
    write(tmp_path, kind)
    with monkeypatch.context() as patch:
        for read in ("whole", "pieces"):
            patch.setattr(weights, read, lambda stored: pytest.fail(f"{stored.name} was read"))
        said = texts(look(tmp_path))
    model = pretrained.load(tmp_path).model
    assert said["model"] == f"{kind}: a {type(model).__name__} of 3 layers, width {model.config.d_model}"
    tensors = [x for path in tmp_path.glob("*.safetensors") for x in load_file(path).values()]
    files = len(list(tmp_path.glob("*.safetensors")))
    assert said["files"] == f"{files} with {len(tensors)} tensors of type BF16" and files > 1
    stored = sum(x.numel() for x in tensors)
    assert said["parameters"].startswith(f"{stored:,}: ")
    if "bert" in kind:
        assert said["cache"].startswith("none") and said["notebooks"].startswith("none")
        return
    attention, positions, sixth, seventh = SAID[kind]
    assert re.search(attention, said["attention"]) and re.search(positions, said["positions"])
    assert said["notebook 03"].startswith("yes")
    assert re.match(sixth, said["notebook 06"]) and re.match(seventh, said["notebook 07"])
    caches = model.new_caches(1)
    model.prefill(torch.tensor([[3]]), caches)
    of_a_token = sum(cache.floats_per_token for cache in caches) * 2  # in bfloat16
    number, formula = re.fullmatch(r"([\d,]+) bytes per token in bfloat16 = (.*)", said["cache"]).groups()
    assert int(number.replace(",", "")) == of_a_token
    product = re.sub(r"layers|heads|bytes", "", formula).replace("x", "*")
    assert re.fullmatch(r"[\d\s()+*]+", product) and eval(product) == of_a_token


def test_windows_are_told_at_the_longest_text(tmp_path):
    """60 tokens: 1 layer keeps 60 rows and 2 keep 5, each 2 x 2 x 4 numbers of 2 bytes, against 3 layers with 60."""
    write(tmp_path, "gemma3_text")
    assert texts(look(tmp_path))[""] == "2.2 KiB at 60 tokens, 5.6 KiB without windows"


def test_weights_need_not_be_there(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"} | CASES["llama"]))
    said = texts(look(tmp_path))
    assert said["files"] == "none here" and said["tokenizer"] == "none: the notebooks need tokenizer.json"
    (tmp_path / "tokenizer.json").write_text("{}")
    assert texts(look(tmp_path))["tokenizer"] == "yes"
    sizes = [2 * 29 * 24, 3 * (24 * (24 + 8 + 8 + 24) + 3 * 24 * 23 + 2 * 24), 24]
    assert said["parameters"] == f"{sum(sizes):,}: 22.3 kB in bfloat16, 44.5 kB in float32"


def test_the_command(tmp_path):
    write(tmp_path, "gpt2")
    shown = CliRunner().invoke(cli.app, ["look", str(tmp_path)])
    assert shown.exit_code == 0 and "multi-head" in shown.stdout and "bytes per token" in shown.stdout
    refused = CliRunner().invoke(cli.app, ["look", str(tmp_path / "other")])
    assert refused.exit_code == 1 and "must be a folder with config.json" in refused.stderr


def test_every_family_is_known():
    """The other types are read as one of these."""
    same = {"qwen2": "qwen3", "deepseek_v2": "deepseek_v3", "gemma3": "gemma3_text", "xlm-roberta": "roberta"}
    assert set(FAMILIES) == CASES.keys() | same.keys() and set(same.values()) <= CASES.keys()
