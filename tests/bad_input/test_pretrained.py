"""Checkpoints that cannot be loaded: each is refused before a weight is read, by a message that names what is wrong."""

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
BERT = dict(
    model_type="bert", vocab_size=29, hidden_size=12, num_hidden_layers=2, num_attention_heads=6, intermediate_size=7,
    max_position_embeddings=40,
)  # fmt: skip
GPT2 = dict(model_type="gpt2", vocab_size=29, n_embd=12, n_layer=2, n_head=3, n_positions=40)


def tensors_of(values):
    """Every tensor that a file of this config.json must hold."""
    family = loading.recognise(Settings(values))
    return {name: torch.zeros(shape) for rule in family.rules for name, shape in rule.sources.items()}


def write(folder, values=LLAMA, tensors=None, file="model.safetensors"):
    (folder / "config.json").write_text(json.dumps(values))
    save_file(tensors_of(values) if tensors is None else tensors, folder / file)
    return folder


def refused(folder, rule):
    with pytest.raises(ValueError, match=rule):
        pretrained.load(folder)


@pytest.fixture
def unread(monkeypatch):
    """No weight may be read."""

    def read(*_):
        raise AssertionError("a weight was read")

    monkeypatch.setattr(loading, "read", read)


@pytest.mark.parametrize("values", [LLAMA, DEEPSEEK, BERT, GPT2], ids=lambda values: values["model_type"])
def test_the_files_below_are_good_before_they_are_spoilt(values, tmp_path):
    pretrained.load(write(tmp_path, values))


