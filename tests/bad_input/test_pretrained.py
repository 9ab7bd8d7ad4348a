"""Checkpoints that cannot be loaded. Each is refused before a weight is read."""

import copy
import json
import sys
import types

import pytest
import tokenizers
import torch
from safetensors.torch import save_file

from course_lib.models import pretrained
from course_lib.models.pretrained import loading
from course_lib.models.pretrained.settings import Settings

LLAMA = dict(
    model_type="llama", vocab_size=29, hidden_size=12, num_hidden_layers=2, num_attention_heads=6, intermediate_size=7,
    num_key_value_heads=2, max_position_embeddings=40, rms_norm_eps=1e-5,
)  # fmt: skip
LATENT = dict(kv_lora_rank=10, qk_rope_head_dim=4, qk_nope_head_dim=6, v_head_dim=5)
DEEPSEEK = LLAMA | LATENT | dict(
    model_type="deepseek_v3", n_routed_experts=8, first_k_dense_replace=2, num_key_value_heads=6, q_lora_rank=None
)  # fmt: skip
MIXED = DEEPSEEK | dict(first_k_dense_replace=1, num_experts_per_tok=3, n_group=4, topk_group=2)
BERT = dict(
    model_type="bert", vocab_size=29, hidden_size=12, num_hidden_layers=2, num_attention_heads=6, intermediate_size=7,
    max_position_embeddings=40,
)  # fmt: skip
GPT2 = dict(model_type="gpt2", vocab_size=29, n_embd=12, n_layer=2, n_head=3, n_positions=40)
WINDOWS = LLAMA | dict(model_type="qwen2", use_sliding_window=True, sliding_window=4)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0}
LONG = {"rope_type": "longrope", "long_factor": [1.0]}
UP, NORM, HEAD, EMBEDDING = (
    "model.layers.1.mlp.up_proj.weight", "model.norm.weight", "lm_head.weight", "model.embed_tokens.weight"
)  # fmt: skip


def tensors_of(values):
    """Every tensor that a file of this config.json must hold."""
    family = loading.recognise(Settings(values))
    return {name: torch.zeros(shape) for rule in family.rules for name, shape in rule.sources.items()}


def write(folder, values=LLAMA, tensors=None, file="model.safetensors"):
    (folder / "config.json").write_text(json.dumps(values))
    save_file(tensors_of(values) if tensors is None else tensors, folder / file)
    return folder


@pytest.fixture
def unread(monkeypatch):
    """No weight may be read."""

    def build(*_):
        raise AssertionError("a weight was read")

    monkeypatch.setattr(loading, "build", build)


