"""Every key of config.json is used as transformers uses it, has no effect, or is refused by name.

Each file here is read by both: transformers makes the model that it describes, with random weights, and the course
loads the same folder. transformers decides, at the version that is pinned, which of two keys counts.
"""

import json

import pytest
import torch
import transformers

from course_lib.models import generate, pretrained
from course_lib.models.pretrained.loading import FAMILIES, recognise
from course_lib.models.pretrained.settings import Settings

pytestmark = pytest.mark.skipif(
    int(transformers.__version__.split(".")[0]) < 5, reason="which of two keys counts is as in transformers 5"
)

VOCAB, LAYERS, LONGEST, N = 29, 3, 23, 17
# Both compute in float32: sums of tens of terms, through three layers, to logits of size 10; a key that is passed over
# changes them by 0.1 or more.
SINGLE = dict(rtol=1e-5, atol=1e-4)

SIZES = dict(
    vocab_size=VOCAB, hidden_size=24, num_hidden_layers=LAYERS, num_attention_heads=6, intermediate_size=23,
    max_position_embeddings=LONGEST,
)  # fmt: skip
LATENT = SIZES | dict(
    kv_lora_rank=10, q_lora_rank=7, qk_rope_head_dim=4, qk_nope_head_dim=6, v_head_dim=5, first_k_dense_replace=LAYERS,
    num_key_value_heads=6,
)  # fmt: skip
GROUPED = SIZES | dict(num_key_value_heads=2, head_dim=4)
GEMMA = GROUPED | dict(sliding_window=5, sliding_window_pattern=2, query_pre_attn_scalar=7)
# The number of the padding token counts here, and no text of these tests holds it.
ROBERTA = SIZES | dict(vocab_size=VOCAB + 2, pad_token_id=VOCAB, max_position_embeddings=2 * VOCAB)
IMAGES = dict(
    hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
)  # fmt: skip
BASE = {
    "gpt2": dict(vocab_size=VOCAB, n_embd=15, n_layer=LAYERS, n_head=3, n_positions=LONGEST),
    "llama": GROUPED,
    "mistral": GROUPED,
    "qwen2": GROUPED,
    "qwen3": GROUPED,
    "bert": SIZES,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "gemma3_text": GEMMA,
    "gemma3": {"text_config": GEMMA | {"model_type": "gemma3_text"}, "vision_config": IMAGES},
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
    "minicpm3": {key: value for key, value in LATENT.items() if key != "first_k_dense_replace"},
}
ENCODERS = ("bert", "roberta", "xlm-roberta")
ROTARY = [kind for kind in BASE if kind not in ("gpt2", *ENCODERS, "gemma3_text", "gemma3")]


def new_oracle(folder, kind, values):
    """transformers' model of a config.json with these values; its weights go into the folder."""
    text = json.dumps(BASE[kind] | {"model_type": kind} | values)
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(text)
    config = transformers.AutoConfig.from_pretrained(folder)
    head = transformers.AutoModelForMaskedLM if kind in ENCODERS else transformers.AutoModelForCausalLM
    torch.manual_seed(0)
    model = head.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(0.4, 1.6) if parameter.ndim == 1 else parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    (folder / "config.json").write_text(text)  # as it was written by hand
    return model


def tokens(n=N):
    return torch.randint(VOCAB, (2, n), generator=torch.Generator().manual_seed(7))


@torch.no_grad()
def logits(model, n=N):
    found = model(tokens(n))
    return getattr(found, "logits", found)


class Noting(Settings):
    """Remembers which keys are said to have no effect."""

    def __init__(self, values):
        super().__init__(values)
        self.ignored = set()

    def ignore(self, *tables):
        super().ignore(*tables)
        self.ignored |= set(" ".join(tables).split())


def read(kind):
    settings = Noting(BASE[kind] | {"model_type": kind})
    recognise(settings)
    return settings


def ignored_keys(kind):
    return read(kind).ignored - {"model_type"}


