"""DeepSeek's mixtures of experts against transformers, and their parameters against those that the papers state."""

import json

import pytest
import torch
import transformers

from course_lib import accounting
from course_lib.config import GroupedConfig, ModelConfig, SigmoidExperts, SoftmaxExperts
from course_lib.models import DecoderModel, EncoderModel, generate, pretrained
from course_lib.models.pretrained.loading import recognise
from course_lib.models.pretrained.look import look
from course_lib.models.pretrained.settings import Settings
from course_lib.models.shipped import describe_model, new_model

SINGLE = dict(rtol=0, atol=1e-4)  # both compute in float32: sums of tens of terms, through three layers
EXACT = dict(rtol=0, atol=1e-12)
N = 17
TINY = dict(
    vocab_size=29, hidden_size=24, num_hidden_layers=3, num_attention_heads=6, intermediate_size=23,
    max_position_embeddings=40, kv_lora_rank=10, q_lora_rank=7, qk_rope_head_dim=4, qk_nope_head_dim=6, v_head_dim=5,
    num_key_value_heads=6, first_k_dense_replace=1, moe_intermediate_size=12, n_shared_experts=2, n_routed_experts=8,
    num_experts_per_tok=3, n_group=4, topk_group=2,
)  # fmt: skip
LIMITED = {"topk_method": "group_limited_greedy", "routed_scaling_factor": 3.0}
CASES = {
    "v2": ("deepseek_v2", {}),
    "v2, groups": ("deepseek_v2", LIMITED | {"moe_layer_freq": 1, "scoring_func": "softmax", "seq_aux": True}),
    "v2, all layers": ("deepseek_v2", {"first_k_dense_replace": 0, "n_group": None, "topk_group": None}),
    "v3": ("deepseek_v3", {"scoring_func": "sigmoid", "topk_method": "noaux_tc", "aux_loss_alpha": 0.1}),
    "v3, plain": ("deepseek_v3", {"norm_topk_prob": False, "routed_scaling_factor": 0.5, "n_group": 1, "topk_group": 1,
        "num_experts_per_tok": 8}),
    "v3, defaults": ("deepseek_v3", {"n_group": None, "topk_group": None, "num_experts_per_tok": None,
        "n_routed_experts": 16, "n_shared_experts": None, "routed_scaling_factor": None}),
}  # fmt: skip


def write(folder, kind, values):
    """A random model of transformers, saved with its config.json as it was written by hand."""
    stated = {key: value for key, value in (TINY | values).items() if value is not None} | {"model_type": kind}
    (folder / "config.json").write_text(json.dumps(stated))
    torch.manual_seed(0)
    oracle = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder)).eval()
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.uniform_(0.4, 1.6) if parameter.ndim == 1 else parameter.normal_(std=0.3)
        for name, buffer in oracle.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.normal_(std=0.3)
    oracle.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(stated))
    return oracle


