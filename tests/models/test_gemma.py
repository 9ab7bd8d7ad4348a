"""Gemma 3: two kinds of layers in one model, in the layers, in caches and accounting, and against transformers."""

import json
import math
from dataclasses import replace

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from course_lib import accounting
from course_lib.config import GroupedConfig, LatentConfig, LocalLayers, ModelConfig, Rope
from course_lib.models import DecoderModel, EncoderModel, generate, pretrained
from course_lib.models.pretrained.loading import recognise
from course_lib.models.pretrained.settings import Settings
from course_lib.models.shipped import describe_model, new_model

# Both compute in float32: sums of tens of terms, through seven layers, to logits of size 5.
SINGLE = dict(rtol=0, atol=1e-4)
EXACT = dict(rtol=0, atol=1e-12)
VOCAB, LAYERS, N, WINDOW = 29, 7, 17, 5
TEXT = dict(
    vocab_size=VOCAB, hidden_size=24, num_hidden_layers=LAYERS, num_attention_heads=6, intermediate_size=23,
    max_position_embeddings=64, num_key_value_heads=2, head_dim=4, sliding_window=WINDOW, query_pre_attn_scalar=7,
    rope_scaling={"rope_type": "linear", "factor": 8.0}, rope_theta=3e3, rope_local_base_freq=50.0, pad_token_id=0,
)  # fmt: skip
VISION = dict(
    hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
)  # fmt: skip
FULL, LOCAL = "full_attention", "sliding_attention"
CASES = {
    "published pattern": {},
    "another pattern": {"sliding_window_pattern": 3, "sliding_window": 2},
    "irregular": {"layer_types": [FULL, LOCAL, LOCAL, FULL, FULL, LOCAL, FULL]},
    "all local": {"layer_types": [LOCAL] * LAYERS},
    "none local": {"layer_types": [FULL] * LAYERS},
    "biases, untied": {"attention_bias": True, "tie_word_embeddings": False, "rms_norm_eps": 1e-2},
}


