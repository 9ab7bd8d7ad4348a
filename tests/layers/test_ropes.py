"""Kinds of rotary positions: frequencies and amplitudes of transformers, and the identities that they keep or break."""

import numpy as np
import pytest
import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.phi3.modeling_phi3 import Phi3RotaryEmbedding, apply_rotary_pos_emb

from course_lib.config import DynamicRope, GroupedConfig, Llama3Rope, LongRope, Rope, YarnRope
from course_lib.layers import rotary_table
from course_lib.layers.grouped import GroupedQueryAttention
from course_lib.layers.positions import LastCoordinates
from course_lib.reference.positions import rotary_frequencies, rotate, rotate_last
from course_lib.reference.shift_matrices import shift_factors

EXACT = dict(rtol=0, atol=1e-12)  # entries of size 1, angles below 1e3
WIDTH, LONGEST = 16, 500
SHORT, LONG = [1.0 + i / 7 for i in range(WIDTH // 2)], [2.0 + i * i for i in range(WIDTH // 2)]
LONGROPE = {"short_factor": SHORT, "long_factor": LONG, "original_max_position_embeddings": 90}
YARN = {"factor": 5.0, "original_max_position_embeddings": 90}
CASES = {
    "linear": (Rope(base=5e3, factor=4.0), {"factor": 4.0}),
    "dynamic": (DynamicRope(base=5e3, factor=4.0, length=LONGEST), {"factor": 4.0}),
    "llama3": (
        Llama3Rope(base=5e3, factor=4.0, length=90, high=8.0),
        {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 8.0, "original_max_position_embeddings": 90},
    ),
    "yarn": (YarnRope(base=5e3, factor=5.0, length=90), YARN),
    "yarn, one boundary": (YarnRope(base=5e3, factor=5.0, length=90, high=1.001, whole=False),
        YARN | {"beta_fast": 1.001, "truncate": False}),
    "yarn, exact boundaries": (
        YarnRope(base=5e3, factor=5.0, length=90, low=2.0, high=9.0, whole=False),
        YARN | {"beta_slow": 2.0, "beta_fast": 9.0, "truncate": False},
    ),
    "yarn, amplitude": (YarnRope(base=5e3, factor=5.0, length=90, amplitude=0.7), YARN | {"attention_factor": 0.7}),
    "yarn, shortened": (YarnRope(base=5e3, factor=0.5, length=90), YARN | {"factor": 0.5}),
    "longrope": (LongRope(base=5e3, factor=LONGEST / 90, length=90, short=SHORT, long=LONG), LONGROPE),
    "longrope, factor": (
        LongRope(base=5e3, factor=3.0, length=90, short=SHORT, long=LONG), LONGROPE | {"factor": 3.0}
    ),
    "longrope, amplitude": (
        LongRope(base=5e3, length=90, short=SHORT, long=LONG, amplitude=1.2), LONGROPE | {"attention_factor": 1.2}
    ),
}  # fmt: skip


@pytest.mark.parametrize("length", [1, 90, 91, 500, 501, 3000])
@pytest.mark.parametrize("name", CASES)
def test_frequencies_and_amplitude_equal_transformers(name, length):
    """They compute in float32: a power of the base is off by 1e-7 times the logarithm of the base, about 9."""
    rope, values = CASES[name]
    kind = name.partition(",")[0]
    config = transformers.LlamaConfig(
        hidden_size=3 * WIDTH, num_attention_heads=3, max_position_embeddings=LONGEST,
        rope_parameters={"rope_type": kind, "rope_theta": 5e3} | values,
    )  # fmt: skip
    want, amplitude = ROPE_INIT_FUNCTIONS[kind](config, None, seq_len=length)
    np.testing.assert_allclose(rotary_frequencies(rope, WIDTH, length), want.double().numpy(), rtol=2e-6)
    assert rope.amplitude == pytest.approx(amplitude, rel=1e-14)


def test_published_scalings_of_deepseek_and_of_the_paper():
    """YaRN's amplitude for a factor of 40, and DeepSeek-V2's ramp: 32 turns and 1 turn of 4096 tokens."""
    rope = YarnRope(factor=40.0, length=4096)
    assert rope.amplitude == pytest.approx(1.3689, abs=1e-4)
    assert rope.ramp(64) == (10, 23)
    turns = 4096 * np.array(Rope().frequencies(64)) / (2 * np.pi)
    assert turns[10] > 32 > turns[11] and turns[22] > 1 > turns[23]
    kept = (np.array(rope.frequencies(64)) / Rope().frequencies(64) - 1 / 40) / (1 - 1 / 40)
    np.testing.assert_allclose(kept[[0, 10, 23, 31]], [1, 1, 0, 0], **EXACT)
    np.testing.assert_allclose(np.diff(kept[10:24]), -1 / 13, **EXACT)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("m, n", [(0, 40), (33, 73), (455, 495)])
def test_inner_products_depend_on_the_shift_and_grow_by_the_squared_amplitude(name, m, n):
    """<rope(q, m), rope(k, n)> = a^2 <q, R_{n-m} k>: in one call, so that all angles are those of one length."""
    rope, rng = CASES[name][0], np.random.default_rng(2)
    q, k = rng.normal(size=(2, 1, WIDTH))
    at, x = np.array([m, n, 0, 40, LONGEST - 1]), np.concatenate([q, k, q, k, q])
    turned = rotate(x, at, rope)
    np.testing.assert_allclose(turned[0] @ turned[1], turned[2] @ turned[3], **EXACT)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), rope.amplitude * np.linalg.norm(x, axis=1), **EXACT)
    unit = np.exp(1j * (n - m) * rotary_frequencies(rope, WIDTH, LONGEST))
    z, w = (v[0, 0::2] + 1j * v[0, 1::2] for v in (q, k))
    np.testing.assert_allclose(turned[0] @ turned[1], rope.amplitude**2 * (z.conj() * unit * w).sum().real, **EXACT)
    in_torch = rotary_table(rope, WIDTH).rotate(torch.from_numpy(x), torch.from_numpy(at))
    np.testing.assert_allclose(in_torch.numpy(), turned, **EXACT)


