"""The numbers of figure 11, against rows of text and the layers that `surgery.latent` makes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import DecoderModel
from course_lib.surgery.calibration import calibrate, mean_rotation
from course_lib.surgery.factors import joint_factors
from course_lib.surgery.latent import decouple, truncate
from course_lib.surgery.rotary import as_pairs, principal_mix
from course_lib.widgets.base import unpacked
from course_lib.widgets.latent_ranks import DECOUPLED, TURNED, LatentRanks

D, H, G, E, VOCAB = 22, 6, 3, 10, 29
PAIRS = E // 2


def new_model():
    torch.manual_seed(0)
    attention = GroupedConfig(d_model=D, n_heads=H, n_kv_heads=G, d_head=E, rope=Rope(base=50.0))
    return DecoderModel(ModelConfig(vocab_size=VOCAB, n_layers=2, attention=attention, d_ff=13, norm="rms")).double()


@pytest.fixture(scope="module")
def made():
    """A model, the rows that its layers read, its calibration and the figure."""
    model = new_model().eval()
    ids = torch.randint(VOCAB, (6, 19), generator=torch.Generator().manual_seed(1))
    rows = []
    hooks = [
        b.attention.register_forward_pre_hook(lambda _, given: rows.append(given[0].flatten(0, 1)))
        for b in model.blocks
    ]
    with torch.no_grad():
        model(ids)
    for hook in hooks:
        hook.remove()
    layers = calibrate(model, [ids])
    return model, [X.numpy() for X in rows], layers, LatentRanks(model, layers)


def share(part, whole):
    return np.linalg.norm(part) / np.linalg.norm(whole)


def weights(model, i):
    attention = model.blocks[i].attention
    return [W.detach().numpy() for W in (attention.W_K, attention.W_V)]


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("rank", [1, 7, 16, 22])
def test_without_a_slice_errors_are_those_of_the_truncated_model_on_the_rows(made, i, rank):
    model, rows, layers, figure = made
    figure.positions, figure.layer, figure.rank = TURNED, i, rank
    (W_K, W_V), X = weights(model, i), rows[i]
    K, V = weights(truncate(model, rank, layers), i)
    # Sent as float32; at full rank what is left is rounding through X^T X, half of the digits.
    assert figure.missed["keys"] == pytest.approx(share(X @ (W_K - K), X @ W_K), abs=1e-6)
    assert figure.missed["values"] == pytest.approx(share(X @ (W_V - V), X @ W_V), abs=1e-6)
    alpha = joint_factors(W_K, W_V, rank, layers[i].gram).balance
    whole = np.hstack([alpha * X @ W_K, X @ W_V])
    sigma = np.linalg.svd(whole, compute_uv=False)[:D]
    np.testing.assert_allclose(figure.singular_values, sigma, rtol=0, atol=1e-6 * sigma[0])
    both = unpacked(figure.data["both"])[i, 0, rank - 1]
    assert both == pytest.approx(np.linalg.norm(sigma[rank:]) / np.linalg.norm(sigma), abs=1e-6)
    alone = joint_factors(W_K, W_V, rank, balance=alpha)
    lost = whole - X @ alone.W_L @ np.hstack([alpha * alone.W_LK, alone.W_LV])
    by_weights = unpacked(figure.data["by_weights"])[i, 0, rank - 1]
    assert by_weights == pytest.approx(share(lost, whole), abs=1e-6) and by_weights >= both - 1e-6


def mean_square_error(model, i, X, seen, new, pairs):
    """Of the keys at every distance, one after the other, weighted by how much the layer looks there."""
    config = model.config.attention
    W_K, _ = weights(model, i)
    k = np.einsum("nd,dgi->ngi", X, as_pairs(W_K, G))
    v, _ = principal_mix(as_pairs(W_K, G)[..., :pairs], seen.gram)
    layer = new.blocks[i].attention
    slice_ = as_pairs((torch.from_numpy(X) @ layer.W_KR).detach().numpy(), 1)[:, 0]
    content = as_pairs((torch.from_numpy(X) @ layer.W_L @ layer.W_LK).detach().numpy(), H)[:, :: H // G]
    m = mean_rotation(seen.distances, config.rope, E)
    theta = config.rope.base ** (-2 * np.arange(PAIRS) / E)
    total = 0.0
    for s, weight in enumerate(seen.distances):
        made = content * m / np.abs(m)  # the angle of the mean is in the queries
        made[..., :pairs] += np.einsum("ni,ig->ngi", slice_, v.conj()) * np.exp(1j * s * theta[:pairs])
        total += weight * np.square(np.abs(k * np.exp(1j * s * theta) - made)).sum()
    return np.sqrt(total / np.square(np.abs(k)).sum())


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize(("rank", "pairs"), [(1, 1), (9, 2), (14, 5), (22, 3)])
def test_with_a_slice_errors_are_those_of_the_decoupled_model_on_the_rows(made, i, rank, pairs):
    model, rows, layers, figure = made
    figure.positions, figure.layer, figure.rank, figure.pairs = DECOUPLED, i, rank, pairs
    new = decouple(model, rank, layers, kept=range(pairs))
    assert figure.missed["keys"] == pytest.approx(mean_square_error(model, i, rows[i], layers[i], new, pairs), abs=1e-6)
    _, W_V = weights(model, i)
    layer = new.blocks[i].attention
    of_head = (layer.W_L @ layer.W_LV).detach().numpy().reshape(D, H, E)[:, :: H // G].reshape(D, G * E)
    assert figure.missed["values"] == pytest.approx(share(rows[i] @ (W_V - of_head), rows[i] @ W_V), abs=1e-6)
    assert figure.numbers_per_token == new.config.attention.floats_per_token == rank + 2 * pairs
    assert figure.bytes_per_token == 2 * figure.numbers_per_token


def test_energies_add_up_to_the_whole_and_a_wider_slice_loses_less(made):
    *_, figure = made
    figure.layer, figure.positions = 1, DECOUPLED
    lost = []
    for figure.pairs in range(1, PAIRS + 1):
        energy = figure.energy
        np.testing.assert_allclose(sum(part.sum() for part in energy.values()), 1, rtol=0, atol=1e-6)
        assert (energy["turned"] > 0).tolist() == [i < figure.pairs for i in range(PAIRS)]
        lost.append(energy["lost"].sum())
    assert (np.diff(lost) <= 0).all() and 0 < lost[-1] < lost[0]
    figure.positions = TURNED
    assert figure.energy["turned"].sum() == pytest.approx(1, abs=1e-6) and not figure.energy["lost"].any()


def test_errors_fall_with_the_rank_and_end_at_what_the_rotation_costs(made):
    *_, figure = made
    for name in ("keys", "values", "both", "by_weights"):
        assert (np.diff(unpacked(figure.data[name]), axis=-1) <= 1e-6).all()
    both, by_weights = (unpacked(figure.data[name]) for name in ("both", "by_weights"))
    assert (by_weights >= both - 1e-6).all()
    np.testing.assert_allclose(by_weights[..., -1], both[..., -1], rtol=0, atol=1e-6)
    lost = unpacked(figure.data["energy"])[:, :, 2].sum(-1)
    np.testing.assert_allclose(unpacked(figure.data["keys"])[..., -1], np.sqrt(lost), rtol=0, atol=1e-6)
    assert unpacked(figure.data["values"])[..., -1].max() < 1e-6


def test_opens_with_a_slice_apart_at_half_rank(made):
    model, _, layers, _ = made
    figure = LatentRanks(model, layers, rises={(9, 2): 0.5, (9, 0): 0.25, (20, 0): -0.5})
    assert (figure.layer, figure.rank, figure.positions, figure.pairs) == (1, 11, DECOUPLED, 3)
    assert figure.numbers_per_token == 17 and figure.data["sizes"]["full"] == 2 * G * E
    rises = [(one["rank"], one["pairs"], one["rise"]) for one in figure.data["rises"]]
    assert rises == [(9, 0, 0.25), (9, 2, 0.5), (20, 0, -0.5)]
    assert "rank 11 and a rotary slice of 6: 17 of 60 numbers per token" in figure.alt()
    assert "loss +0.5" in figure.table() and "loss -0.5" in figure.table()
    assert repr(figure) == "LatentRanks(layers=2, ranks=1..22, pairs=1..5)"


def test_a_model_is_left_as_it_was():
    model = new_model()
    before = {name: W.clone() for name, W in model.state_dict().items()}
    ids = torch.randint(VOCAB, (2, 9), generator=torch.Generator().manual_seed(1))
    layers = calibrate(model, [ids])
    LatentRanks(model, [replace(layer) for layer in layers])
    assert all(torch.equal(W, before[name]) for name, W in model.state_dict().items()) and model.training


def test_first_try_gives_all_rank_where_a_rotation_is_lost_and_else_half(made):
    model, _, layers, _ = made
    figure = LatentRanks(model, layers)
    assert figure.first_try() == ("full rank, 22", {"rank": 22})
    figure.rank = 22
    assert figure.first_try() == ("half the rank, 11", {"rank": 11})
    figure.rank, figure.positions = 9, TURNED
    assert figure.first_try() == ("half the rank, 4", {"rank": 4})


def test_the_twin_stacks_the_energy_and_marks_the_choice(made):
    model, _, layers, _ = made
    figure = LatentRanks(model, layers)
    values, errors, energy = figure.drawing().axes
    heights = np.array([bar.get_height() for bar in energy.patches]).reshape(3, PAIRS)
    energies = [figure.energy[name] for name in ("turned", "content", "lost")]
    np.testing.assert_allclose(heights[::-1], 100 * np.cumsum(energies, axis=0), rtol=0, atol=1e-5)  # float32
    assert len(values.lines[0].get_xdata()) == figure.rank
    assert errors.lines[-1].get_xdata()[0] == figure.bytes_per_token
