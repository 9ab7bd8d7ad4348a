"""Llama, Mistral, Qwen2, Qwen3 and SmolLM: one architecture with small differences in attention."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from course_lib.config import GroupedConfig, LatentConfig, ModelConfig
from course_lib.models.decoder import DecoderModel
from course_lib.models.pretrained.rotary import longest_text, rope
from course_lib.models.pretrained.rules import Family, Order, Rule, copied, linear, neighbours, norm, same
from course_lib.models.pretrained.settings import Settings
from course_lib.models.pretrained.windows import mistral_window, no_window, qwen_window

WITHOUT_EFFECT = "cross_attention_hidden_size is_decoder max_sequence_length pad_token_id"
FREQUENCIES = r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq"  # of the rotation; early files hold them


@dataclass(frozen=True)
class Kind:
    """How one architecture differs from the others, and the keys of config.json that it does not read."""

    window: Callable[[Settings], int | None]
    without_effect: str
    biases: tuple[bool, bool] | None = None  # on Q, K, V and on the output; None: as attention_bias says
    kv_heads: int | None = None  # where config.json does not say; None: as many as query heads
    d_head: int | None = None  # likewise; None: d_model / n_heads
    qk_norm: bool = False


KINDS = {
    "llama": Kind(no_window, "rope_interleaved"),
    "mistral": Kind(mistral_window, "attention_bias max_window_layers use_sliding_window", (False, False), kv_heads=8),
    "qwen2": Kind(qwen_window, "attention_bias", (True, False), kv_heads=32),
    "qwen3": Kind(qwen_window, "", kv_heads=32, d_head=128, qk_norm=True),
}


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type llama, mistral, qwen2 or qwen3."""
    kind = KINDS[settings.get("model_type")]
    settings.ignore(kind.without_effect)
    biases = kind.biases or (settings.flag("attention_bias", False),) * 2
    attention = attention_config(settings, kind, biases[0])
    config = model_config(settings, attention)
    rules = outer_rules(config)
    for i in range(config.n_layers):
        theirs, ours = f"model.layers.{i}", f"blocks.{i}"
        rules += attention_rules(f"{theirs}.self_attn", f"{ours}.attention", attention, biases[1])
        rules += block_rules(theirs, ours, config)
    return decoder(config, rules)


def attention_config(settings: Settings, kind: Kind, bias: bool) -> GroupedConfig:
    """The config of grouped attention, the same in each layer."""
    heads, d = settings.integer("num_attention_heads"), settings.integer("hidden_size")
    kv_heads = heads if settings.is_null("num_key_value_heads") else kind.kv_heads or heads
    return GroupedConfig(
        d_model=d,
        n_heads=heads,
        n_kv_heads=settings.integer("num_key_value_heads", kv_heads),
        d_head=settings.integer("head_dim", kind.d_head or max(d // heads, 1)),
        rope=rope(settings),
        qk_norm=kind.qk_norm,
        qk_norm_eps=settings.number("rms_norm_eps", 1e-6),
        bias=bias,
        window=kind.window(settings),
    )


def model_config(settings: Settings, attention: GroupedConfig | LatentConfig) -> ModelConfig:
    """The config of a decoder with Llama's parts and the given attention."""
    settings.ignore(WITHOUT_EFFECT)
    settings.must_be("mlp_bias", False, "SwiGLU has no biases")
    settings.choice("hidden_act", {"silu": "silu", "swish": "silu"}, "silu")
    return ModelConfig(
        vocab_size=settings.integer("vocab_size"),
        n_layers=settings.integer("num_hidden_layers"),
        attention=attention,
        d_ff=settings.integer("intermediate_size"),
        feedforward="swiglu",
        norm="rms",
        norm_eps=settings.number("rms_norm_eps", 1e-6),
        max_length=longest_text(attention.rope, settings.integer("max_position_embeddings")),
        tied=settings.flag("tie_word_embeddings", False),
    )


def decoder(config: ModelConfig, rules: list[Rule], unused: str = FREQUENCIES) -> Family:
    """The family of a decoder whose tensors have Llama's names."""
    copies = {"lm_head.weight": "model.embed_tokens.weight"} if config.tied else {}
    return Family(DecoderModel, config, rules, "model.", ("lm_head.",), copies, unused)


def outer_rules(config: ModelConfig) -> list[Rule]:
    """The rules of embedding, last norm and output."""
    table = (config.vocab_size, config.d_model)
    rules = [
        copied("model.embed_tokens.weight", table, "embedding.W_E"),
        *norm("model.norm", config.d_model, "norm", shift=False),
    ]
    return rules if config.tied else [*rules, linear("lm_head.weight", table, "unembedding.W_U")]


def block_rules(theirs: str, ours: str, config: ModelConfig) -> list[Rule]:
    """The rules of a layer without its attention."""
    network = feed_forward_rules(f"{theirs}.mlp", f"{ours}.feed_forward", config.d_model, config.d_ff)
    return norm_rules(theirs, ours, config) + network


def norm_rules(theirs: str, ours: str, config: ModelConfig) -> list[Rule]:
    """The rules of the norms in front of both sublayers."""
    return [
        *norm(f"{theirs}.input_layernorm", config.d_model, f"{ours}.around_attention.norm", shift=False),
        *norm(f"{theirs}.post_attention_layernorm", config.d_model, f"{ours}.around_feed_forward.norm", shift=False),
    ]


def feed_forward_rules(theirs: str, ours: str, d: int, d_ff: int) -> list[Rule]:
    """The rules of a gated feed-forward network."""
    return [
        linear(f"{theirs}.gate_proj.weight", (d_ff, d), f"{ours}.W_gate"),
        linear(f"{theirs}.up_proj.weight", (d_ff, d), f"{ours}.W_up"),
        linear(f"{theirs}.down_proj.weight", (d, d_ff), f"{ours}.W_down"),
    ]


def attention_rules(theirs: str, ours: str, config: GroupedConfig, output_bias: bool, gain: Order = same) -> list[Rule]:
    """The rules of one layer's attention. Coordinates of queries and keys are reordered, from halves to pairs.

    gain: makes the gains of QK-norm from the numbers in the file.
    """
    d, e = config.d_model, config.d_head
    projections = {
        "q_proj": ("Q", config.n_heads),
        "k_proj": ("K", config.n_kv_heads),
        "v_proj": ("V", config.n_kv_heads),
    }
    rules = [linear(f"{theirs}.o_proj.weight", (d, config.n_heads * e), f"{ours}.W_O")]
    for name, (letter, heads) in projections.items():
        order = same if letter == "V" else partial(neighbours, heads=heads)
        rules.append(linear(f"{theirs}.{name}.weight", (heads * e, d), f"{ours}.W_{letter}", order))
        if config.bias:
            rules.append(copied(f"{theirs}.{name}.bias", (heads * e,), f"{ours}.b_{letter}", order))
        if config.qk_norm and letter != "V":
            gamma = f"{theirs}.{letter.lower()}_norm.weight"
            rules.append(copied(gamma, (e,), f"{ours}.norm_{letter}.gamma", lambda x: neighbours(gain(x), heads=1)))
    if config.bias and output_bias:
        rules.append(copied(f"{theirs}.o_proj.bias", (d,), f"{ours}.b_O"))
    elif config.bias:  # our layer has all four biases or none
        rules.append(Rule({}, (f"{ours}.b_O",), lambda: (torch.zeros(d),)))
    return rules
