"""Llama, Mistral, Qwen2, Qwen3 and SmolLM: one architecture with small differences in attention."""

from functools import partial

import torch

from course_lib.config import GroupedConfig, LatentConfig, Llama3Rope, ModelConfig, require
from course_lib.models.decoder import DecoderModel
from course_lib.models.pretrained.rotary import rope
from course_lib.models.pretrained.rules import Family, Rule, copied, linear, neighbours, norm, same
from course_lib.models.pretrained.settings import Settings

# Keys without effect in all of them; others that transformers passes over where the architecture decides.
WITHOUT_EFFECT = "cross_attention_hidden_size is_decoder max_sequence_length"
DECIDED = {
    "llama": "rope_interleaved",
    "mistral": "attention_bias max_window_layers mlp_bias use_sliding_window",
    "qwen2": "attention_bias mlp_bias",
    "qwen3": "mlp_bias",
}
# What a config.json leaves out is as in transformers. None: as many as there are queries.
KV_HEADS = {"llama": None, "mistral": 8, "qwen2": 32, "qwen3": 32}
# Biases on Q, K, V and on the output, where the architecture and not config.json says so.
FIXED_BIASES = {"mistral": (False, False), "qwen2": (True, False)}
FREQUENCIES = r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq"  # of the rotation; early files hold them


