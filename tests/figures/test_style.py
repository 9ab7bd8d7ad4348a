"""The course's look: contrast, colour-blind safety, sizes, and pictures with alternative text."""

import base64
import io
import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from course_lib.figures import motifs, style
from course_lib.figures.attention import HALF_LIGHT, attention_map, hidden_runs
from course_lib.figures.inputs import shown

# Machado, Oliveira, Fernandes (2009), severity 1, on linear RGB: what each kind of colour blindness makes of a colour.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(rgb):
    """CIE L*a*b* of linear RGB, D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("colour", style.PALETTE)
def test_each_line_colour_stands_out_from_white(colour, contrast):
    assert contrast(colour, "white") >= 4.5


@pytest.mark.parametrize("kind", BLINDNESS)
def test_line_colours_differ_for_every_kind_of_colour_vision(kind, linear):
    seen = [lab(np.array(BLINDNESS[kind]) @ linear(to_rgb(colour))) for colour in style.PALETTE]
    # 10 in L*a*b* is about four just noticeable differences (2.3); lines differ by dash as well.
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 10


@pytest.mark.parametrize(("kind", "least"), [("none", 20), ("deutan", 9)])  # 9 apart are the closest motifs, V and GQA
def test_line_colours_are_no_motifs(kind, least, linear):
    matrix = np.array(BLINDNESS[kind])
    named = [colour.light for colour in (motifs.THINGS | motifs.METHODS).values()]
    lines, things = ([lab(matrix @ linear(to_rgb(each))) for each in of] for of in (style.PALETTE[:-1], named))
    assert min(np.linalg.norm(a - b) for a, b in itertools.product(lines, things)) >= least
    assert style.PALETTE[-1] == motifs.INK


def test_the_hues_of_lines_lie_between_those_of_the_motifs(linear):
    def hues(colours):
        seen = np.array([lab(linear(to_rgb(colour)))[1:] for colour in colours])
        return np.degrees(np.arctan2(*seen[np.hypot(*seen.T) > 15].T[::-1]))  # less is grey

    named = hues(colour.light for colour in (motifs.THINGS | motifs.METHODS).values())
    apart = (hues(style.PALETTE[:-1])[:, None] - named + 180) % 360 - 180
    assert len(apart) == 4 and np.abs(apart).min() >= 25


def test_sheet_uses_the_palette_and_a_dash_of_its_own_for_each_line():
    with style.context():
        cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()
        assert cycle["color"] == [colour.lstrip("#") for colour in style.PALETTE] or cycle["color"] == list(
            style.PALETTE
        )
        assert len({str(dash) for dash in cycle["linestyle"]}) == len(style.PALETTE)


def test_text_is_at_least_twelve_pixels():
    with style.context():
        rc = matplotlib.rcParams
        sizes = [
            rc[name]
            for name in ("font.size", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
        ]
        assert min(sizes) * style.CSS_PIXELS / 72 >= 12


def test_use_sets_the_look_for_what_follows():
    with matplotlib.rc_context():
        style.use()
        assert matplotlib.rcParams["image.cmap"] == "cividis" and not matplotlib.rcParams["axes.spines.top"]


def test_colour_table_is_the_colour_map():
    table = np.frombuffer(style.colour_table(), np.uint8).reshape(256, 3)
    for value in (0.0, 0.25, 1.0):
        np.testing.assert_allclose(
            table[round(255 * value)] / 255, matplotlib.colormaps["cividis"](value)[:3], atol=3e-3
        )


@pytest.mark.parametrize("weight", np.linspace(0, 1, 51))
def test_printed_numbers_are_readable_on_every_colour(weight, contrast):
    ground = matplotlib.colormaps["cividis"](weight)[:3]
    assert contrast("white" if weight < HALF_LIGHT else "black", ground) >= 4.5


def test_show_gives_alternative_text_and_a_stable_repr():
    fig = Figure()
    fig.add_subplot().plot([0, 1], [0, 1])
    picture = style.show(fig, alt='A "rising" line <b>')
    data = picture._repr_mimebundle_()
    assert repr(picture) == data["text/plain"] == """Picture('A "rising" line <b>')"""
    assert 'alt="A &quot;rising&quot; line &lt;b&gt;"' in data["text/html"]
    assert 'width="640"' in data["text/html"] and "image/png" not in data


def test_pictures_are_as_wide_as_drawn_with_two_dots_for_a_pixel_and_a_palette():
    first, second = Figure(figsize=(3.0, 2.0)), Figure(figsize=(3.0, 2.0))
    for fig in (first, second):
        fig.add_subplot().imshow(np.random.default_rng(0).random((20, 20)))
    png = style.png(first)
    stored = Image.open(io.BytesIO(base64.b64decode(png)))
    assert stored.size == (600, 400) and stored.mode == "P"
    assert style.png(second) == png
    with pytest.raises(ValueError, match=r"at most 8\.2 inches wide, got 9\.0"):
        style.show(Figure(figsize=(9.0, 2.0)), alt="Too wide.")


def test_show_closes_the_figure_so_that_it_is_not_drawn_twice():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    fig, _ = pyplot.subplots()
    style.show(fig, alt="An empty plane.")
    assert fig.number not in pyplot.get_fignums()


def test_attention_map_shows_the_weights_on_the_fixed_scale_with_labels():
    W = np.array([[1.0, 0.0, 0.0], [0.25, 0.75, 0.0]])
    fig = attention_map(W, ["a$b$", "<b>", " c"], query_tokens=["q", "r"], mask=np.tri(2, 3, dtype=bool), title="$T")
    ax = fig.axes[0]
    image = ax.images[0]
    np.testing.assert_array_equal(image.get_array().filled(-1), [[1, -1, -1], [0.25, 0.75, -1]])
    assert image.get_clim() == (0, 1) and image.get_cmap().name == "cividis"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a$b$", "<b>", "␣c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("keys", "queries")
    assert [text.get_text() for text in ax.texts] == ["1", ".25", ".75"]
    assert fig.legends[0].get_texts()[0].get_text() == "hidden by the mask"


def test_hidden_runs_are_the_hidden_cells():
    mask = np.random.default_rng(3).random((5, 11)) < 0.5
    rebuilt = np.ones_like(mask)
    for row, start, stop in hidden_runs(mask):
        rebuilt[row, start:stop] = False
    np.testing.assert_array_equal(rebuilt, mask)


def test_long_tokens_are_cut_with_a_sign():
    assert shown("x" * 41) == "x" * 40 + "…" and shown("x" * 40) == "x" * 40


def test_signed_colours_are_white_at_zero_and_as_dark_on_both_sides(luminance):
    table = np.frombuffer(style.colour_table(style.SIGNED), np.uint8).reshape(256, 3) / 255
    light = luminance(table)
    assert light[127:129].min() > 0.97 and np.all(np.diff(light[:128]) > 0) and np.all(np.diff(light[128:]) < 0)
    assert np.abs(light - light[::-1]).max() < 0.08  # blue and orange of one size look equally strong
