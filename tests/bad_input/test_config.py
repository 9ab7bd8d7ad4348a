"""Settings of layers and models are refused when the config is made."""

from dataclasses import replace
from functools import partial

import pytest

from course_lib.config import (
    AlibiLatentConfig,
    DynamicRope,
    GroupedConfig,
    LatentConfig,
    Llama3Rope,
    LocalLayers,
    LongRope,
    ModelConfig,
    NormalisedKeysConfig,
    Rope,
    RotaryLatentConfig,
    RotatedKeysConfig,
    SigmoidExperts,
    SoftmaxExperts,
    TranslationConfig,
    YarnRope,
)
from course_lib.fields import from_fields
from course_lib.rope import rope_from_dict

GROUPED = GroupedConfig(d_model=24, n_heads=6)
PARTIAL = GroupedConfig(d_model=24, n_heads=6, d_head=5, rope=Rope(), turned=4)
LATENT = LatentConfig(d_model=24, n_heads=6, d_latent=5, d_head=4)
YARN, LONG = YarnRope(length=29, factor=4.0), LongRope(length=29, short=(1.0, 2.0), long=(3.0, 4.0))
MODEL = ModelConfig(vocab_size=29, n_layers=2, attention=GROUPED, d_ff=23, positions="learned", max_length=9)
SIGMOID = SigmoidExperts(routed=8, chosen=3, d_ff=5, groups=4, chosen_groups=2)
ONE_PAIR = LongRope(length=29, short=(1.0,), long=(3.0,))
NEAR = LocalLayers(attention=replace(GROUPED, window=3), layers=(1,))
EXPERTS = SoftmaxExperts(routed=8, chosen=3, d_ff=5, groups=4, chosen_groups=2)
SINUSOIDAL = replace(MODEL, positions="sinusoidal")
FIELDS = MODEL.as_dict()
POSITIVE, SCALE, FLAG = ("positive", "integer"), ("positive", "finite"), ("True", "False")


