"""The arms cost what the pre-registration says, and all have the same number of parameters."""

from dataclasses import replace

import pytest
import torch

from course_lib.experiments import arms, cli
from course_lib.experiments.arms import ARMS
from course_lib.experiments.catalogue import EXPERIMENTS
from course_lib.experiments.costs import costs
from course_lib.experiments.presets import PRESETS, TUNING_SEED, preset
from course_lib.experiments.tuning import tried_rates
from course_lib.models import DecoderModel

# From the table of the pre-registration: numbers cached per token and layer, d_ff, FLOPs per cached token.
REGISTERED = {
    "MHA": (512, 344, 1_024),
    "GQA2": (128, 472, 1_024),
    "MQA-64": (128, 472, 1_024),
    "MLA-16": (128, 280, 3_840),
    "MLA-4": (128, 296, 4_032),
    "MLA-64": (128, 216, 3_072),
    "NoPE latent": (128, 301, 4_096),
    "RoPE on up-projected keys": (128, 301, 68_096),
    "partly rotary 16": (128, 301, 4_096),
    "rotary latent": (128, 301, 4_096),
}


def model(name: str, of: str = "cpu") -> DecoderModel:
    """An arm's model by a preset, one layer of it."""
    sizes = preset(of)
    d_ff = arms.matched_d_ff(arms.arm(name), sizes.d_model, sizes.d_ff)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        config = arms.model_config(arms.arm(name), vocab_size=64, n_layers=1, d_model=sizes.d_model, d_ff=d_ff)
        return DecoderModel(config)


@pytest.mark.parametrize("name", REGISTERED)
def test_the_registered_arms(name):
    made = model(name)
    found = costs(made)
    assert (found["cached, accounted"], made.config.d_ff, found["decode FLOPs"]) == REGISTERED[name]


def test_embeddings_are_as_large_as_the_sines_that_are_added():
    """As in the original Transformer; the other arms leave their embeddings as they are."""
    scales = {name: model(name).config.embedding_scale for name in ARMS}
    assert {name for name, scale in scales.items() if scale != 1} == {"NoPE latent, sinusoids"}
    assert scales["NoPE latent, sinusoids"] == 128**0.5


@pytest.mark.parametrize("name", ARMS)
def test_the_measured_cache_is_the_accounted_one(name):
    found = costs(model(name))
    assert found["cached"] == found["cached, accounted"]


@pytest.mark.parametrize("of", ["cpu", "gpu"])
def test_all_arms_have_the_same_number_of_parameters(of):
    """To half a column of the feed-forward matrices, and the gains of latent norms."""
    counts = {name: sum(p.numel() for p in model(name, of).parameters()) for name in ARMS}
    assert max(counts.values()) - min(counts.values()) <= 3 * preset(of).d_model + 128, counts


def test_too_wide_an_attention_is_refused():
    with pytest.raises(ValueError, match="d_ff = 20 must leave room for feed-forward layers beside latent of 64"):
        arms.matched_d_ff(arms.arm("MLA-64"), 128, 20)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="arm must be one of MHA, .*, got 'MLA-17'"):
        arms.arm("MLA-17")
    with pytest.raises(ValueError, match="preset must be one of cpu, gpu, smoke, got 'tpu'"):
        preset("tpu")


def test_the_command_line_knows_all_experiments_and_every_arm_is_there():
    assert EXPERIMENTS.keys() == cli.SUMMARIES.keys()
    assert {arm for name, each in EXPERIMENTS.items() if name != "recall" for arm in each.arms} == set(ARMS)


@pytest.mark.parametrize("each", PRESETS.values(), ids=lambda each: each.name)
def test_presets(each):
    assert each.seeds_of("MHA") == range(each.seeds) and TUNING_SEED not in each.seeds_of("GQA2")
    assert each.recipe(3, 1e-3, 60).seed == 3
    if each.arms is not None:
        assert set(each.arms) <= set(ARMS)


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("rates", (), "each twice the one before"),
        ("rates", (1e-3, 3e-3), "each twice the one before"),
        ("steps", 0, "steps must be a positive integer, got 0"),
        ("documents", 0.0, "documents must be a share above 0"),
        ("precision", "float8", "precision must be one of"),
    ],
)
def test_presets_outside_their_range_are_refused(field, value, said):
    with pytest.raises(ValueError, match=said):
        replace(preset("smoke"), **{field: value})


def tried(loss, grid=(1.0, 2.0, 4.0)):
    """What is tried one after the other until nothing is open, and the best."""
    known, best = {}, None
    for _ in range(20):
        rates, best = tried_rates(grid, known.get)
        if all(rate in known for rate in rates):
            return sorted(known), best
        known |= {rate: loss(rate) for rate in rates}
    raise AssertionError("no end")


INF = float("inf")


@pytest.mark.parametrize(
    "loss, rates, best",
    [
        (lambda rate: (rate - 2) ** 2, [1, 2, 4], 2),
        (lambda rate: (rate - 8) ** 2, [1, 2, 4, 8, 16], 8),
        (lambda rate: (rate - 0.5) ** 2, [0.25, 0.5, 1, 2, 4], 0.5),
        (lambda rate: rate, [0.125, 0.25, 0.5, 1, 2, 4], 0.125),  # three extensions at most
        (lambda rate: -rate, [1, 2, 4, 8, 16, 32], 32),
        (lambda rate: INF if rate > 2 else -rate, [1, 2, 4], 2),  # a larger one diverges
        (lambda rate: INF, [1, 2, 4], None),
        (lambda rate: 1.0, [0.125, 0.25, 0.5, 1, 2, 4], 0.125),  # of equal ones the smaller
    ],
)
def test_learning_rates_are_extended_where_the_best_lies_at_an_edge(loss, rates, best):
    assert tried(loss) == (rates, best)


def test_no_learning_rate_is_chosen_while_one_is_open():
    assert tried_rates((1.0, 2.0, 4.0), {1.0: 3.0, 2.0: 1.0}.get) == ((1.0, 2.0, 4.0), None)