def theirs(kind):
    """Every key that transformers knows for this type, of all configs and of sampling too, and its default."""
    config = transformers.AutoConfig.for_model(kind, **BASE[kind])
    sampling = dict.fromkeys(transformers.GenerationConfig._get_default_generation_params())
    values = sampling | dict.fromkeys(config.attribute_map, 2) | config.to_dict()
    return {key: value for key, value in values.items() if not key.startswith("_") and key != "model_type"}


def others(key, value):
    """Other values of the type of this one."""
    if key == "pad_token_id" and value == VOCAB:
        return [VOCAB + 1]
    if key in VALUES:
        return VALUES[key]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, float):
        return [value / 2 + 0.2]
    return [2 * value + 1, 3] if isinstance(value, int) else [2, True, "gelu"]


VALUES = {
    "architectures": [["Other"]],
    "chunk_size_feed_forward": [1],
    "dtype": ["float32"],
    "id2label": [{"0": "a", "1": "b", "2": "c"}],
    "label2id": [{"a": 0, "b": 1, "c": 2}],
    "layer_types": [["full_attention"] * LAYERS, ["sliding_attention"] * LAYERS],
    "problem_type": ["regression"],
    "rope_parameters": [{"rope_type": "linear", "factor": 3.0}, {"rope_theta": 50.0}],
    "initializer_range": [0.5],
    "max_position_embeddings": [LONGEST + 1],
    "num_attention_heads": [12],
    "num_hidden_layers": [LAYERS - 1, LAYERS + 1],
    "output_attentions": [False],  # and here, without other keys beside it
    "return_dict": [True],  # the other value stops transformers itself
    "summary_activation": ["tanh"],
    "summary_type": ["mean"],
    "topk_method": ["group_limited_greedy"],
    "transformers_version": ["4.0.0"],
    "vision_config": [IMAGES | {"attention_dropout": 0.5}],
}


def test_all_families_are_tested():
    assert set(BASE) == set(FAMILIES)


@pytest.mark.parametrize("kind", BASE)
def test_no_key_is_passed_over(kind):
    """Each is read, listed as without effect, or refused by name; so is one that nobody knows."""
    known = read(kind).known
    for key in [*theirs(kind), "a_new_key", "rope_scalings", "hidden_Size"]:
        if key not in known:
            with pytest.raises(ValueError, match=f"config.json has the key {key} = 2, which is not known here"):
                recognise(Settings(BASE[kind] | {"model_type": kind, key: 2}))
    recognise(Settings(BASE[kind] | {"model_type": kind, "a_new_key": None, "_a_remark": 2}))


@pytest.mark.parametrize("kind", BASE)
def test_keys_without_effect(kind, tmp_path):
    """All of them at once leave the logits as they are, there and here."""
    ignored, known = ignored_keys(kind), theirs(kind)
    values = {key: others(key, known[key])[0] for key in sorted(ignored & known.keys())}
    assert len(values) > 40
    plain, changed = (logits(new_oracle(tmp_path, kind, some)) for some in ({}, values))
    torch.testing.assert_close(changed, plain, **SINGLE)
    torch.testing.assert_close(logits(pretrained.load(tmp_path).model), plain, **SINGLE)


@pytest.mark.parametrize("kind", BASE)
def test_every_other_key_is_used_or_refused_by_name(kind, tmp_path):
    """Each is set to other values: transformers refuses the file, both give the same logits, or the course refuses."""
    wrong, compared = [], set()
    for key, default in theirs(kind).items():
        for value in others(key, default) if key not in ignored_keys(kind) else []:
            try:
                want = logits(new_oracle(tmp_path, kind, {key: value}))
            except Exception:  # of many kinds: transformers does not take this value
                continue
            compared.add(key)
            try:
                got = logits(pretrained.load(tmp_path).model)
            except ValueError as error:
                if key not in str(error):
                    wrong.append((key, value, str(error)))
            else:
                if not torch.allclose(got, want, **SINGLE):
                    wrong.append((key, value, float((got - want).abs().max())))
    assert not wrong and len(compared) > (1 if kind == "gemma3" else 8)  # most of gemma3's keys are in text_config


