"""Read DeepSeek's mixtures of experts: their sizes and routing from config.json, and their tensors."""

from course_lib.config import ExpertsConfig, ModelConfig, SigmoidExperts, SoftmaxExperts, require
from course_lib.models.pretrained.llama import feed_forward_rules
from course_lib.models.pretrained.rules import Rule, copied, linear
from course_lib.models.pretrained.settings import Settings

# Settings of training, and of where experts are computed.
WITHOUT_EFFECT = "aux_loss_alpha ep_size output_router_logits router_aux_loss_coef seq_aux"
# Keys that dense layers do not use.
OF_EXPERTS = """
    moe_intermediate_size moe_layer_freq n_group n_routed_experts n_shared_experts norm_topk_prob num_experts
    num_experts_per_tok num_local_experts routed_scaling_factor scoring_func topk_group topk_method
"""
# The defaults of transformers.
V2 = {"first_k_dense_replace": 0, "n_routed_experts": 64, "n_shared_experts": 2, "moe_intermediate_size": 1407}
V2 |= {"routed_scaling_factor": 1.0, "norm_topk_prob": False, "topk_method": "greedy"}
V3 = {"first_k_dense_replace": 3, "n_routed_experts": 256, "n_shared_experts": 1, "moe_intermediate_size": 2048}
V3 |= {"routed_scaling_factor": 2.5, "norm_topk_prob": True, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4}


def experts_config(settings: Settings) -> ExpertsConfig | None:
    """The mixture of experts of DeepSeek-V2 or V3, or None if all layers are dense."""
    second = settings.get("model_type") == "deepseek_v2"
    settings.fill(V2 if second else V3)
    settings.ignore(WITHOUT_EFFECT)
    first, layers = settings.integer("first_k_dense_replace", least=0), settings.integer("num_hidden_layers")
    if first >= layers:
        settings.ignore(OF_EXPERTS)
        return None
    settings.must_be("moe_layer_freq", 1, "every layer behind the first ones has experts")
    for alias in ("num_experts", "num_local_experts"):
        settings.must_be(alias, settings.integer("n_routed_experts"), "it is another name of n_routed_experts")
    sizes = dict(
        routed=settings.integer("n_routed_experts"),
        chosen=settings.integer("num_experts_per_tok"),
        d_ff=settings.integer("moe_intermediate_size"),
        shared=settings.integer("n_shared_experts"),
        first=first,
        scale=settings.number("routed_scaling_factor", above=0),
    )
    return (softmax_experts if second else sigmoid_experts)(settings, sizes)


def softmax_experts(settings: Settings, sizes: dict) -> SoftmaxExperts:
    """DeepSeek-V2: groups are used if topk_method is group_limited_greedy."""
    settings.must_be("scoring_func", "softmax", "in DeepSeek-V2 scores are a softmax")
    settings.must_be("norm_topk_prob", False, "transformers does not divide the weights by their sum")
    method = settings.choice("topk_method", {name: name for name in ("greedy", "group_limited_greedy")})
    if method == "greedy":
        settings.ignore("n_group topk_group")
        return SoftmaxExperts(**sizes)
    return SoftmaxExperts(**sizes, **groups(settings))


def sigmoid_experts(settings: Settings, sizes: dict) -> SigmoidExperts:
    """DeepSeek-V3."""
    settings.must_be("scoring_func", "sigmoid", "in DeepSeek-V3 scores are sigmoids")
    settings.must_be("topk_method", "noaux_tc", "in DeepSeek-V3 a bias balances the experts")
    return SigmoidExperts(**sizes, **groups(settings), normalised=settings.flag("norm_topk_prob", True))


def groups(settings: Settings) -> dict[str, int]:
    """The groups of experts, and how many of them a token chooses from."""
    count, routed = settings.integer("n_group"), settings.integer("n_routed_experts")
    require(
        routed % count == 0, f"n_routed_experts in config.json must be a multiple of n_group = {count}, got {routed}"
    )
    return {"groups": count, "chosen_groups": settings.integer("topk_group")}


def experts_rules(theirs: str, ours: str, config: ModelConfig) -> list[Rule]:
    """The rules of router, experts and shared experts of one layer."""
    mixed, d = config.experts, config.d_model
    rules = [linear(f"{theirs}.gate.weight", (mixed.routed, d), f"{ours}.router.W_R")]
    if isinstance(mixed, SigmoidExperts):
        rules.append(copied(f"{theirs}.gate.e_score_correction_bias", (mixed.routed,), f"{ours}.router.b_R"))
    for j in range(mixed.routed):
        rules += feed_forward_rules(f"{theirs}.experts.{j}", f"{ours}.experts.{j}", d, mixed.d_ff)
    if mixed.shared:
        rules += feed_forward_rules(f"{theirs}.shared_experts", f"{ours}.shared", d, mixed.shared * mixed.d_ff)
    return rules
