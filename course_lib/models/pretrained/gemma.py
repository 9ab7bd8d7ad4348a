"""Gemma 3, as a text model or as the text part of a model that also reads images (arXiv 2503.19786).

Norms stand on both sides of each sublayer (Peri-LN, paper, section 4). Queries and keys are normalised. Five of six
layers are local: they have a window, and rotary positions of another base. Logits are scaled by query_pre_attn_scalar,
which is not the width of a head in the model of 27 billion parameters. A norm multiplies by 1 + weight; we store the
sum as gamma.
"""

from dataclasses import replace

from course_lib.config import GroupedConfig, LocalLayers, ModelConfig, require
from course_lib.models.pretrained.config_keys import read_common
from course_lib.models.pretrained.llama import attention_rules, decoder, feed_forward_rules
from course_lib.models.pretrained.rotary import ropes_by_kind
from course_lib.models.pretrained.rules import Family, Rule, copied, linear, plus_one
from course_lib.models.pretrained.settings import Settings
from course_lib.models.pretrained.windows import WHOLE, WINDOWED, local_layers

WITHOUT_EFFECT = "cache_implementation cross_attention_hidden_size is_decoder pad_token_id"
# Of the whole model: which tokens stand for images, and how images are read.
ABOUT_IMAGES = """
    boi_token_id boi_token_index eoi_token_id eoi_token_index image_token_id image_token_index mm_tokens_per_image
    pad_token_id vision_config
"""
IMAGE_PARTS = r"model\.(vision_tower|multi_modal_projector)\..*"
# The text model's place in the whole one: in published files, and in transformers itself.
PLACES = ((r"language_model\.", ""), (r"model\.language_model\.", "model."))
GATES = {"gelu_pytorch_tanh": "geglu", "gelu_new": "geglu"}
AROUND = {
    "input_layernorm": "around_attention.before",
    "post_attention_layernorm": "around_attention.after",
    "pre_feedforward_layernorm": "around_feed_forward.before",
    "post_feedforward_layernorm": "around_feed_forward.after",
}


def text_family(settings: Settings) -> Family:
    """The family of a config.json with model_type gemma3, whose text part alone is used."""
    values = settings.get("text_config")
    require(isinstance(values, dict), f"text_config in config.json must be an object, got {values!r}")
    settings.ignore(ABOUT_IMAGES)
    settings.must_be("tie_word_embeddings", True, "the whole model ties them")
    text = Settings(values, "text_config.")
    read_common(text)
    text.must_be("tie_word_embeddings", True, "the whole model ties them")
    found = family(text)
    text.require_known()
    return replace(found, renamed=PLACES, unused=IMAGE_PARTS)


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type gemma3_text."""
    config = model_config(settings)
    d, table = config.d_model, (config.vocab_size, config.d_model)
    rules = [copied("model.embed_tokens.weight", table, "embedding.W_E"), norm("model.norm", d, "norm")]
    if not config.tied:
        rules.append(linear("lm_head.weight", table, "unembedding.W_U"))
    for i, attention in enumerate(config.attentions):
        theirs, ours = f"model.layers.{i}", f"blocks.{i}"
        rules += [norm(f"{theirs}.{name}", d, f"{ours}.{place}") for name, place in AROUND.items()]
        rules += attention_rules(f"{theirs}.self_attn", f"{ours}.attention", attention, attention.bias, plus_one)
        rules += feed_forward_rules(f"{theirs}.mlp", f"{ours}.feed_forward", d, config.d_ff)
    return decoder(config, rules)


def norm(theirs: str, width: int, ours: str) -> Rule:
    """The rule for gamma of a norm that multiplies by 1 + weight."""
    return copied(f"{theirs}.weight", (width,), f"{ours}.gamma", plus_one)


def model_config(settings: Settings) -> ModelConfig:
    """The config of the decoder, with the defaults of transformers."""
    settings.ignore(WITHOUT_EFFECT)
    for key in ("final_logit_softcapping", "attn_logit_softcapping"):
        settings.must_be(key, None, "logits are not capped here")
    settings.must_be("use_bidirectional_attention", False, "a token sees those before it")
    n_layers, width = settings.integer("num_hidden_layers", 26), settings.integer("hidden_size", 2304)
    attention, local = attention_configs(settings, width, n_layers)
    return ModelConfig(
        vocab_size=settings.integer("vocab_size", 262_208),
        n_layers=n_layers,
        attention=attention,
        local=local,
        d_ff=settings.integer("intermediate_size", 9216),
        feedforward=settings.choice("hidden_activation", GATES, "gelu_pytorch_tanh"),
        norm="rms",
        norm_eps=settings.number("rms_norm_eps", 1e-6),
        placement="peri",
        max_length=settings.integer("max_position_embeddings", 131_072),
        tied=settings.flag("tie_word_embeddings", True),
        embedding_scale=width**0.5,
    )


def attention_configs(settings: Settings, width: int, n_layers: int) -> tuple[GroupedConfig, LocalLayers | None]:
    """The attention of layers that see all tokens, and the local layers; if all are local, theirs and None."""
    numbers, ropes = local_layers(settings, n_layers), ropes_by_kind(settings)
    whole = GroupedConfig(
        d_model=width,
        n_heads=settings.integer("num_attention_heads", 8),
        n_kv_heads=settings.integer("num_key_value_heads", 4),
        d_head=settings.integer("head_dim", 256),
        rope=ropes[WHOLE],
        qk_norm=True,
        qk_norm_eps=settings.number("rms_norm_eps", 1e-6),
        bias=settings.flag("attention_bias", False),
        scale=settings.number("query_pre_attn_scalar", 256.0, above=0) ** -0.5,
    )
    local = replace(whole, rope=ropes[WINDOWED], window=settings.integer("sliding_window", 4096))
    if len(numbers) == n_layers:
        return local, None
    return whole, LocalLayers(attention=local, layers=numbers) if numbers else None