@pytest.mark.parametrize(
    "config, wrong, got, rule",
    [
        (GROUPED, {"d_model": 0}, "0", POSITIVE),
        (GROUPED, {"d_model": 24.0}, "24.0", POSITIVE),
        (GROUPED, {"n_heads": True}, "True", POSITIVE),
        (GROUPED, {"window": -3}, "-3", POSITIVE),
        (GROUPED, {"n_heads": 7, "n_kv_heads": None, "d_head": None}, "7", "d_model = 24"),
        (GROUPED, {"n_kv_heads": 4}, "4", "n_heads = 6"),
        (GROUPED, {"d_head": 5, "rope": Rope()}, "5", "even"),
        (GROUPED, {"dropout": 1.0}, "1.0", "[0, 1)"),
        (GROUPED, {"qk_norm_eps": -1e-9}, "-1e-09", ("finite", "negative")),
        (GROUPED, {"n_kv_heads": 0}, "0", POSITIVE),
        (GROUPED, {"bias": 1}, "1", FLAG),
        (GROUPED, {"qk_norm": None}, "None", FLAG),
        (GROUPED, {"scale": 0.0}, "0.0", SCALE),
        (GROUPED, {"scale": float("nan")}, "nan", SCALE),
        (LATENT, {"d_latent": None}, "None", POSITIVE),
        (LATENT, {"d_latent_q": 0}, "0", POSITIVE),
        (LATENT, {"window": 0}, "0", POSITIVE),
        (LATENT, {"d_value": 0}, "0", POSITIVE),
        (LATENT, {"latent_norm": 1}, "1", FLAG),
        (LATENT, {"dropout": -0.1}, "-0.1", "[0, 1)"),
        (LATENT, {"d_rope": 3}, "3", "even"),
        (LATENT, {"d_rope": -2}, "-2", "negative"),
        (LATENT, {"rope": Rope()}, "Rope(base=10000.0, factor=1.0)", "d_rope = 0"),
        (LATENT, {"scale": -1.0}, "-1.0", SCALE),
        (Rope(), {"base": 1.0}, "1.0", "1"),
        (Rope(), {"factor": 0.0}, "0.0", "positive"),
        (DynamicRope(length=9), {"length": 0}, "0", POSITIVE),
        (DynamicRope(length=9), {"factor": -1.0}, "-1.0", "positive"),
        (Llama3Rope(length=8), {"length": 8.0}, "8.0", POSITIVE),
        (Llama3Rope(length=8), {"low": 4.0}, "4.0", "high = 4.0"),
        (YARN, {"low": 40.0}, "40.0", "high = 32.0"),
        (YARN, {"length": 6}, "6", "2 pi low = 6.283"),
        (YARN, {"whole": 1}, "1", ("True", "False")),
        (YARN, {"amplitude": 0.0}, "0.0", ("positive", "finite")),
        (LONG, {"short": (1.0, 0.0)}, "0.0", ("positive", "finite")),
        (LONG, {"long": ("1", 2)}, "'1'", ("positive", "finite")),
        (LONG, {"short": (1.0,)}, ("1", "2"), "pair"),
        (LONG, {"length": 1, "amplitude": None}, "1", "1"),
        (LONG, {"amplitude": -1.0}, "-1.0", ("positive", "finite")),
        (GROUPED, {"turned": 2}, "2", "None"),
        (PARTIAL, {"turned": 3}, "3", ("even", "d_head = 5")),
        (PARTIAL, {"turned": 6}, "6", ("even", "d_head = 5")),
        (PARTIAL, {"turned": 0}, "0", ("even", "d_head = 5")),
        (MODEL, {"vocab_size": 0}, "0", POSITIVE),
        (MODEL, {"n_layers": True}, "True", POSITIVE),
        (MODEL, {"d_ff": 2.0}, "2.0", POSITIVE),
        (MODEL, {"max_length": -1}, "-1", POSITIVE),
        (MODEL, {"max_length": None}, (), "learned"),
        (MODEL, {"attention": {}}, "dict", ("GroupedConfig", "LatentConfig")),
        (MODEL, {"feedforward": "elu"}, "'elu'", ("relu", "gelu", "gelu_tanh", "swiglu", "geglu")),
        (MODEL, {"local": (0,)}, "tuple", ("LocalLayers", "None")),
        (MODEL, {"local": NEAR, "n_layers": 1}, "(1,)", ("0", "all")),
        (MODEL, {"local": NEAR, "attention": GroupedConfig(d_model=12, n_heads=6)}, ("24", "12"), "d_model"),
        (MODEL, {"experts": {"routed": 8}}, "dict", ("SoftmaxExperts", "SigmoidExperts", "None")),
        (MODEL, {"experts": EXPERTS}, "'gelu'", ("feedforward", "swiglu")),
        (MODEL, {"experts": replace(EXPERTS, first=2), "feedforward": "swiglu"}, "2", ("first", "n_layers = 2")),
        (EXPERTS, {"routed": 0}, "0", POSITIVE),
        (EXPERTS, {"shared": -1}, "-1", "negative"),
        (EXPERTS, {"first": 0.5}, "0.5", "negative"),
        (EXPERTS, {"routed": 9}, "9", "groups = 4"),
        (EXPERTS, {"chosen_groups": 5}, "5", "groups = 4"),
        (EXPERTS, {"chosen": 5}, "5", ("4", "groups")),
        (EXPERTS, {"scale": 0.0}, "0.0", SCALE),
        (SIGMOID, {"normalised": 1}, "1", FLAG),
        (SIGMOID, {"groups": 8, "chosen": 2}, "8 groups", "two"),
        (NEAR, {"layers": ()}, "()", ("rising", "0")),
        (NEAR, {"layers": (1, 0)}, "(1, 0)", ("rising", "0")),
        (NEAR, {"layers": (-1,)}, "(-1,)", ("rising", "0")),
        (NEAR, {"attention": None}, "NoneType", ("GroupedConfig", "LatentConfig")),
        (MODEL, {"norm": "batch"}, "'batch'", ("layer", "rms")),
        (MODEL, {"norm_eps": -1e-9}, "-1e-09", ("finite", "negative")),
        (MODEL, {"placement": "sandwich"}, "'sandwich'", ("post", "pre", "peri")),
        (MODEL, {"positions": "rotary"}, "'rotary'", ("none", "sinusoidal", "learned")),
        (MODEL, {"tied": 1}, "1", FLAG),
        (MODEL, {"ff_bias": 0}, "0", FLAG),
        (MODEL, {"output_bias": None}, "None", FLAG),
        (MODEL, {"embedding_norm": "rms"}, "'rms'", FLAG),
        (MODEL, {"embedding_scale": 0.0}, "0.0", SCALE),
        (MODEL, {"dropout": 1.0}, "1.0", "[0, 1)"),
    ],
)
def test_fields(refuses, config, wrong, got, rule):
    refuses(lambda: replace(config, **wrong), next(iter(wrong)), got, rule)