@pytest.mark.parametrize(
    "base, wrong, argument, got, rule",
    [
        (LLAMA, {"model_type": "mamba"}, "model_type", "'mamba'", ("gpt2", "llama", "bert", "deepseek_v3")),
        (LLAMA, {"model_type": ["llama"]}, "model_type", "['llama']", ("gpt2", "llama", "bert", "deepseek_v3")),
        (LLAMA, {"model_type": None}, "model_type", (), "config.json"),
        (LLAMA, {"quantization_config": {"quant_method": "gptq"}}, "quantization_config", "'gptq'", "quantised"),
        (LLAMA, {"hidden_size": None}, "hidden_size", (), "config.json"),
        (LLAMA, {"hidden_size": "12"}, "hidden_size", "'12'", "integer"),
        (LLAMA, {"num_hidden_layers": 0}, "num_hidden_layers", "0", "positive"),
        (LLAMA, {"num_key_value_heads": 4}, "n_kv_heads", "4", "n_heads = 6"),
        (LLAMA, {"rms_norm_eps": "small"}, "rms_norm_eps", "'small'", "finite"),
        (LLAMA, {"tie_word_embeddings": 1}, "tie_word_embeddings", "1", ("true", "false")),
        (LLAMA, {"hidden_act": "gelu"}, "hidden_act", "'gelu'", ("silu", "swish")),
        (LLAMA, {"mlp_bias": True}, "mlp_bias", "True", "False"),
        (LLAMA, {"rope_scaling": LLAMA3}, "rope_scaling.low_freq_factor", (), "config.json"),
        (LLAMA, {"rope_scaling": {"type": "dynamic", "factor": 0}}, "rope_scaling.factor", "0", "0"),
        (LLAMA, {"rope_scaling": {"type": "linear"}}, "rope_scaling.factor", (), "config.json"),
        (LLAMA, {"rope_scaling": ["linear"]}, "rope_scaling", "['linear']", "object"),
        (LLAMA, {"rope_parameters": "default"}, "rope_parameters", "'default'", "object"),
        (LLAMA, {"rope_parameters": {"full_attention": LLAMA3}}, "rope_parameters", "['full_attention']", "same"),
        (LLAMA, {"rope_theta": 0.5}, "rope_parameters.rope_theta", "0.5", "1"),
        (LLAMA, {"partial_rotary_factor": 0.5}, "partial_rotary_factor", "0.5", "1.0"),
        (LLAMA, {"logit_softcap": 30}, "logit_softcap", "30", "config.json"),
        (LLAMA, {"model_type": "mistral", "sliding_window": -1}, "sliding_window", "-1", "positive"),
        (WINDOWS, {"max_window_layers": 1}, "layer_types", "['full_attention', 'sliding_attention']", "2"),
        (WINDOWS, {"max_window_layers": "all"}, "max_window_layers", "'all'", ("integer", "0")),
        (WINDOWS, {"layer_types": ["chunked"] * 2}, "layer_types", "'chunked'", ("full_attention", "4")),
        (MIXED, {"num_experts_per_tok": 7}, "chosen", "7", ("4", "groups")),
        (MIXED, {"n_group": 3}, "n_routed_experts", "8", "n_group = 3"),
        (MIXED, {"moe_layer_freq": 2}, "moe_layer_freq", "2", "1"),
        (MIXED, {"num_local_experts": 4}, "num_local_experts", "4", "8"),
        (MIXED, {"scoring_func": "softmax"}, "scoring_func", "'softmax'", "'sigmoid'"),
        (MIXED, {"topk_method": "greedy"}, "topk_method", "'greedy'", "'noaux_tc'"),
        (MIXED, {"model_type": "deepseek_v2", "norm_topk_prob": True}, "norm_topk_prob", "True", "False"),
        (MIXED, {"model_type": "deepseek_v2", "topk_method": "noaux_tc"}, "topk_method", "'noaux_tc'", "greedy"),
        (MIXED, {"model_type": "deepseek_v2", "num_experts_per_tok": None}, "num_experts_per_tok", (), "config.json"),
        (DEEPSEEK, {"first_k_dense_replace": "all"}, "first_k_dense_replace", "'all'", ("integer", "0")),
        (DEEPSEEK, {"attention_bias": True}, "attention_bias", "True", "False"),
        (DEEPSEEK, {"rope_scaling": {"type": "su", "factor": 40}}, "rope_scaling.rope_type", "'su'", "longrope"),
        (DEEPSEEK, {"rope_scaling": {"type": "yarn", "factor": 0}}, "rope_scaling.factor", "0", "0"),
        (LLAMA, {"rope_scaling": LONG | {"short_factor": [1, 2], "long_factor": [1, 2]}}, "short", "2", ("1", "long")),
        (LLAMA, {"rope_scaling": LONG | {"short_factor": [1, "2"]}}, "rope_scaling.short_factor[1]", "'2'", "finite"),
        (BERT, {"hidden_act": "relu"}, "hidden_act", "'relu'", "'gelu'"),
        (BERT, {"position_embedding_type": "relative_key"}, "position_embedding_type", "'relative_key'", "'absolute'"),
        (BERT, {"is_decoder": True}, "is_decoder", "True", "False"),
        (GPT2, {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx", "True", "False"),
        (GPT2, {"activation_function": "tanh"}, "activation_function", "'tanh'", ("gelu_new", "relu")),
    ],
)
def test_what_the_models_do_not_compute(refuses, tmp_path, unread, base, wrong, argument, got, rule):
    folder = write(tmp_path, base | wrong, {})
    refuses(lambda: pretrained.load(folder), argument, got, rule)


@pytest.mark.parametrize(
    "name, tensor, got, rule",
    [
        (UP, None, (), ("1", "21")),
        (HEAD, None, (), ("1", "21")),
        (NORM, torch.zeros(13), "(13,)", "(12,)"),
        (NORM, torch.zeros(12, dtype=torch.int8), "I8", ("F64", "F32", "F16", "BF16")),
        ("model.layers.0.self_attn.q_proj.bias", torch.zeros(12), (), "expected"),
        ("model.layers.2.mlp.up_proj.weight", torch.zeros(7, 12), (), "expected"),
        ("model.layers.0.mlp.experts.0.up_proj.weight", torch.zeros(7, 12), (), "mixture"),
        ("model.layers.0.block_sparse_moe.gate.weight", torch.zeros(8, 12), (), "mixture"),
    ],
)
def test_tensors(refuses, tmp_path, unread, name, tensor, got, rule):
    tensors = tensors_of(LLAMA)
    tensors.pop(name, None)
    folder = write(tmp_path, tensors=tensors | ({} if tensor is None else {name: tensor}))
    refuses(lambda: pretrained.load(folder), name, got, rule)


@pytest.mark.parametrize("twin, original", [(HEAD, EMBEDDING), ("norm.weight", NORM)])
def test_copies_that_differ(refuses, tmp_path, twin, original):
    """A tied matrix, and a name with and without its prefix."""
    values = LLAMA | {"tie_word_embeddings": True}
    tensors = tensors_of(values)
    tensors[twin] = torch.ones_like(tensors[original])
    refuses(lambda: pretrained.load(write(tmp_path, values, tensors)), f"'{twin}'", (), f"'{original}'")
    tensors[original] = tensors[twin].clone()
    assert pretrained.load(write(tmp_path, values, tensors)).model.config.tied


@pytest.mark.parametrize("dtype", [torch.float16, torch.int8, "float32", None])
def test_dtypes(refuses, tmp_path, unread, dtype):
    folder = write(tmp_path)
    refuses(lambda: pretrained.load(folder, dtype=dtype), "dtype", repr(dtype), ("torch.float32", "torch.bfloat16"))


def test_folders_without_a_model(refuses, tmp_path):
    for path in (tmp_path, "gpt2"):
        refuses(lambda path=path: pretrained.load(path), "path", repr(str(path)), ("config.json", "hub=True"))


@pytest.mark.parametrize(
    "change, argument, got, rule",
    [
        (lambda folder: (folder / "config.json").write_bytes(b"{"), "config.json", "line 1", "JSON"),
        (lambda folder: (folder / "config.json").write_bytes(b"[]"), "config.json", "list", ("JSON", "object")),
        (lambda folder: cut(folder / "model.safetensors"), "model.safetensors", (), "whole"),
        (
            lambda folder: (folder / "model.safetensors").unlink(),
            "model.safetensors",
            (),
            "model.safetensors.index.json",
        ),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "model.safetensors",
            "['pytorch_model.bin']",
            "pickle",
        ),
    ],
)
def test_files(refuses, tmp_path, unread, change, argument, got, rule):
    change(write(tmp_path))
    refuses(lambda: pretrained.load(tmp_path), argument, got, rule)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "change, argument, got, rule",
    [
        ({NORM: "c.safetensors"}, "index", (), "c.safetensors"),
        ({NORM: "../a.safetensors"}, "weight_map", "'../a.safetensors'", "beside"),
        ({NORM: 3}, "weight_map", "3", "file"),
        ({"model.other.weight": "a.safetensors"}, "a.safetensors", "['model.other.weight']", "tensors"),
        ({HEAD: None}, "a.safetensors", f"['{HEAD}']", "tensors"),
        (None, "weight_map", "{}", "file"),
    ],
)
def test_shards_that_disagree_with_their_index(refuses, tmp_path, unread, change, argument, got, rule):
    """Two shards; the index is changed, and entries that become None are left out."""
    tensors, listed = tensors_of(LLAMA), {}
    names = list(tensors)
    for file, held in {"a.safetensors": names[:9], "b.safetensors": names[9:]}.items():
        write(tmp_path, tensors={name: tensors[name] for name in held}, file=file)
        listed |= dict.fromkeys(held, file)
    listed = {} if change is None else {name: file for name, file in (listed | change).items() if file is not None}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    refuses(lambda: pretrained.load(tmp_path), argument, got, rule)