def family(settings: Settings) -> Family:
    """Of config.json with model_type llama, mistral, qwen2 or qwen3."""
    kind = settings.get("model_type")
    settings.ignore(DECIDED[kind])
    biases = FIXED_BIASES.get(kind) or (settings.flag("attention_bias", False),) * 2
    if kind == "llama":
        settings.must_be("mlp_bias", False, "SwiGLU has no biases")
    heads, d = settings.integer("num_attention_heads"), settings.integer("hidden_size")
    kv_heads = None if settings.is_null("num_key_value_heads") else KV_HEADS[kind]
    attention = GroupedConfig(
        d_model=d,
        n_heads=heads,
        n_kv_heads=settings.integer("num_key_value_heads", kv_heads or heads),
        d_head=settings.integer("head_dim", 128 if kind == "qwen3" else max(d // heads, 1)),
        rope=rope(settings),
        qk_norm=kind == "qwen3",
        qk_norm_eps=settings.number("rms_norm_eps", 1e-6),
        bias=biases[0],
        window=WINDOWS[kind](settings),
    )
    config = model_config(settings, attention)
    rules = outer_rules(config)
    for i in range(config.n_layers):
        theirs, ours = f"model.layers.{i}", f"blocks.{i}"
        rules += attention_rules(f"{theirs}.self_attn", f"{ours}.attention", attention, biases[1])
        rules += block_rules(theirs, ours, config)
    return decoder(config, rules)


def no_window(settings: Settings) -> None:
    """Every token sees all before it."""


def mistral_window(settings: Settings) -> int | None:
    """The window of every layer. With layer_types transformers reads a file as Ministral's, which may mix them."""
    width, n_layers = stated_window(settings), settings.integer("num_hidden_layers")
    kind = "full_attention" if width is None else "sliding_attention"
    settings.must_be("layer_types", [kind] * n_layers, f"every layer has the window {width}")
    return width


def stated_window(settings: Settings) -> int | None:
    """What sliding_window says; null is none."""
    return None if settings.is_null("sliding_window") else settings.integer("sliding_window", 4096)


LAYERS = "layer_types in config.json, or those that max_window_layers gives,"


def qwen_window(settings: Settings) -> int | None:
    """The window of every layer. Raises ValueError when only some layers have one."""
    width, n_layers = stated_window(settings), settings.integer("num_hidden_layers")
    whole = settings.integer("max_window_layers", 28, least=0)  # so many layers from the first on see everything
    if not settings.flag("use_sliding_window", False):
        width = None
    windowed = ["full_attention" if width is None or i < whole else "sliding_attention" for i in range(n_layers)]
    kinds = settings.find("layer_types", windowed)
    good = isinstance(kinds, list) and len(kinds) == n_layers and kinds == kinds[:1] * n_layers
    require(good, f"{LAYERS} must be the same for all of {n_layers} layers, got {kinds!r}")
    allowed = ["full_attention"] if width is None else ["full_attention", "sliding_attention"]
    require(
        kinds[0] in allowed,
        f"{LAYERS} must be {' or '.join(allowed)} with a window of {width}, got {kinds[0]!r}",
    )
    return width if kinds[0] == "sliding_attention" else None


WINDOWS = {"llama": no_window, "mistral": mistral_window, "qwen2": qwen_window, "qwen3": qwen_window}


def model_config(settings: Settings, attention: GroupedConfig | LatentConfig) -> ModelConfig:
    """What the attention variants have in common."""
    settings.ignore(WITHOUT_EFFECT)
    settings.choice("hidden_act", {"silu": "silu", "swish": "silu"}, "silu")
    # Some files state the longest text before positions are stretched, some after; the longer is allowed.
    stretched = 1.0 if isinstance(attention.rope, Llama3Rope) else max(attention.rope.factor, 1.0)
    return ModelConfig(
        vocab_size=settings.integer("vocab_size"),
        n_layers=settings.integer("num_hidden_layers"),
        attention=attention,
        d_ff=settings.integer("intermediate_size"),
        feedforward="swiglu",
        norm="rms",
        norm_eps=settings.number("rms_norm_eps", 1e-6),
        max_length=int(stretched * settings.integer("max_position_embeddings")),
        tied=settings.flag("tie_word_embeddings", False),
    )


def decoder(config: ModelConfig, rules: list[Rule], unused: str = FREQUENCIES) -> Family:
    """A decoder whose parts have Llama's names."""
    copies = {"lm_head.weight": "model.embed_tokens.weight"} if config.tied else {}
    return Family(DecoderModel, config, rules, "model.", ("lm_head.",), copies, unused)


def outer_rules(config: ModelConfig) -> list[Rule]:
    """Embedding, last norm and output."""
    table = (config.vocab_size, config.d_model)
    rules = [
        copied("model.embed_tokens.weight", table, "embedding.W_E"),
        *norm("model.norm", config.d_model, "norm", shift=False),
    ]
    return rules if config.tied else [*rules, linear("lm_head.weight", table, "unembedding.W_U")]


def block_rules(theirs: str, ours: str, config: ModelConfig) -> list[Rule]:
    """A layer without its attention."""
    d, d_ff, f = config.d_model, config.d_ff, f"{ours}.feed_forward"
    return [
        *norm(f"{theirs}.input_layernorm", d, f"{ours}.around_attention.norm", shift=False),
        *norm(f"{theirs}.post_attention_layernorm", d, f"{ours}.around_feed_forward.norm", shift=False),
        linear(f"{theirs}.mlp.gate_proj.weight", (d_ff, d), f"{f}.W_gate"),
        linear(f"{theirs}.mlp.up_proj.weight", (d_ff, d), f"{f}.W_up"),
        linear(f"{theirs}.mlp.down_proj.weight", (d, d_ff), f"{f}.W_down"),
    ]


def attention_rules(theirs: str, ours: str, config: GroupedConfig, output_bias: bool) -> list[Rule]:
    """Grouped attention; queries and keys from halves to pairs. Where only W_O has no bias, b_O is zero."""
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
            rules.append(copied(gamma, (e,), f"{ours}.norm_{letter}.gamma", partial(neighbours, heads=1)))
    if config.bias and output_bias:
        rules.append(copied(f"{theirs}.o_proj.bias", (d,), f"{ours}.b_O"))
    elif config.bias:
        rules.append(Rule({}, (f"{ours}.b_O",), lambda: (torch.zeros(d),)))
    return rules