@pytest.mark.parametrize(
    "values, rule",
    [
        (LLAMA | {"model_type": "mamba"}, "model_type in config.json must be one of gpt2, .*, got 'mamba'"),
        (LLAMA | {"model_type": None}, "config.json must have the key model_type"),
        (LLAMA | {"model_type": ["llama"]}, "model_type in config.json must be one of .*, got .'llama'"),
        (LLAMA | {"quantization_config": {"quant_method": "gptq"}}, "must not be quantised, .*: 'gptq'"),
        (LLAMA | {"hidden_size": None}, "config.json must have the key hidden_size"),
        (LLAMA | {"hidden_size": "12"}, "hidden_size in config.json must be a positive integer, got '12'"),
        (LLAMA | {"num_hidden_layers": 0}, "num_hidden_layers in config.json must be a positive integer, got 0"),
        (LLAMA | {"num_key_value_heads": 4}, "n_heads must be a multiple of n_kv_heads"),
        (LLAMA | {"rms_norm_eps": "small"}, "rms_norm_eps in config.json must be a finite number, got 'small'"),
        (LLAMA | {"tie_word_embeddings": 1}, "tie_word_embeddings in config.json must be true or false, got 1"),
        (LLAMA | {"hidden_act": "gelu"}, "hidden_act in config.json must be one of silu, swish, got 'gelu'"),
        (LLAMA | {"mlp_bias": True}, "mlp_bias in config.json must be False, got True: SwiGLU has no biases"),
        (LLAMA | {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "must have the key rope_scaling.low_freq"),
        (LLAMA | {"rope_scaling": {"type": "dynamic", "factor": 0}}, "rope_scaling.factor .* must be larger than 0"),
        (LLAMA | {"rope_scaling": {"type": "linear"}}, "config.json must have the key rope_scaling.factor"),
        (LLAMA | {"rope_scaling": ["linear"]}, "rope_scaling in config.json must be an object, got .'linear'"),
        (LLAMA | {"rope_parameters": "default"}, "rope_parameters in config.json must be an object, got 'default'"),
        (LLAMA | {"rope_theta": 0.5}, "rope_theta in config.json must be larger than 1, got 0.5"),
        (LLAMA | {"partial_rotary_factor": 0.5}, "partial_rotary_factor in config.json must be 1.0, got 0.5"),
        (
            LLAMA | {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
            "layer_types in config.json, or those that max_window_layers gives, must be the same for all of 2 layers",
        ),
        (
            LLAMA
            | {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 4, "layer_types": ["chunked"] * 2},
            "layer_types .* must be full_attention or sliding_attention .* got 'chunked'",
        ),
        (
            LLAMA | {"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": "all"},
            "max_window_layers in config.json must be an integer of at least 0, got 'all'",
        ),
        (LLAMA | {"model_type": "mistral", "sliding_window": -1}, "sliding_window .* positive integer, got -1"),
        (DEEPSEEK | {"first_k_dense_replace": 1}, "layer 1 of 2 is a mixture of 8 experts"),
        (DEEPSEEK | {"attention_bias": True}, "attention_bias in config.json must be False"),
        (DEEPSEEK | {"rope_scaling": {"type": "yarn", "factor": 40}}, "rope_type .* got 'yarn'"),
        (
            DEEPSEEK | {"first_k_dense_replace": "all"},
            "first_k_dense_replace .* must be an integer of at least 0, got 'all'",
        ),
        (BERT | {"hidden_act": "relu"}, "hidden_act in config.json must be 'gelu', got 'relu'"),
        (BERT | {"position_embedding_type": "relative_key"}, "position_embedding_type .* must be 'absolute'"),
        (BERT | {"is_decoder": True}, "is_decoder in config.json must be False"),
        (GPT2 | {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx .* must be False"),
        (GPT2 | {"activation_function": "tanh"}, "activation_function .* must be one of gelu_new"),
    ],
)
def test_what_the_models_do_not_compute(values, rule, tmp_path, unread):
    refused(write(tmp_path, values, {}), rule)


@pytest.mark.parametrize(
    "name, tensor, rule",
    [
        (
            "model.layers.1.mlp.up_proj.weight",
            None,
            "must hold the tensor .*layers.1.mlp.up_proj.weight.*; 1 of 21 are",
        ),
        ("lm_head.weight", None, "must hold the tensor .*lm_head.weight"),
        ("model.norm.weight", torch.zeros(13), r"'model.norm.weight' in .* must have shape \(12,\) .*, got \(13,\)"),
        ("model.norm.weight", torch.zeros(12, dtype=torch.int8), "'model.norm.weight' .* not quantised, got I8"),
        ("model.layers.0.self_attn.q_proj.bias", torch.zeros(12), "q_proj.bias' in .* is not expected"),
        ("model.layers.2.mlp.up_proj.weight", torch.zeros(7, 12), "layers.2.mlp.up_proj.weight' in .* is not expected"),
        ("model.layers.0.mlp.experts.0.up_proj.weight", torch.zeros(7, 12), "belongs to a mixture of experts"),
        ("model.layers.0.block_sparse_moe.gate.weight", torch.zeros(8, 12), "belongs to a mixture of experts"),
    ],
)
def test_tensors_that_are_missing_misshapen_or_too_many(name, tensor, rule, tmp_path, unread):
    tensors = tensors_of(LLAMA)
    tensors.pop(name, None)
    refused(write(tmp_path, tensors=tensors | ({} if tensor is None else {name: tensor})), rule)


@pytest.mark.parametrize(
    "copy, original, shape",
    [
        ("lm_head.weight", "model.embed_tokens.weight", (29, 12)),  # tied
        ("norm.weight", "model.norm.weight", (12,)),  # with and without the prefix
    ],
)
def test_a_copy_that_differs(copy, original, shape, tmp_path):
    values = LLAMA | {"tie_word_embeddings": True}
    tensors = tensors_of(values) | {copy: torch.ones(shape)}
    refused(write(tmp_path, values, tensors), f"'{copy}' must equal '{original}', which names the same parameters")
    tensors[original] = tensors[copy].clone()
    assert pretrained.load(write(tmp_path, values, tensors)).model.config.tied


def test_not_a_folder_of_a_model(tmp_path):
    refused(tmp_path, "path must be a folder with config.json, got .*hub=True")
    refused("gpt2", "path must be a folder with config.json, got 'gpt2'")


@pytest.mark.parametrize("content, rule", [(b"{", "must hold JSON"), (b"[]", "must hold a JSON object, got list")])
def test_config_that_is_no_object(content, rule, tmp_path):
    (write(tmp_path) / "config.json").write_bytes(content)
    refused(tmp_path, rule)


def test_no_weights_and_pickles(tmp_path):
    (write(tmp_path) / "model.safetensors").unlink()
    refused(tmp_path, "must hold model.safetensors or model.safetensors.index.json")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    refused(tmp_path, "must hold model.safetensors, got .*pytorch_model.bin.*: a pickle, which can run any code")


def test_a_damaged_file(tmp_path, unread):
    path = write(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    refused(tmp_path, "must be a whole safetensors file")


def write_shards(folder):
    tensors = tensors_of(LLAMA)
    names = list(tensors)
    shards = {"a.safetensors": names[:9], "b.safetensors": names[9:]}
    for file, held in shards.items():
        write(folder, tensors={name: tensors[name] for name in held}, file=file)
    return {name: file for file, held in shards.items() for name in held}


@pytest.mark.parametrize(
    "change, rule",
    [
        (lambda listed: listed | {"model.norm.weight": "c.safetensors"}, "must hold the file c.safetensors"),
        (lambda listed: listed | {"model.norm.weight": "../a.safetensors"}, "must name files beside it"),
        (lambda listed: listed | {"model.other.weight": "a.safetensors"}, "differ in .'model.other.weight'"),
        (lambda listed: {n: f for n, f in listed.items() if n != "lm_head.weight"}, "differ in .'lm_head.weight'"),
        (lambda listed: {}, "must list the file of each tensor"),
        (lambda listed: dict.fromkeys(listed, 3), "must list the file of each tensor"),
    ],
)
def test_shards_that_disagree_with_their_index(change, rule, tmp_path, unread):
    listed = write_shards(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": change(listed)}))
    refused(tmp_path, rule)


def test_files_of_shards_are_good_before_they_are_spoilt(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": write_shards(tmp_path)}))
    pretrained.load(tmp_path)


def test_a_name_that_cannot_be_fetched(monkeypatch):
    def snapshot_download(*_, **__):
        raise OSError("no network")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    with pytest.raises(ValueError, match="name must be a model on the hub that can be reached, got 'gpt2': no network"):
        pretrained.load("gpt2", hub=True)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="needs the package huggingface_hub"):
        pretrained.load("gpt2", hub=True)


def test_no_tokenizer(tmp_path):
    tokenizer = pretrained.load(write(tmp_path)).tokenizer
    for missing in (tokenizer, copy.deepcopy(tokenizer)):
        with pytest.raises(AttributeError, match="encode needs a tokenizer, but .* holds no tokenizer.json"):
            missing.encode("the")


def test_a_file_that_is_no_tokenizer(tmp_path):
    (write(tmp_path) / "tokenizer.json").write_text("{}")
    refused(tmp_path, "tokenizer.json must be a tokenizer of the package tokenizers")


def test_a_text_with_half_a_pair_of_surrogates(tmp_path):
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, "[UNK]"))
    inner.save(str(write(tmp_path) / "tokenizer.json"))
    tokenizer = pretrained.load(tmp_path).tokenizer
    for ask in (tokenizer.encode, tokenizer.tokens):
        with pytest.raises(ValueError, match="text must be what UTF-8 can write, got half a pair .* in 'a.ud800'"):
            ask("a\ud800")
        with pytest.raises(TypeError, match="text must be a str, got bytes"):
            ask(b"a")
