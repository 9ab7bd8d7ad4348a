"""DeepSeek-V2 and V3: latent attention in a decoder with Llama's other parts, and with mixtures of experts."""

from dataclasses import replace
from functools import partial

from torch import Tensor

from course_lib.config import LatentConfig
from course_lib.models.pretrained.experts import experts_config, experts_rules
from course_lib.models.pretrained.llama import decoder, feed_forward_rules, model_config, norm_rules, outer_rules
from course_lib.models.pretrained.rotary import rope, rope_settings, rope_type
from course_lib.models.pretrained.rules import Family, Rule, copied, linear, neighbours
from course_lib.models.pretrained.settings import Settings
from course_lib.rope import yarn_amplitude

WITHOUT_EFFECT = "qk_head_dim"


def family(settings: Settings) -> Family:
    """The family of a config.json with model_type deepseek_v2 or deepseek_v3."""
    settings.ignore(WITHOUT_EFFECT)
    attention = attention_config(settings)
    pairs = in_pairs(settings)
    config = replace(model_config(settings, attention), experts=experts_config(settings))
    rules = outer_rules(config)
    for i in range(config.n_layers):
        theirs, ours = f"model.layers.{i}", f"blocks.{i}"
        rules += attention_rules(f"{theirs}.self_attn", f"{ours}.attention", attention, pairs)
        rules += norm_rules(theirs, ours, config)
        if config.experts is not None and i >= config.experts.first:
            rules += experts_rules(f"{theirs}.mlp", f"{ours}.feed_forward", config)
        else:
            rules += feed_forward_rules(f"{theirs}.mlp", f"{ours}.feed_forward", config.d_model, config.d_ff)
    # V3 comes with layers behind the last that predict further tokens; their number has two names.
    beyond = settings.integer("num_nextn_predict_layers", settings.integer("num_mtp_layers", 0, least=0), least=0)
    numbers = "|".join(str(config.n_layers + i) for i in range(beyond))
    return decoder(config, rules, rf"model\.layers\.({numbers})\..*" if numbers else "(?!)")


def attention_config(settings: Settings) -> LatentConfig:
    """The config of latent attention, the same in each layer."""
    heads, rotary = settings.integer("num_attention_heads"), settings.integer("qk_rope_head_dim")
    content, queries = settings.integer("qk_nope_head_dim"), settings.integer("q_lora_rank", 1536)
    settings.must_be("attention_bias", False, "latent attention has no biases")
    settings.must_be("num_key_value_heads", heads, "each of num_attention_heads has keys of its own")
    settings.must_be("head_dim", rotary, "it is the width that is turned, qk_rope_head_dim")
    return LatentConfig(
        d_model=settings.integer("hidden_size"),
        n_heads=heads,
        d_latent=settings.integer("kv_lora_rank"),
        d_head=content,
        d_value=settings.integer("v_head_dim"),
        d_rope=rotary,
        d_latent_q=None if settings.is_null("q_lora_rank") else queries,
        rope=rope(settings),
        latent_norm=True,  # with eps 1e-6 whatever rms_norm_eps says, as in transformers
        scale=logit_factor(settings) * (content + rotary) ** -0.5,
    )


def in_pairs(settings: Settings) -> bool:
    """Whether the coordinates of a rotary pair are neighbours; if not, half a width apart. In V3 null means false."""
    if settings.get("model_type") == "deepseek_v2":
        return True
    return settings.flag("rope_interleave", True) and not settings.is_null("rope_interleave")


def logit_factor(settings: Settings) -> float:
    """The factor of the logits: mscale**2 when mscale_all_dim is given with scaled rotary positions, else 1.

    mscale is YaRN's amplitude with mscale_all_dim as its share. The amplitude of `YarnRope` acts on rotary queries and
    keys alone, this factor on the whole logit (DeepSeek-V2's code; arXiv 2405.04434, section 3.1.4, on extension).
    """
    inner = rope_settings(settings)
    share = inner.number("mscale_all_dim", 0.0)
    if rope_type(inner) == "default" or share == 0:
        return 1.0
    return yarn_amplitude(inner.number("factor"), share) ** 2


def attention_rules(theirs: str, ours: str, config: LatentConfig, pairs: bool) -> list[Rule]:
    """The rules of one layer's attention. `pairs`: as `in_pairs` says; if false, rotary coordinates are reordered."""
    d, h, r, r_q = config.d_model, config.n_heads, config.d_latent, config.d_latent_q
    queries = "q_proj" if r_q is None else "q_b_proj"
    split = partial(by_head, heads=h, first=config.d_head)

    def turned(*parts: Tensor, heads: int) -> tuple[Tensor, Tensor]:
        content, rotary = parts
        return content.T, (rotary if pairs else neighbours(rotary, heads)).T

    rules = [
        Rule(
            {f"{theirs}.{queries}.weight": (h * config.d_qk, r_q or d)},
            (f"{ours}.{'W_Q' if r_q is None else 'W_LQQ'}", f"{ours}.W_QR"),
            lambda W: turned(*split(W), heads=h),
        ),
        Rule(
            {f"{theirs}.kv_a_proj_with_mqa.weight": (r + config.d_rope, d)},
            (f"{ours}.W_L", f"{ours}.W_KR"),
            lambda W: turned(W[:r], W[r:], heads=1),
        ),
        Rule(
            {f"{theirs}.kv_b_proj.weight": (h * (config.d_head + config.d_value), r)},
            (f"{ours}.W_LK", f"{ours}.W_LV"),
            lambda W: tuple(part.T for part in split(W)),
        ),
        copied(f"{theirs}.kv_a_layernorm.weight", (r,), f"{ours}.norm_L.gamma"),
        linear(f"{theirs}.o_proj.weight", (d, h * config.d_value), f"{ours}.W_O"),
    ]
    if r_q is not None:
        rules.append(linear(f"{theirs}.q_a_proj.weight", (r_q, d), f"{ours}.W_LQ"))
        rules.append(copied(f"{theirs}.q_a_layernorm.weight", (r_q,), f"{ours}.norm_LQ.gamma"))
    return rules


def by_head(W: Tensor, heads: int, first: int) -> tuple[Tensor, Tensor]:
    """Rows (heads (first + second), inputs) -> (heads first, inputs) and (heads second, inputs)."""
    W = W.unflatten(0, (heads, -1))
    return W[:, :first].flatten(0, 1), W[:, first:].flatten(0, 1)