def test_names_that_cannot_be_fetched(refuses, monkeypatch):
    def snapshot_download(*_, **__):
        raise OSError("no network")

    def fetch():
        pretrained.load("gpt2", hub=True)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    refuses(fetch, "name", "'gpt2'", ("hub", "no network"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refuses(fetch, "huggingface_hub", (), "pip install huggingface_hub", ImportError)


def test_no_tokenizer(refuses, tmp_path):
    tokenizer = pretrained.load(write(tmp_path)).tokenizer
    for none in (tokenizer, copy.deepcopy(tokenizer)):
        refuses(lambda none=none: none.encode("the"), "encode", str(tmp_path), "tokenizer.json", AttributeError)


def test_a_file_that_is_no_tokenizer(refuses, tmp_path):
    (write(tmp_path) / "tokenizer.json").write_text("{}")
    refuses(lambda: pretrained.load(tmp_path), "tokenizer.json", (), "tokenizers")


def test_texts_and_ids(refuses, tmp_path):
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, "[UNK]"))
    inner.save(str(write(tmp_path) / "tokenizer.json"))
    tokenizer = pretrained.load(tmp_path).tokenizer
    for ask in (tokenizer.encode, tokenizer.tokens):
        refuses(lambda ask=ask: ask("a\ud800"), "text", r"'a\ud800'", "UTF-8")
        refuses(lambda ask=ask: ask(b"a"), "text", "bytes", "str", TypeError)
    for outside in (-1, 1):
        refuses(lambda outside=outside: tokenizer.show(outside), "ids", str(outside), "0..0")
