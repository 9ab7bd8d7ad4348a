"""GPT-2: learned positions, Pre-LN, and a Conv1D that keeps W (inputs, outputs) as the course does."""

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models.decoder import DecoderModel
from course_lib.models.pretrained.rules import Family, Rule, copied, linear, norm
from course_lib.models.pretrained.settings import Settings

# Settings of dropout, of a head for whole texts, of the order of one product; and n_ctx, which repeats n_positions.
WITHOUT_EFFECT = """
    attn_pdrop embd_pdrop is_decoder n_ctx pad_token_id predict_special_tokens reorder_and_upcast_attn resid_pdrop
    summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj
"""
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "relu": "relu"}


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type gpt2."""
    config = model_config(settings)
    d = config.d_model
    rules = [
        copied("transformer.wte.weight", (config.vocab_size, d), "embedding.W_E"),
        copied("transformer.wpe.weight", (config.max_length, d), "embedding.W_P"),
        *norm("transformer.ln_f", d, "norm", shift=True),
    ]
    for i in range(config.n_layers):
        rules += block(f"transformer.h.{i}", f"blocks.{i}", d, config.d_ff)
    if not config.tied:
        rules.append(linear("lm_head.weight", (config.vocab_size, d), "unembedding.W_U"))
    return Family(
        DecoderModel,
        config,
        rules,
        prefix="transformer.",
        heads=("lm_head.",),
        copies={"lm_head.weight": "transformer.wte.weight"} if config.tied else {},
        unused=r"transformer\.h\.\d+\.attn\.(bias|masked_bias)",  # the causal mask, which early files hold
    )


def model_config(settings: Settings) -> ModelConfig:
    """The config of the decoder. Raises ValueError for settings that the course's models lack."""
    settings.ignore(WITHOUT_EFFECT)
    settings.must_be("scale_attn_by_inverse_layer_idx", False, "the scale is the same in all layers")
    d, h = settings.integer("n_embd"), settings.integer("n_head")
    scale = None if settings.flag("scale_attn_weights", True) else 1.0
    return ModelConfig(
        vocab_size=settings.integer("vocab_size"),
        n_layers=settings.integer("n_layer"),
        attention=GroupedConfig(d_model=d, n_heads=h, bias=True, scale=scale),
        d_ff=settings.integer("n_inner", 4 * d),
        feedforward=settings.choice("activation_function", ACTIVATIONS, "gelu_new"),
        norm_eps=settings.number("layer_norm_epsilon", 1e-5),
        positions="learned",
        max_length=settings.integer("n_positions"),
        tied=settings.flag("tie_word_embeddings", True),
    )


def block(theirs: str, ours: str, d: int, d_ff: int) -> list[Rule]:
    """One layer. W_Q, W_K and W_V stand side by side in one matrix."""
    a, f = f"{ours}.attention", f"{ours}.feed_forward"
    thirds = lambda x: x.chunk(3, -1)  # noqa: E731
    return [
        *norm(f"{theirs}.ln_1", d, f"{ours}.around_attention.norm", shift=True),
        *norm(f"{theirs}.ln_2", d, f"{ours}.around_feed_forward.norm", shift=True),
        Rule({f"{theirs}.attn.c_attn.weight": (d, 3 * d)}, tuple(f"{a}.W_{x}" for x in "QKV"), thirds),
        Rule({f"{theirs}.attn.c_attn.bias": (3 * d,)}, tuple(f"{a}.b_{x}" for x in "QKV"), thirds),
        copied(f"{theirs}.attn.c_proj.weight", (d, d), f"{a}.W_O"),
        copied(f"{theirs}.attn.c_proj.bias", (d,), f"{a}.b_O"),
        copied(f"{theirs}.mlp.c_fc.weight", (d, d_ff), f"{f}.W_1"),
        copied(f"{theirs}.mlp.c_fc.bias", (d_ff,), f"{f}.b_1"),
        copied(f"{theirs}.mlp.c_proj.weight", (d_ff, d), f"{f}.W_2"),
        copied(f"{theirs}.mlp.c_proj.bias", (d,), f"{f}.b_2"),
    ]
