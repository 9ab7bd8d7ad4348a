"""MiniCPM3: DeepSeek's latent attention in dense layers, with three constant factors (MiniCPM, arXiv 2404.06395).

Embeddings are multiplied by scale_emb. What each sublayer adds is multiplied by scale_depth / sqrt(layers), and the
last rows by dim_model_base / hidden_size. The last two are linear in parameters, so that we store W_O, W_down and the
last gamma with their factor.
"""

from dataclasses import replace

from course_lib.models.pretrained.deepseek import attention_config, attention_rules
from course_lib.models.pretrained.llama import block_rules, decoder, model_config, outer_rules
from course_lib.models.pretrained.rules import Family, Rule
from course_lib.models.pretrained.settings import Settings

WITHOUT_EFFECT = "qk_head_dim"
# Those of transformers, of the sizes of MiniCPM3-4B.
DEFAULTS = {
    "vocab_size": 73_448, "hidden_size": 2560, "intermediate_size": 6400, "num_hidden_layers": 62,
    "num_attention_heads": 40, "max_position_embeddings": 32_768, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
    "kv_lora_rank": 256, "q_lora_rank": 768, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32,
}  # fmt: skip


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type minicpm3."""
    settings.fill(DEFAULTS)
    settings.ignore(WITHOUT_EFFECT)
    width, layers = settings.integer("hidden_size"), settings.integer("num_hidden_layers")
    settings.fill({"v_head_dim": width // settings.integer("num_attention_heads")})
    config = model_config(settings, attention_config(settings))
    config = replace(config, embedding_scale=settings.number("scale_emb", 12.0, above=0))
    added = last = 1.0  # what null means
    if not settings.is_null("scale_depth"):
        added = settings.number("scale_depth", 1.4, above=0) / layers**0.5
    if not settings.is_null("dim_model_base"):
        last = settings.integer("dim_model_base", 256) / width
    rules = outer_rules(config)
    for i in range(layers):
        theirs, ours = f"model.layers.{i}", f"blocks.{i}"
        rules += attention_rules(f"{theirs}.self_attn", f"{ours}.attention", config.attention, pairs=False)
        rules += block_rules(theirs, ours, config)
    factors = {"W_O": added, "W_down": added, "norm.gamma": last}
    return decoder(config, [multiplied(rule, factors) for rule in rules])


def multiplied(rule: Rule, factors: dict[str, float]) -> Rule:
    """The rule with its parameter multiplied by the factor of its name: the whole name, or the part after a point."""
    (name, *others) = rule.targets
    factor = factors.get(name, factors.get(name.rpartition(".")[2], 1.0))
    if others or factor == 1:
        return rule
    return replace(rule, convert=lambda x: (factor * rule.convert(x)[0].float(),), place=None)