def with_random_weights(oracle):
    """Gains and biases differ from their start, so that a forgotten or swapped one fails."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.uniform_(-0.6, 0.6) if parameter.ndim == 1 else parameter.normal_(std=0.3)
    return oracle.eval()


def new_oracle(**values):
    return with_random_weights(transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(**TEXT | values)))


def tokens(n=N, batch=2):
    return torch.randint(VOCAB, (batch, n), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("name", CASES)
def test_equals_transformers_past_the_window_in_one_call_and_in_chunks(name, tmp_path):
    oracle = new_oracle(**CASES[name])
    oracle.save_pretrained(tmp_path)
    model = pretrained.load(tmp_path).model
    with torch.no_grad():
        for n in (1, WINDOW - 1, WINDOW, WINDOW + 1, N):
            want = oracle(tokens(n)).logits
            torch.testing.assert_close(model(tokens(n)), want, **SINGLE)
        for cuts in ([N - 1, 1], [3, 9, 4, 1], [1] * N):
            caches = model.new_caches()
            got = torch.cat([model(x, caches) for x in tokens().split(cuts, 1)], 1)
            torch.testing.assert_close(got, want, **SINGLE)
        lengths = torch.tensor([N, 6])
        alone = oracle(tokens()[1:, :6]).logits
        torch.testing.assert_close(model(tokens(), lengths=lengths)[1:, :6], alone, **SINGLE)
    new = oracle.generate(
        tokens(), attention_mask=torch.ones_like(tokens()), max_new_tokens=12, do_sample=False, eos_token_id=None,
        pad_token_id=0,
    )[:, N:].tolist()  # fmt: skip
    assert generate(model, tokens(), 12) == generate(model, tokens(), 12, cached=False) == new


@pytest.mark.parametrize("places", ["published", "modules"])
def test_equals_the_text_part_of_a_model_that_reads_images(places, tmp_path):
    """Files hold the text model as language_model.model; its modules are called model.language_model."""
    config = transformers.Gemma3Config(text_config=TEXT, vision_config=VISION)
    oracle = with_random_weights(transformers.Gemma3ForConditionalGeneration(config))
    oracle.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    held = load_file(path)
    assert "language_model.model.norm.weight" in held and "multi_modal_projector.mm_soft_emb_norm.weight" in held
    if places == "modules":
        held = {f"model.{name}".replace("language_model.model", "language_model"): x for name, x in held.items()}
        save_file(held, path)
    with torch.no_grad():
        torch.testing.assert_close(pretrained.load(tmp_path).model(tokens()), oracle(tokens()).logits, **SINGLE)


@pytest.mark.parametrize("n", [WINDOW, N, 40])
def test_caches_hold_the_bytes_that_accounting_predicts(n, tmp_path):
    """A local layer keeps WINDOW rows, a global one all. transformers drops the row that the next token cannot see."""
    oracle = new_oracle()
    oracle.save_pretrained(tmp_path)
    model = pretrained.load(tmp_path).model
    caches = model.new_caches(n)
    model.prefill(tokens(n), caches)
    counted = accounting.Model("tiny", model.config.attention_counts)
    held = sum(cache.nbytes for cache in caches)
    assert held == counted.cache_bytes(n, batch=2, dtype="float32") == 2 * 4 * 16 * (n + 6 * WINDOW)
    assert counted.cache_bytes_without_windows(n, batch=2, dtype="float32") == 2 * 4 * 16 * 7 * n
    theirs = transformers.DynamicCache(config=oracle.config)
    with torch.no_grad():
        oracle(tokens(n), cache=theirs)
    used = sum(layer.keys.nbytes + layer.values.nbytes for layer in theirs.layers)
    assert held - used == 6 * 2 * 4 * 16


# The text_config of google/gemma-3-27b-it, and config.json of google/gemma-3-1b-it and gemma-3-270m.
WHOLE_27B = """{"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999, "eoi_token_index":
    256000, "eos_token_id": [1, 106], "image_token_index": 262144, "initializer_range": 0.02,
    "mm_tokens_per_image": 256, "model_type": "gemma3", "text_config": {"head_dim": 128, "hidden_size":
    5376, "intermediate_size": 21504, "model_type": "gemma3_text", "num_attention_heads": 32,
    "num_hidden_layers": 62, "num_key_value_heads": 16, "query_pre_attn_scalar": 168, "rope_scaling":
    {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}, "torch_dtype": "bfloat16",
    "transformers_version": "4.50.0.dev0", "vision_config": {"hidden_size": 1152, "image_size": 896,
    "intermediate_size": 4304, "model_type": "siglip_vision_model", "num_attention_heads": 16,
    "num_hidden_layers": 27, "patch_size": 14, "vision_use_head": false}}"""
TEXT_1B = """{"architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "attn_logit_softcapping": null, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 106],
    "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
    "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text",
    "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1, "pad_token_id": 0,
    "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000, "rope_scaling": null,
    "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6, "torch_dtype": "bfloat16",
    "transformers_version": "4.50.0.dev0", "use_cache": true, "vocab_size": 262144}"""
TEXT_270M = json.dumps(
    {key: value for key, value in json.loads(TEXT_1B).items() if key != "sliding_window_pattern"}
    | {"_sliding_window_pattern": 6, "hidden_size": 640, "intermediate_size": 2048, "num_hidden_layers": 18}
    | {"use_bidirectional_attention": False, "layer_types": ([LOCAL] * 5 + [FULL]) * 3}
)


@pytest.mark.parametrize(
    "text, layers, local, parameters",
    [(WHOLE_27B, 62, 52, 27_009_346_304), (TEXT_1B, 26, 22, 999_885_952), (TEXT_270M, 18, 15, 268_098_176)],
)
def test_published_files(text, layers, local, parameters):
    """The numbers of parameters are those that Hugging Face states; of the largest, those of the text model."""
    family = recognise(Settings(json.loads(text)))
    counts = [count for count, _ in family.config.attention_counts]
    assert family.config.n_layers == layers and counts == [layers - local, local]
    assert sum(math.prod(shape) for rule in family.rules for shape in rule.sources.values()) == parameters


def test_the_model_of_the_paper():
    """Gemma 3 27B: its scale, bases and windows, and the cache of 128 Ki tokens with and without windows."""
    config = recognise(Settings(json.loads(WHOLE_27B))).config
    whole, local = config.attention, config.local.attention
    assert whole.scale == local.scale == 168**-0.5 and config.embedding_scale == 5376**0.5
    assert (whole.rope, whole.window) == (Rope(base=1e6, factor=8.0), None)
    assert (local.rope, local.window) == (Rope(base=1e4), 1024)
    assert config.max_length == 131_072
    counted, listed = accounting.Model("27B", config.attention_counts), accounting.model("Gemma-3-27B")
    assert counted.cache_bytes(131_072) == listed.cache_bytes(131_072)
    assert counted.cache_bytes_without_windows(131_072) == 62 * 2**30
    assert counted.parameters == listed.parameters == 4_095_753_728


GROUPED = GroupedConfig(d_model=14, n_heads=6, n_kv_heads=2, d_head=4, rope=Rope())
NEAR = replace(GROUPED, window=3, rope=Rope(base=50.0), n_kv_heads=3)
SIZES = dict(vocab_size=VOCAB, n_layers=4, d_ff=20, feedforward="geglu", norm="rms", placement="peri")
BOTH = ModelConfig(attention=GROUPED, local=LocalLayers(attention=NEAR, layers=[0, 1, 3]), **SIZES)


def test_the_attention_of_each_layer():
    assert BOTH.attentions == (NEAR, NEAR, GROUPED, NEAR)
    assert BOTH.attention_counts == ((1, GROUPED), (3, NEAR))
    assert [block.attention.config for block in DecoderModel(BOTH).blocks] == list(BOTH.attentions)
    assert [block.attention.config for block in EncoderModel(BOTH).blocks] == list(BOTH.attentions)
    assert ModelConfig.from_dict(json.loads(json.dumps(BOTH.as_dict()))) == BOTH
    assert new_model(describe_model(DecoderModel(BOTH))).config == BOTH


def test_local_layers_that_are_like_the_others_change_nothing():
    same = replace(BOTH, local=LocalLayers(attention=GROUPED, layers=[1, 2]))
    model, plain = (DecoderModel(config).double().eval() for config in (same, replace(BOTH, local=None)))
    model.load_state_dict(plain.state_dict())
    assert torch.equal(model(tokens()), plain(tokens()))


@pytest.mark.parametrize("local", [NEAR, LatentConfig(d_model=14, n_heads=6, d_latent=5, d_head=4, d_rope=2, window=3)])
def test_two_kinds_decode_as_they_train(local):
    config = replace(BOTH, local=LocalLayers(attention=local, layers=[0, 2]))
    model = DecoderModel(config).double().eval()
    with torch.no_grad():
        want, caches = model(tokens()), model.new_caches()
        torch.testing.assert_close(model.prefill(tokens()[:, :4], caches), want[:, 3], **EXACT)
        for i in range(4, N):
            torch.testing.assert_close(model.decode(tokens()[:, i : i + 1], caches), want[:, i], **EXACT)


def test_each_kind_sees_as_far_as_its_window():
    P = DecoderModel(BOTH).eval().attention_weights(tokens())
    back = torch.arange(N)[:, None] - torch.arange(N)
    assert [int(back[(weights > 0).any(0).any(0)].max()) for weights in P] == [2, 2, N - 1, 2]
