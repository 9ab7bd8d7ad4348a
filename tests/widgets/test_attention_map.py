"""Traits, payload and fallback of the attention-map explorer, without a browser."""

import re
import subprocess
import sys

import numpy as np
import pytest

from course_lib.widgets import AttentionMap

LAYERS, HEADS, QUERIES, KEYS = 2, 3, 5, 7
QUERY_TOKENS = ["on", "the", "mat", "it", "sat"]
KEY_TOKENS = ["the", "cat", "sat", "on", "the", "mat", "."]


def weights(*shape):
    return np.random.default_rng(5).dirichlet(np.ones(shape[-1]), size=shape[:-1])


@pytest.fixture
def explorer():
    mask = np.tri(QUERIES, KEYS, 2, dtype=bool)
    W = weights(LAYERS, HEADS, QUERIES, KEYS) * mask
    return AttentionMap(W, KEY_TOKENS, query_tokens=QUERY_TOKENS, mask=mask, title="T", caption="C.")


def test_payload_is_float32_in_the_order_layer_head_query_key(explorer):
    W = weights(LAYERS, HEADS, QUERIES, KEYS) * np.tri(QUERIES, KEYS, 2, dtype=bool)
    sent = np.frombuffer(explorer.data["weights"]["bytes"], "<f4").reshape(explorer.data["weights"]["shape"])
    np.testing.assert_array_equal(sent, W.astype(np.float32))
    assert len(explorer.data["weights"]["bytes"]) == 4 * LAYERS * HEADS * QUERIES * KEYS


def test_chosen_layer_and_head_select_the_plane(explorer):
    W = weights(LAYERS, HEADS, QUERIES, KEYS) * np.tri(QUERIES, KEYS, 2, dtype=bool)
    explorer.layer, explorer.head = 1, 2
    np.testing.assert_array_equal(explorer.weights, W[1, 2].astype(np.float32))
    np.testing.assert_array_equal(explorer.mask, np.tri(QUERIES, KEYS, 2, dtype=bool))


def test_a_mask_may_differ_between_heads():
    mask = np.ones((HEADS, 4, 4), bool)
    mask[2] = np.tri(4, dtype=bool)
    figure = AttentionMap(mask / mask.sum(-1, keepdims=True), list("abcd"), mask=mask)
    figure.head = 2
    np.testing.assert_array_equal(figure.mask, np.tri(4, dtype=bool))
    figure.head = 1
    assert figure.mask.all()


@pytest.mark.parametrize("shape", [(5, 5), (3, 5, 5), (2, 3, 5, 5)])
def test_leading_axes_may_be_left_out(shape):
    figure = AttentionMap(weights(*shape), list("abcde"))
    assert figure.data["weights"]["shape"] == [1] * (4 - len(shape)) + list(shape)


def test_opens_on_the_last_query_and_its_largest_weight(explorer):
    assert (explorer.layer, explorer.head, explorer.pinned) == (0, 0, None)
    assert explorer.query == QUERIES - 1
    assert explorer.key == explorer.weights[-1].argmax()


def test_the_key_is_the_largest_of_its_row_until_one_is_picked(explorer):
    for explorer.layer, explorer.head, explorer.query in ((1, 0, 4), (1, 2, 4), (0, 2, 1)):
        assert explorer.key == explorer.weights[explorer.query].argmax()
    explorer.key = np.int64(0)
    explorer.head = 1
    assert (explorer.key, explorer.picked) == (0, 0)


def test_choices_are_observed_and_take_numpy_integers(explorer):
    seen = []
    explorer.observe(lambda change: seen.append((change["name"], change["new"])), ["query", "pinned"])
    explorer.query = np.argmax([0, 3, 1])
    explorer.pinned = 2
    explorer.pinned = None
    assert seen == [("query", 1), ("pinned", 2), ("pinned", None)]
    assert type(explorer.query) is int


@pytest.mark.parametrize(("name", "size"), [("layer", 2), ("head", 3), ("query", 5), ("picked", 7), ("pinned", 5)])
@pytest.mark.parametrize("off", [-1, 0])
def test_a_choice_out_of_range_is_refused_and_undone(explorer, name, size, off):
    value, before = (size if off == 0 else -1), getattr(explorer, name)
    with pytest.raises(ValueError, match=f"{name} must lie between 0 and {size - 1}, got {value}"):
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before


def test_repr_is_stable_and_holds_no_address(explorer):
    assert repr(explorer) == "AttentionMap(layers=2, heads=3, queries=5, keys=7)"


def test_fallback_has_picture_alternative_text_caption_and_table(explorer):
    data, _ = explorer._repr_mimebundle_()
    assert data["text/plain"] == repr(explorer)
    twin = data["text/html"]
    assert '<img alt="Heat map of 5 queries by 7 keys' in twin
    assert "<figcaption>C. Layers and heads are numbered" in twin and f"<td>{explorer.weights[0, 0]:.2f}</td>" in twin
    assert not re.search(r"<(svg|iframe|script|style)", twin)


def test_the_alternative_text_names_the_largest_weight_of_the_pinned_query(explorer):
    explorer.pinned = 1
    best = explorer.weights[1].argmax()
    assert (
        f"Query the gives its largest weight, {explorer.weights[1].max():.2f}, to {KEY_TOKENS[best]}." in explorer.alt()
    )


def test_above_sixteen_tokens_the_table_holds_the_three_largest():
    W = np.full((17, 17), 0.01)
    W[4, [9, 2, 16]] = 0.5, 0.3, 0.05
    table = AttentionMap(W, [f"t{i}" for i in range(17)]).table()
    assert "<tr><th>t4</th><td>t9 0.50</td><td>t2 0.30</td><td>t16 0.05</td></tr>" in table


def test_invisible_tokens_are_made_visible():
    tokens = ["", " the", "\n", "\t", "\u202egnp", "\ud800", "👩‍🚀", "שלום", "\x00"]
    shown = ["(empty)", "␣the", "⏎", "⇥", "\\u202egnp", "\\ud800", "👩‍🚀", "שלום", "\\u0000"]
    figure = AttentionMap(weights(9, 9), tokens)
    assert figure.data["keys"] == shown
    assert figure.to_html().encode("utf-8")


def test_save_writes_the_page_and_nothing_else(explorer, tmp_path):
    path = explorer.save(tmp_path / "map.html")
    assert path.read_text(encoding="utf-8") == explorer.to_html()
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.html"]


def test_a_row_that_sees_nothing_is_shown():
    figure = AttentionMap(np.zeros((3, 3)), list("abc"), mask=np.zeros((3, 3), bool))
    assert "–" in figure.table() and "Query c sees no key." in figure.twin()


def test_a_torch_tensor_that_needs_gradients_is_taken():
    torch = pytest.importorskip("torch")
    tensor = torch.softmax(torch.zeros(3, 4, 4, requires_grad=True), -1).bfloat16()
    assert AttentionMap(tensor, list("abcd")).weights[0, 0] == 0.25


def test_importing_the_widgets_loads_neither_torch_nor_pyplot():
    code = "import sys, course_lib.widgets; print([m for m in ('torch', 'matplotlib.pyplot') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