def tokens():
    return torch.randint(29, (2, N), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("name", CASES)
def test_equals_transformers(name, tmp_path):
    oracle = write(tmp_path, *CASES[name])
    model = pretrained.load(tmp_path).model
    with torch.no_grad():
        want, caches = oracle(tokens()).logits, model.new_caches(N)
        torch.testing.assert_close(model(tokens()), want, **SINGLE)
        chunks = torch.cat([model(x, caches) for x in tokens().split([3, 9, 4, 1], 1)], 1)
        torch.testing.assert_close(chunks, want, **SINGLE)
    counted = accounting.Model(name, model.config.attention_counts)
    assert sum(cache.nbytes for cache in caches) == counted.cache_bytes(N, batch=2, dtype="float32")
    new = oracle.generate(
        tokens(), attention_mask=torch.ones_like(tokens()), max_new_tokens=9, do_sample=False, eos_token_id=None,
        pad_token_id=0,
    )  # fmt: skip
    assert generate(model, tokens(), 9) == new[:, N:].tolist()
    total = sum(p.numel() for p in model.parameters())
    assert accounting.model_parameters(model.config).total == total == oracle.num_parameters()


# The sizes in config.json of deepseek-ai's models, and what their papers state: total and active parameters.
SHARED = dict(
    kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128, max_position_embeddings=163840
)
PUBLISHED = {
    "DeepSeek-V2-Lite": (
        dict(model_type="deepseek_v2", vocab_size=102400, hidden_size=2048, intermediate_size=10944,
            moe_intermediate_size=1408, num_hidden_layers=27, num_attention_heads=16, num_key_value_heads=16,
            n_shared_experts=2, n_routed_experts=64, num_experts_per_tok=6, first_k_dense_replace=1, q_lora_rank=None,
            topk_method="greedy", n_group=1, topk_group=1, norm_topk_prob=False, scoring_func="softmax",
            routed_scaling_factor=1.0),
        ("15.7", "2.7"),  # the paper says 2.4, without the embedding
    ),
    "DeepSeek-V2": (
        dict(model_type="deepseek_v2", vocab_size=102400, hidden_size=5120, intermediate_size=12288,
            moe_intermediate_size=1536, num_hidden_layers=60, num_attention_heads=128, num_key_value_heads=128,
            n_shared_experts=2, n_routed_experts=160, num_experts_per_tok=6, first_k_dense_replace=1, q_lora_rank=1536,
            topk_method="group_limited_greedy", n_group=8, topk_group=3, norm_topk_prob=False, scoring_func="softmax",
            routed_scaling_factor=16.0),
        ("235.7", "21.4"),
    ),
    "DeepSeek-V3": (
        dict(model_type="deepseek_v3", vocab_size=129280, hidden_size=7168, intermediate_size=18432,
            moe_intermediate_size=2048, num_hidden_layers=61, num_attention_heads=128, num_key_value_heads=128,
            n_shared_experts=1, n_routed_experts=256, num_experts_per_tok=8, first_k_dense_replace=3, q_lora_rank=1536,
            topk_method="noaux_tc", n_group=8, topk_group=4, norm_topk_prob=True, scoring_func="sigmoid",
            routed_scaling_factor=2.5, num_nextn_predict_layers=1),
        ("671.0", "37.6"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name):
    """In thousands of millions, to one decimal."""
    values, stated = PUBLISHED[name]
    counted = accounting.model_parameters(recognise(Settings(SHARED | values)).config)
    assert tuple(f"{count / 1e9:.1f}" for count in counted) == stated


def test_look_tells_of_experts(tmp_path):
    values, _ = PUBLISHED["DeepSeek-V3"]
    (tmp_path / "config.json").write_text(json.dumps(SHARED | values))
    said = dict(look(tmp_path))
    assert said["experts"] == (
        "58 layers: 8 of 256 of width 2,048, from 4 of 8 groups, scored by sigmoid; 1 more for every token"
    )
    assert said["parameters"].startswith("671,026,419,200: ") and "37,55" in said["parameters"]


SIZES = dict(vocab_size=29, n_layers=3, attention=GroupedConfig(d_model=14, n_heads=2), d_ff=20, feedforward="swiglu")
MIXED = SigmoidExperts(routed=6, chosen=2, d_ff=5, shared=1, groups=3, chosen_groups=2)
MODELS = {
    "sigmoid": ModelConfig(**SIZES, experts=MIXED),
    "softmax": ModelConfig(
        **SIZES, experts=SoftmaxExperts(routed=4, chosen=1, d_ff=5, first=2), norm="rms", tied=False
    ),
    "dense": ModelConfig(**SIZES, placement="peri", positions="learned", max_length=30, output_bias=True),
    "plain": ModelConfig(**SIZES | {"feedforward": "gelu"}, placement="post", embedding_norm=True, tied=False),
}


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_counted(name):
    """Also those of models without experts, which are all active."""
    config = MODELS[name]
    total, active = accounting.model_parameters(config)
    assert total == sum(p.numel() for p in DecoderModel(config).parameters())
    unused = 0 if config.experts is None else (config.experts.routed - config.experts.chosen) * 3 * 14 * 5
    assert total - active == unused * (0 if config.experts is None else 3 - config.experts.first)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    assert new_model(describe_model(EncoderModel(MODELS["softmax"]))).config == MODELS["softmax"]


@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_a_mixture_decodes_as_it_trains(name):
    torch.manual_seed(0)
    model = DecoderModel(MODELS[name]).double().eval()
    with torch.no_grad():
        want, caches = model(tokens()), model.new_caches()
        torch.testing.assert_close(model.prefill(tokens()[:, :4], caches), want[:, 3], **EXACT)
        for i in range(4, N):
            torch.testing.assert_close(model.decode(tokens()[:, i : i + 1], caches), want[:, i], **EXACT)


def test_a_step_reads_the_experts_of_its_tokens():
    """Of 6 experts a token passes 2, two tokens up to 4, and four tokens all 6."""
    config, expert = MODELS["sigmoid"], 3 * 14 * 5
    read = [accounting.model_decode(config, 5, batch=b, dtype="int8").bytes_by_part["weights"] for b in (1, 2, 3, 4)]
    assert [more - read[0] for more in read] == [0, 3 * 2 * expert, 3 * 4 * expert, 3 * 4 * expert]
    flops = [accounting.model_decode(config, 5, batch=b).flops_by_part["feed_forward"] for b in (1, 4)]
    assert flops == [2 * 3 * (14 * 6 + 3 * expert), 8 * 3 * (14 * 6 + 3 * expert)]