@pytest.mark.parametrize(
    "call, argument, got, rule",
    [
        (lambda: replace(SINUSOIDAL, attention=GroupedConfig(d_model=15, n_heads=3)), "d_model", "15", "even"),
        (lambda: DynamicRope(length=3).frequency(0, 2, 4), "width", "2", "2"),
        (lambda: LONG.require_width(6), "short", "2", ("long", "3 numbers", "width 6")),
        (lambda: replace(GROUPED, d_head=6, rope=LONG), "short", "2", ("long", "3 numbers", "width 6")),
        (lambda: replace(PARTIAL, turned=2, rope=LONG), "short", "2", ("long", "1 numbers", "width 2")),
        (lambda: replace(LATENT, d_rope=6, rope=LONG), "short", "2", ("long", "3 numbers", "width 6")),
        (lambda: rope_from_dict({"kind": "su"}), "kind", "'su'", ("linear", "dynamic", "llama3", "yarn", "longrope")),
        (lambda: from_fields(Rope, 3), "Rope", "3", "object"),
        (lambda: TranslationConfig(source=MODEL, target={}), "target", "dict", "ModelConfig"),
        (
            lambda: TranslationConfig(source=MODEL, target=replace(MODEL, feedforward="swiglu", experts=EXPERTS)),
            "target",
            "SoftmaxExperts",
            "experts",
        ),
        (lambda: TranslationConfig(source=replace(MODEL, local=NEAR), target=MODEL), "source", "LocalLayers", "local"),
        (
            lambda: TranslationConfig(
                source=MODEL, target=replace(MODEL, attention=GroupedConfig(d_model=16, n_heads=2))
            ),
            "d_model",
            ("24", "16"),
            ("source", "target"),
        ),
    ],
)
def test_what_must_fit_together(refuses, call, argument, got, rule):
    refuses(call, argument, got, rule)


@pytest.mark.parametrize(
    "values, argument, got, rule",
    [
        ([3], "ModelConfig", "[3]", "object"),
        ({}, "kind", "None", ("attention", "grouped", "latent")),
        (FIELDS | {"attention": {"kind": ["grouped"]}}, "kind", "['grouped']", ("attention", "grouped", "latent")),
        (FIELDS | {"attention": "grouped"}, "attention", "'grouped'", "object"),
        (FIELDS | {"attention": {"kind": "grouped", "rope": 10_000}}, "Rope", "10000", "object"),
        (FIELDS | {"local": 3}, "local", "3", "object"),
        (FIELDS | {"experts": 3}, "experts", "3", "object"),
        (FIELDS | {"experts": {"kind": "tanh"}}, "kind", "'tanh'", ("softmax", "sigmoid")),
        (FIELDS | {"experts": {"kind": "softmax", "routed": 8}}, "SoftmaxExperts", "routed", ("chosen", "d_ff")),
        (FIELDS | {"local": {"layers": [0]}}, "kind", "None", ("grouped", "latent")),
        (FIELDS | {"local": {"attention": FIELDS["attention"]}}, "LocalLayers", "layers", "attention"),
        (FIELDS | {"depth": 3}, "ModelConfig", "'depth'", "'n_layers'"),
        ({"attention": FIELDS["attention"]}, "ModelConfig", "'attention'", ("'vocab_size'", "'n_layers'", "'d_ff'")),
        (FIELDS | {"attention": {"kind": "grouped", "d_model": 6}}, "GroupedConfig", "'d_model'", "'n_heads'"),
    ],
)
def test_fields_of_json(refuses, values, argument, got, rule):
    refuses(lambda: ModelConfig.from_dict(values), argument, got, rule)


def test_fields_of_json_for_a_translator(refuses):
    refuses(lambda: TranslationConfig.from_dict({"source": FIELDS}), "TranslationConfig", "'source'", "'target'")


@pytest.mark.parametrize(
    "config, argument, got, rule",
    [
        (partial(RotaryLatentConfig, turned=3), "turned", "3", ("even", "0", "8")),
        (partial(RotaryLatentConfig, turned=10), "turned", "10", ("even", "0", "8")),
        (partial(RotaryLatentConfig, turned=-2), "turned", "-2", ("even", "0", "8")),
        (partial(RotaryLatentConfig, turned=True), "turned", "True", ("even", "0", "8")),
        (partial(RotaryLatentConfig, turned=2, d_rope=2), "d_rope", "2", "0"),
        (partial(RotaryLatentConfig, turned=0, rope=Rope()), "rope", "Rope", ("turned = 0", "None")),
        (partial(RotaryLatentConfig, turned=2, rope=replace(YARN, amplitude=2.0)), "amplitude", "2.0", "1"),
        (partial(RotatedKeysConfig, window=3), "window", "3", "None"),
        (partial(RotatedKeysConfig, d_head=5), "d_head", "5", "even"),
        (partial(RotatedKeysConfig, rope=DynamicRope(length=9)), "rope", "DynamicRope", ("dynamic", "padding")),
        (partial(RotatedKeysConfig, rope=ONE_PAIR), "rope", "LongRope", ("dynamic", "padding")),
        (partial(AlibiLatentConfig, rope=Rope()), "rope", "Rope", "0"),
        (partial(NormalisedKeysConfig, d_rope=4), "d_rope", "4", "0"),
    ],
)
def test_latent_configs_without_a_rotary_key(refuses, config, argument, got, rule):
    sizes = {"d_model": 6, "n_heads": 3, "d_latent": 8, "d_head": 2} | config.keywords
    refuses(lambda: config(**sizes), argument, got, rule)