LINEAR = {"rope_type": "linear", "factor": 3.0, "rope_theta": 300.0}
DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 300.0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "rope_theta": 50.0}
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 50.0}
LONG = {"rope_type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [2.0, 5.0], "rope_theta": 50.0}
ORIGINAL = {"original_max_position_embeddings": 9}
OLD = {"type": "linear", "factor": 3.0}
WINDOW = {"sliding_window": 4}
SLIDING = {"layer_types": ["sliding_attention"] * LAYERS}
FULL = {"layer_types": ["full_attention"] * LAYERS}
MSCALE = {"mscale_all_dim": 0.707, "mscale": 0.5}
PRECEDENCE = [
    *((kind, {"rope_parameters": rope}) for kind in ROTARY for rope in (LINEAR, DYNAMIC, LLAMA3)),
    *((kind, {"rope_parameters": rope | ORIGINAL}) for kind in ROTARY for rope in (YARN, LONG)),
    *((kind, {"rope_scaling": YARN | ORIGINAL | MSCALE}) for kind in ROTARY),
    ("llama", {"rope_scaling": YARN | ORIGINAL | {"factor": None}}),
    ("llama", {"rope_scaling": YARN | {"factor": None}}),
    ("llama", {"rope_scaling": YARN | ORIGINAL | {"attention_factor": 1.7, "mscale": 3.0}}),
    ("llama", {"rope_scaling": YARN | ORIGINAL | {"attention_factor": 2}}),
    ("llama", {"rope_scaling": YARN | ORIGINAL | {"mscale": 3.0}}),
    ("llama", {"rope_scaling": YARN | ORIGINAL | {"beta_fast": 1.3, "beta_slow": None, "truncate": False}}),
    ("llama", {"rope_scaling": YARN | ORIGINAL | {"beta_fast": 1.3, "beta_slow": 0.4, "truncate": None}}),
    ("llama", {"rope_scaling": YARN | ORIGINAL, "original_max_position_embeddings": 19}),
    ("llama", {"rope_scaling": LONG, "original_max_position_embeddings": 9}),
    ("llama", {"rope_scaling": LONG | ORIGINAL | {"factor": 3.0}}),
    ("llama", {"rope_scaling": LONG | ORIGINAL | {"factor": 0.5}}),
    ("llama", {"rope_scaling": LONG | ORIGINAL | {"attention_factor": 1.7}}),
    ("llama", {"rope_scaling": LONG | {"original_max_position_embeddings": 20}}),
    *((kind, {"rope_scaling": YARN | ORIGINAL | {"mscale_all_dim": 0.707, "mscale": 0.707}})
        for kind in ("deepseek_v2", "deepseek_v3")),
    ("deepseek_v3", {"rope_scaling": YARN | ORIGINAL | {"mscale_all_dim": 0.707}}),
    ("llama", {"rope_parameters": LLAMA3 | ORIGINAL}),
    ("llama", {"rope_parameters": LLAMA3} | ORIGINAL),
    ("llama", {"rope_parameters": LLAMA3 | ORIGINAL, "original_max_position_embeddings": 5}),
    ("llama", {"rope_scaling": OLD, "rope_parameters": {"rope_theta": 50.0}}),
    ("qwen3", {"rope_scaling": OLD, "rope_parameters": {"rope_theta": 50.0}, "rope_theta": 9.0}),
    ("qwen2", {"rope_scaling": {"rope_type": "default", "rope_theta": 50.0}, "rope_parameters": LINEAR}),
    ("mistral", {"rope_scaling": {}, "rope_parameters": LINEAR}),
    ("llama", {"rope_parameters": {"rope_theta": 50.0}, "rope_theta": 9.0}),
    ("llama", {"rope_parameters": {"rope_type": "default"}, "rope_theta": 9.0}),
    ("deepseek_v3", {"rope_scaling": OLD, "rope_theta": 9.0}),
    ("llama", {"rope_scaling": OLD | {"rope_type": "default"}}),
    ("llama", {"rope_scaling": {"rope_type": "linear", "type": "default", "factor": 3.0}}),
    ("llama", {"rope_scaling": LINEAR | {"attention_factor": 2.0, "beta_fast": 3.0} | MSCALE}),
    *(("deepseek_v2", {"rope_scaling": rope | MSCALE}) for rope in (LINEAR, DYNAMIC, LLAMA3)),
    *(("deepseek_v3", {"rope_scaling": rope | MSCALE}) for rope in (LINEAR, DYNAMIC, LLAMA3)),
    ("deepseek_v3", {"rope_scaling": {"rope_type": "default", "factor": 3.0} | MSCALE}),
    ("deepseek_v3", {"rope_interleave": None}),
    ("deepseek_v3", {"q_lora_rank": None}),
    ("mistral", WINDOW | {"use_sliding_window": False}),
    ("mistral", WINDOW | {"max_window_layers": 2}),
    ("mistral", WINDOW | SLIDING),
    ("mistral", WINDOW | {"attention_bias": True}),
    ("mistral", {"sliding_window": None}),
    ("qwen2", WINDOW),
    ("qwen2", WINDOW | {"use_sliding_window": True, "max_window_layers": 0}),
    ("qwen2", WINDOW | {"use_sliding_window": True, "max_window_layers": 0} | FULL),
    ("qwen3", WINDOW | {"use_sliding_window": True} | SLIDING),
    ("qwen3", {"use_sliding_window": True, "sliding_window": None, "max_window_layers": 0}),
    ("qwen2", {"attention_bias": False, "head_dim": 6}),
    ("llama", {"attention_bias": True, "head_dim": None, "num_key_value_heads": None}),
    *(("gemma3_text", {"rope_scaling": {key: x for key, x in rope.items() if key != "rope_theta"}})
        for rope in (LINEAR, DYNAMIC, LLAMA3, YARN, LONG, YARN | MSCALE | {"rope_theta": 7.0})),
    ("gemma3_text", {"rope_scaling": LINEAR, "rope_parameters": {"full_attention": YARN | {"beta_fast": 3.0}}}),
    ("gemma3_text", {"rope_parameters": {"sliding_attention": YARN, "full_attention": None}, "rope_theta": 70.0}),
    ("gemma3_text", {"rope_parameters": {"full_attention": LLAMA3 | ORIGINAL}, "rope_local_base_freq": 9.0}),
    ("gemma3_text", {"rope_parameters": {"sliding_attention": {"rope_theta": 5.0}}, "rope_local_base_freq": 9.0}),
    ("gemma3_text", {"sliding_window_pattern": 3, "hidden_activation": "gelu_new", "head_dim": 6}),
    ("gemma3_text", {"layer_types": ["full_attention", "sliding_attention", "full_attention"], "rope_theta": 70.0}),
    ("gemma3_text", {"layer_types": ["full_attention"] * LAYERS}),
    ("gemma3_text", {"use_bidirectional_attention": None, "attention_bias": True}),
    ("gemma3", {"text_config": GEMMA | {"rope_theta": 70.0, "rope_scaling": {"rope_type": "linear", "factor": 3.0}}}),
    ("minicpm3", {"q_lora_rank": None, "scale_depth": None, "dim_model_base": None, "scale_emb": 0.5}),
    ("minicpm3", {"v_head_dim": None, "scale_depth": 3, "dim_model_base": 7, "tie_word_embeddings": False}),
    ("gpt2", {"n_inner": None, "n_ctx": 5, "scale_attn_weights": False, "reorder_and_upcast_attn": True}),
    ("bert", {"tie_word_embeddings": False, "layer_norm_eps": 0.3, "pad_token_id": None}),
    ("roberta", {"tie_word_embeddings": False, "layer_norm_eps": 0.3, "type_vocab_size": 1}),
    ("xlm-roberta", {"pad_token_id": VOCAB + 1}),
]  # fmt: skip


@pytest.mark.parametrize("kind, values", PRECEDENCE, ids=lambda value: value if isinstance(value, str) else "")
def test_loads_as_transformers_reads_it(kind, values, tmp_path):
    want = logits(new_oracle(tmp_path, kind, values))
    torch.testing.assert_close(logits(pretrained.load(tmp_path).model), want, **SINGLE)


@pytest.mark.filterwarnings("ignore:.past_key_values. is deprecated:FutureWarning")
@pytest.mark.parametrize("kind", ["llama", "deepseek_v3"])
@pytest.mark.parametrize(
    "values",
    [
        {"rope_parameters": DYNAMIC},
        {"rope_parameters": LONG | {"original_max_position_embeddings": 20}, "max_position_embeddings": 40},
    ],
    ids=["dynamic", "long"],
)
def test_scaling_past_the_longest_text(kind, values, tmp_path):
    """A prefill of any length, and each step of a generation that passes the longest text in training."""
    oracle = new_oracle(tmp_path, kind, values)
    model = pretrained.load(tmp_path).model
    want = logits(oracle, LONGEST + 14)
    torch.testing.assert_close(logits(model, LONGEST + 14), want, **SINGLE)
    oracle.model.rotary_emb.__init__(oracle.config)  # it remembers longer texts
    new = oracle.generate(
        tokens(), attention_mask=torch.ones_like(tokens()), max_new_tokens=20, do_sample=False, eos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    assert generate(model, tokens(), 20) == new[:, N:].tolist()
    caches, step = model.new_caches(), []
    for x in new.split([N] + [1] * 20, 1):
        step.append(model(x, caches)[:, -1])
    oracle.model.rotary_emb.__init__(oracle.config)
    cache, want = transformers.DynamicCache(config=oracle.config), []
    with torch.no_grad():
        for x in new.split([N] + [1] * 20, 1):
            want.append(oracle(x, past_key_values=cache).logits[:, -1])
    torch.testing.assert_close(torch.stack(step), torch.stack(want), **SINGLE)


NESTED = {"full_attention": {"rope_theta": 5e5}, "sliding_attention": {"rope_theta": 1e4}}
MIXED = {"layer_types": ["full_attention", "sliding_attention", "full_attention"], "use_sliding_window": True}


@pytest.mark.parametrize(
    "kind, values, rule",
    [
        ("qwen3", {"rope_parameters": NESTED} | FULL, "rope_parameters .* same for all layers, .*'full_attention'"),
        ("qwen3", {"rope_scaling": {"sliding_attention": LINEAR}}, "rope_scaling .* must be the same for all layers"),
        ("llama", {"rope_scaling": {"type": "yarn"}}, "must have the key rope_scaling.factor"),
        ("llama", {"rope_scaling": YARN | {"beta_fast": 0}}, "rope_scaling.beta_fast .* larger than 1.0, got 0"),
        ("llama", {"rope_scaling": YARN | ORIGINAL | {"beta_slow": 1.5}}, "original_max_position_.* least 10, got 9"),
        ("llama", {"rope_scaling": YARN | {"truncate": 1}}, "rope_scaling.truncate .* true or false, got 1"),
        ("llama", {"rope_scaling": {"type": "longrope"}}, "must have the key rope_scaling.short_factor"),
        ("llama", {"rope_scaling": LONG | {"short_factor": 3}}, "rope_scaling.short_factor .* list of numbers, got 3"),
        ("llama", {"rope_scaling": LONG | {"long_factor": [1, 0]}}, r"rope_scaling.long_factor\[1\] .* than 0, got 0"),
        ("llama", {"rope_scaling": {"type": "su"}}, "rope_type .* got 'su': this is called longrope today"),
        ("qwen2", {"rope_scaling": {"type": "mrope"}}, "rope_type .* got 'mrope': here a position is one number"),
        ("qwen2", {"rope_scaling": {"type": "default", "mrope_section": [1, 1]}}, "rope_scaling.mrope_section"),
        ("llama", {"rope_parameters": {"rope_type": "new"}}, "rope_type .* got 'new': others are not known here"),
        ("llama", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor .* partial rotation"),
        ("llama", {"rope_parameters": LLAMA3 | {"high_freq_factor": 1.0}}, "high_freq_factor .* larger than 1.0"),
        ("llama", {"sliding_window": 4}, "has the key sliding_window = 4, which is not known here"),
        ("llama", {"attention_multiplier": 0.5}, "attention_multiplier = 0.5"),
        ("llama", {"layer_types": ["full_attention"]}, "layer_types"),
        ("llama", {"per_layer_config": {"1": {"intermediate_size": 5}}}, "per_layer_config"),
        ("llama", {"is_causal": False}, "is_causal = False"),
        ("llama", {"pruned_heads": {"0": [1]}}, "pruned_heads in config.json must be {}"),
        ("mistral", WINDOW | FULL, "layer_types .* got .'full_attention', .*: every layer has the window 4"),
        ("llama", {"transformers_weights": "other.safetensors"}, "transformers_weights = 'other.safetensors'"),
        ("mistral", {"attention_chunk_size": 4}, "attention_chunk_size"),
        ("qwen2", MIXED | WINDOW, "layer_types .* must be the same for all of 3 layers"),
        ("qwen2", WINDOW | {"use_sliding_window": True, "max_window_layers": 1}, "max_window_layers .* the same"),
        ("qwen3", SLIDING, "layer_types .* must be full_attention with a window of None, got 'sliding_attention'"),
        ("deepseek_v3", {"head_dim": 8}, "head_dim in config.json must be 4, got 8: it is the width that is turned"),
        ("deepseek_v2", {"num_key_value_heads": 3}, "num_key_value_heads in config.json must be 6, got 3"),
        ("gemma3_text", {"rope_parameters": LINEAR}, r"rope_parameters .* an object for each of .*'rope_type'"),
        ("gemma3_text", {"rope_parameters": {"full_attention": {"truncate": 0}}}, "full_attention.truncate .* True"),
        ("gemma3_text", {"rope_scaling": OLD}, "rope_scaling.type in config.json must be called rope_type"),
        ("gemma3_text", {"final_logit_softcapping": 30.0}, "final_logit_softcapping .* None, got 30.0: .* not capped"),
        ("gemma3_text", {"use_bidirectional_attention": True}, "use_bidirectional_attention .* False, got True"),
        ("gemma3_text", {"hidden_activation": "silu"}, "hidden_activation .* one of gelu_pytorch_tanh.*'silu'"),
        ("gemma3_text", {"layer_types": ["full_attention"]}, "layer_types .* for each of 3 layers"),
        ("gemma3_text", {"layer_types": ["chunked"] * 3}, "layer_types .* full_attention or .*chunked"),
        ("gemma3", {"text_config": 3}, "text_config in config.json must be an object, got 3"),
        ("gemma3", {"text_config": GEMMA | {"new": 3}}, "config.json has the key text_config.new = 3"),
        ("gemma3", {"text_config": GEMMA | {"head_dim": 0}}, "text_config.head_dim .* positive integer, got 0"),
        ("gemma3", {"tie_word_embeddings": False}, "tie_word_embeddings in config.json must be True, got False"),
        ("gpt2", {"hidden_size": 30}, "hidden_size = 30"),
        ("bert", {"embedding_size": 12}, "embedding_size = 12"),
        ("roberta", {"pad_token_id": -1}, "pad_token_id .* integer of at least 0, got -1"),
        ("roberta", {"max_position_embeddings": VOCAB + 1}, "max_position_embeddings .* at least 31, got 30"),
    ],
)  # fmt: skip
def test_what_is_refused_by_name(kind, values, rule):
    with pytest.raises(ValueError, match=rule):
        recognise(Settings(BASE[kind] | {"model_type": kind} | values))


@pytest.mark.parametrize(
    "kind, missing",
    [
        ("gemma2", "only the text model of Gemma 3"),
        ("qwen3_moe", "only DeepSeek's"),
        ("gpt_neox", "partial rotation"),
    ],
)
def test_other_architectures_say_what_is_missing(kind, missing):
    with pytest.raises(ValueError, match=f"model_type .* got '{kind}': .*{missing}"):
        recognise(Settings({"model_type": kind}))


# The keys of published files that are not in the tables above; sizes are smaller.
PUBLISHED = [
    ("gpt2", """{"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
        "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02, "n_ctx": 23,
        "layer_norm_epsilon": 1e-05, "resid_pdrop": 0.1, "summary_activation": null, "summary_first_dropout": 0.1,
        "summary_proj_to_labels": true, "summary_type": "cls_index", "summary_use_proj": true,
        "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}}"""),
    ("llama", """{"attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 128000, "hidden_act": "silu",
        "eos_token_id": [128001, 128008], "initializer_range": 0.02, "mlp_bias": false, "pretraining_tp": 1,
        "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
        "original_max_position_embeddings": 9, "rope_type": "llama3"}, "rope_theta": 500000.0, "use_cache": true,
        "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.45.0.dev0"}"""),
    ("llama", """{"is_llama_config": true, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
        "pad_token_id": 2, "transformers.js_config": {"dtype": "q4"}, "_name_or_path": "x", "unk_token_id": 0}"""),
    ("mistral", """{"hidden_act": "silu", "rope_theta": 1000000.0, "sliding_window": null}"""),
    ("qwen2", """{"max_window_layers": 28, "sliding_window": 32768, "use_mrope": false, "use_sliding_window": false,
        "rope_theta": 1000000.0, "hidden_act": "silu", "tie_word_embeddings": true}"""),
    ("qwen3", """{"attention_bias": false, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
        "use_sliding_window": false, "max_window_layers": 36}"""),
    ("bert", """{"gradient_checkpointing": false, "position_embedding_type": "absolute", "type_vocab_size": 2,
        "directionality": "bidi", "pooler_fc_size": 768, "pooler_type": "first_token_transform"}"""),
    ("roberta", """{"architectures": ["RobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0,
        "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "initializer_range": 0.02,
        "layer_norm_eps": 1e-05, "type_vocab_size": 1}"""),
    ("xlm-roberta", """{"architectures": ["XLMRobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1,
        "bos_token_id": 0, "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "layer_norm_eps": 1e-05,
        "initializer_range": 0.02, "output_past": true, "position_embedding_type": "absolute", "type_vocab_size": 1,
        "transformers_version": "4.17.0.dev0", "use_cache": true}"""),
    ("minicpm3", """{"architectures": ["MiniCPM3ForCausalLM"], "auto_map": {"AutoConfig": "x"}, "bos_token_id": 1,
        "eos_token_id": [2, 73440], "hidden_act": "silu", "initializer_range": 0.1, "rms_norm_eps": 1e-05,
        "rope_scaling": {"type": "longrope", "long_factor": [1.0, 2.5], "short_factor": [1.0, 1.5],
        "original_max_position_embeddings": 9}, "dim_model_base": 256, "scale_depth": 1.4, "scale_emb": 12,
        "torch_dtype": "bfloat16", "transformers_version": "4.41.0", "use_cache": true}"""),
    ("deepseek_v3", """{"auto_map": {"AutoConfig": "x"}, "aux_loss_alpha": 0.001, "ep_size": 1, "moe_layer_freq": 1,
        "n_group": 8, "norm_topk_prob": true, "num_nextn_predict_layers": 1, "rope_scaling": null, "seq_aux": true,
        "scoring_func": "sigmoid", "topk_method": "noaux_tc", "rope_theta": 10000}"""),
]  # fmt: skip


@pytest.mark.parametrize("kind, text", PUBLISHED, ids=[kind for kind, _ in PUBLISHED])
def test_published_files_load(kind, text, tmp_path):
    want = logits(new_oracle(tmp_path, kind, json.loads(text)).float())
    torch.testing.assert_close(logits(pretrained.load(tmp_path).model), want, **SINGLE)
