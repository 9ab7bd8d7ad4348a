"""DeepSeek-V2 and V3: latent attention in a decoder with Llama's other parts. Layers must be dense."""

from functools import partial

from torch import Tensor

from course_lib.config import LatentConfig, require
from course_lib.models.pretrained.llama import block_rules, decoder, model_config, outer_rules
from course_lib.models.pretrained.rules import Family, Rule, copied, linear, neighbours
from course_lib.models.pretrained.settings import Settings


def family(settings: Settings) -> Family:
    """Of config.json with model_type deepseek_v2 or deepseek_v3."""
    check_dense(settings)
    settings.must_be("attention_bias", False, "latent attention has no biases")
    attention = LatentConfig(
        d_model=settings.integer("hidden_size"),
        n_heads=settings.integer("num_attention_heads"),
        d_latent=settings.integer("kv_lora_rank"),
        d_head=settings.integer("qk_nope_head_dim"),
        d_value=settings.integer("v_head_dim"),
        d_rope=settings.integer("qk_rope_head_dim"),
        d_latent_q=settings.integer("q_lora_rank") if "q_lora_rank" in settings else None,
        rope=settings.rope(),
        latent_norm=True,  # with eps 1e-6 whatever rms_norm_eps says, here as there
    )
    pairs = settings.get("model_type") == "deepseek_v2" or settings.flag("rope_interleave", True)
    config = model_config(settings, attention)
    rules = outer_rules(config)
    for i in range(config.n_layers):
        theirs, ours = f"model.layers.{i}", f"blocks.{i}"
        rules += attention_rules(f"{theirs}.self_attn", f"{ours}.attention", attention, pairs)
        rules += block_rules(theirs, ours, config)
    # V3 comes with layers behind the last that predict a second token.
    beyond = settings.values.get("num_nextn_predict_layers", 0)
    numbers = "|".join(str(config.n_layers + i) for i in range(beyond if isinstance(beyond, int) else 0))
    return decoder(config, rules, rf"model\.layers\.({numbers})\..*" if numbers else "(?!)")


def check_dense(settings: Settings) -> None:
    """No layer may be a mixture of experts."""
    layers, dense = settings.integer("num_hidden_layers"), settings.values.get("first_k_dense_replace", 0)
    require(isinstance(dense, int), f"first_k_dense_replace in config.json must be an integer, got {dense!r}")
    experts = settings.values.get("n_routed_experts", 0)
    require(
        not experts or dense >= layers,
        f"every layer must be dense, but layer {dense} of {layers} is a mixture of {experts} experts "
        f"(first_k_dense_replace = {dense} in config.json)",
    )


def attention_rules(theirs: str, ours: str, config: LatentConfig, pairs: bool) -> list[Rule]:
    """Latent attention. `pairs`: rotary coordinates stand as here; otherwise in halves."""
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
