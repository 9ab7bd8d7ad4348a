"""Pictures of a Transformer's parts: what is drawn is what was given."""

from types import SimpleNamespace

import numpy as np
import pytest

from course_lib.figures import architecture, motifs, style, transformer
from course_lib.reference.norms import LayerNorm, RMSNorm


def test_the_drawing_names_every_sublayer_once_and_colours_q_k_and_v():
    (ax,) = architecture.architecture().axes
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("feed-forward") == 2 and texts.count("+") == 5 and texts.count("norm") == 7
    assert {"self-attention", "causal\nself-attention", "cross-attention"} <= set(texts)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert {letter: colours[f"${letter}$"] for letter in "QKV"} == {k: motifs.THINGS[k].light for k in "QKV"}


def test_points_and_their_images_under_both_norms():
    points, ones = np.random.default_rng(0).normal(size=(9, 3)), np.ones(3)
    norms = {"LayerNorm": LayerNorm(ones, 0 * ones, eps=0.0), "RMSNorm": RMSNorm(ones, eps=0.0)}
    for ax, norm in zip(transformer.norm_geometry(points, norms).axes, norms.values(), strict=True):
        before, after = (np.array(scatter._offsets3d).T for scatter in ax.collections[:2])
        np.testing.assert_allclose(before, points, rtol=0, atol=1e-12)
        np.testing.assert_allclose(after, norm(points), rtol=0, atol=1e-12)


def test_activations_pass_the_values_of_their_definitions():
    curves = {line.get_label(): line.get_data() for line in transformer.activations().axes[0].lines}
    for name, at_one in {"ReLU": 1.0, "GELU": 0.8413447, "SiLU": 1 / (1 + np.exp(-1))}.items():
        assert np.interp(1.0, *curves[name]) == pytest.approx(at_one, abs=1e-6)


def test_a_bar_for_each_part_with_its_number_and_the_colour_of_its_kind():
    parts = {"embedding": 0.5, "attention 0": -1.25, "feed-forward 0": 3.0}
    (ax,) = transformer.logit_bars(parts, "Who wrote '$x$'?").axes
    assert [bar.get_width() for bar in ax.patches] == list(parts.values())
    assert [text.get_text() for text in ax.texts] == ["0.5", "-1.2", "3.0"]
    assert len({bar.get_facecolor() for bar in ax.patches}) == 3
    assert [label.get_text() for label in ax.get_yticklabels()] == list(parts)


def test_beginnings_are_means_over_the_seeds():
    def start(depth, seed):
        return SimpleNamespace(size=np.arange(depth) + seed, gradient=2.0 + np.arange(depth) * seed, moved=depth * seed)

    runs = {"Pre-LN": {depth: [start(depth, seed) for seed in (1, 2)] for depth in (6, 12)}}
    size, gradient, moved = transformer.beginnings(runs, shown=6).axes
    np.testing.assert_allclose(size.lines[0].get_data(), [np.arange(6), np.arange(6) + 1.5])
    np.testing.assert_allclose(gradient.lines[0].get_ydata(), 2 + 1.5 * np.arange(6))
    np.testing.assert_allclose(moved.lines[0].get_data(), [[6, 12], [9, 18]])


def test_shares_of_parameters_and_of_work():
    parameters = {"a model": {"attention": 30, "feed-forward": 60, "norms": 1, "embeddings": 9}}
    work = {"a model": {n: dict.fromkeys(transformer.PARTS, 10) | {"attend": 10 * n} for n in (1, 3)}}
    bars, areas = transformer.shares(parameters, work).axes
    assert [bar.get_height() for bar in bars.patches] == pytest.approx([0.3, 0.6, 0.09])
    assert [text.get_text() for text in bars.texts] == ["30 %", "60 %", "9 %"]
    tops = [area.get_paths()[0].vertices for area in areas.collections]
    assert max(y for x, y in tops[0] if x == 3) == pytest.approx(1 / 6)
    assert max(y for x, y in tops[1] if x == 3) == pytest.approx(4 / 6)
    assert max(y for x, y in tops[-1]) == pytest.approx(1.0)


def test_all_can_be_shown():
    for fig in (architecture.architecture(), transformer.activations()):
        assert style.show(fig, alt="A picture.").alt == "A picture."