@pytest.mark.parametrize("name", ["yarn", "longrope"])
def test_shift_matrices_have_the_squared_amplitude(name):
    rope = CASES[name][0]
    q, k = np.random.default_rng(3).normal(size=(2, 1, WIDTH))
    (a, b), (c, d) = ((v[0, 0::2], v[0, 1::2]) for v in (q, k))
    factors = shift_factors(np.array([7]), WIDTH, rope)[0]
    sums = np.concatenate([a * c + b * d, b * c - a * d])
    turned = rotate(np.concatenate([q, k]), np.array([2, 9]), rope)
    np.testing.assert_allclose(factors @ sums, turned[0] @ turned[1], **EXACT)


def test_longrope_breaks_the_identity_between_calls_on_both_sides_of_its_length():
    """A key cached at 89 tokens keeps its short factors; a query at 90 has the long ones."""
    rope, rng = CASES["longrope"][0], np.random.default_rng(2)
    q, k = (torch.from_numpy(x) for x in rng.normal(size=(2, 1, WIDTH)))
    table = rotary_table(rope, WIDTH)
    score = lambda m, n: float(table.rotate(q, torch.tensor([m])) @ table.rotate(k, torch.tensor([n])).T)  # noqa: E731
    assert score(60, 40) == pytest.approx(score(80, 60), abs=1e-12)
    assert score(130, 110) == pytest.approx(score(120, 100), abs=1e-12)
    assert abs(score(100, 80) - score(80, 60)) > 0.1


@pytest.mark.parametrize("name, rope, values", [("default", Rope(base=5e3), {}), ("longrope", *CASES["longrope"])])
@pytest.mark.parametrize("width, share", [(20, 0.8), (64, 0.25), (16, 1.0)])
def test_partial_rotation_equals_phi3s(name, rope, values, width, share):
    """They turn the first coordinates, in halves; the course the last ones, in pairs. Both leave the others alone."""
    turned = int(width * share)
    assert turned == WIDTH
    config = transformers.Phi3Config(
        hidden_size=3 * width, num_attention_heads=3, num_key_value_heads=3, max_position_embeddings=LONGEST,
        rope_parameters={"rope_type": name, "rope_theta": 5e3, "partial_rotary_factor": share} | values,
        original_max_position_embeddings=90, pad_token_id=0,
    )  # fmt: skip
    x = torch.randn(2, 3, 80, width, generator=torch.Generator().manual_seed(0))
    positions = torch.arange(80)
    cos, sin = Phi3RotaryEmbedding(config)(x, positions[None])
    want, _ = apply_rotary_pos_emb(x, x, cos, sin)
    pairs = torch.cat([x[..., turned:], x[..., :turned].unflatten(-1, (2, -1)).mT.flatten(-2)], -1)
    got = LastCoordinates(rotary_table(rope, turned)).rotate(pairs, positions)
    halves = got[..., -turned:].unflatten(-1, (-1, 2)).mT.flatten(-2)
    # Their angles are float32, up to 80 radians: off by 1e-5.
    torch.testing.assert_close(torch.cat([halves, got[..., :-turned]], -1), want, rtol=0, atol=1e-4)
    in_numpy = rotate_last(pairs.double().numpy(), positions.numpy(), rope, turned)
    np.testing.assert_allclose(got.double().numpy(), in_numpy, rtol=0, atol=1e-5)


def test_partial_rotation_leaves_the_first_coordinates_of_keys_alone():
    """Their part of a score depends on no position, as in a layer without positions; a cache holds both parts."""
    config = GroupedConfig(d_model=12, n_heads=3, d_head=7, rope=Rope(), turned=4)
    layer = GroupedQueryAttention(config).double()
    X = torch.randn(1, 9, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    near, far = (layer.compress(X, torch.arange(9) + start)["K"] for start in (0, 70))
    assert torch.equal(near[..., :3], far[..., :3]) and (near[..., 3:] - far[..., 3:]).abs().max() > 0.1
    torch.testing.assert_close(near.norm(dim=-1), far.norm(dim=-1), **EXACT)
    assert config.floats_per_token == 2 * 3 * 7 and config.rotary_width == 4


def test_a_whole_head_turns_without_a_cut():
    """No work in a decode step for models without partial rotation."""
    whole = GroupedQueryAttention(GroupedConfig(d_model=12, n_heads=3, rope=Rope()))
    same = GroupedQueryAttention(GroupedConfig(d_model=12, n_heads=3, rope=Rope(), turned=4))
    assert whole.rotary is same.rotary is rotary_table(Rope(), 4)
