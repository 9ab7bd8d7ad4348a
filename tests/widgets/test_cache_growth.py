"""The numbers of figure 8 against tensors of the shapes that each kind of attention keeps; published sizes."""

import numpy as np
import pytest
import torch

from course_lib.accounting import Model, model
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.widgets.base import unpacked
from course_lib.widgets.cache_growth import CacheGrowth
from course_lib.widgets.numbers.cache_tables import BATCHES, CONTEXTS, DTYPES, NEW
from course_lib.widgets.numbers.cache_variants import ACCELERATORS, Variant, describe, variants

DTYPE = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float8": torch.float8_e4m3fn}
NAMES = ("Llama-3-70B", "Gemma-3-27B", "DeepSeek-V3", "Falcon-7B")
# By hand: (layers, shape of a layer's rows, window) of MHA, GQA, MQA, MLA, windows.
SHAPES = {
    "Llama-3-70B": [
        [(80, (2, 64, 128), None)],
        [(80, (2, 8, 128), None)],
        [(80, (2, 1, 128), None)],
        [(80, (512 + 64,), None)],
        [(67, (2, 8, 128), 1024), (13, (2, 8, 128), None)],
    ],
    "Gemma-3-27B": [
        [(62, (2, 32, 128), None)],
        [(62, (2, 16, 128), None)],
        [(62, (2, 1, 128), None)],
        [(62, (512 + 64,), None)],
        [(52, (2, 16, 128), 1024), (10, (2, 16, 128), None)],
    ],
    "DeepSeek-V3": [
        [(61, (2, 128, 128), None)],
        [(61, (2, 8, 128), None)],
        [(61, (2, 1, 128), None)],
        [(61, (512 + 64,), None)],
        [(51, (2, 8, 128), 1024), (10, (2, 8, 128), None)],
    ],
    "Falcon-7B": [
        [(32, (2, 71, 64), None)],
        [(32, (2, 1, 64), None)],
        [(32, (2, 1, 64), None)],
        [(32, (256 + 32,), None)],
        [(27, (2, 1, 64), 1024), (5, (2, 1, 64), None)],
    ],
}


@pytest.fixture(scope="module")
def figure():
    return CacheGrowth([model(name) for name in NAMES])


def kept(layers, tokens, batch, dtype):
    """Bytes of tensors that are not allocated."""
    total = 0
    for count, shape, window in layers:
        rows = tokens if window is None else min(tokens, window)
        total += count * torch.empty(batch, rows, *shape, dtype=DTYPE[dtype], device="meta").nbytes
    return total


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("batch", "tokens", "new"), [(1, 256, 0), (16, 1024, 1), (64, 1024, 0), (4, 2**20, 4)])
def test_bytes_are_those_of_tensors(figure, name, dtype, batch, tokens, new):
    figure.choose(tokens=tokens, texts=batch, name=name)
    figure.dtype, figure.new = dtype, new
    expected = [kept(layers, tokens + new, batch, dtype) for layers in SHAPES[name]]
    assert figure.tokens == tokens + new
    assert figure.bytes.tolist() == expected
    written = unpacked(figure.data["written"])[figure.data["unit"][figure.batch][DTYPES.index(dtype)], figure.model]
    assert written.tolist() == [kept([(n, shape, None) for n, shape, _ in of], 1, batch, dtype) for of in SHAPES[name]]


def test_texts_fit_and_one_more_does_not(figure):
    figure.choose(tokens=2**15, name="Llama-3-70B")
    for figure.dtype in DTYPES:
        for figure.variant, layers in enumerate(SHAPES["Llama-3-70B"]):
            one = kept(layers, 2**15, 1, figure.dtype)
            for count, device in zip(figure.texts_that_fit, ACCELERATORS, strict=True):
                assert count * one <= device.memory < (count + 1) * one
    assert [device.memory / 1e9 for device in ACCELERATORS] == [24, 80, 192, 640]


def test_published_sizes_stand_where_the_model_has_the_kind(figure):
    assert figure.data["own"] == [1, 4, 3, 2]
    for figure.model, name in enumerate(NAMES):
        own = figure.data["own"][figure.model]
        figure.choose(tokens=2**17, texts=8)
        figure.new, figure.dtype = 3, "bfloat16"
        assert figure.bytes[own] == model(name).cache_bytes(2**17 + 3, 8)


def test_numbers_from_papers(figure):
    """DeepSeek-V2, table 1: MLA as much as grouped attention with 2.25 groups. Gemma 3 27B at 128K: 10.4 GiB."""
    figure.choose(tokens=2**17, texts=1, name="Llama-3-70B")
    figure.new, figure.dtype = 0, "bfloat16"
    assert figure.bytes[3] / figure.bytes[2] == 2.25
    figure.choose(name="Gemma-3-27B")
    assert round(figure.bytes[4] / 2**30, 1) == 10.4 and "10.4 GiB" in figure.table()


def test_formula_multiplies_out_to_the_bytes(figure):
    rows = unpacked(figure.data["rows"])
    for m, name in enumerate(NAMES):
        for v, layers in enumerate(SHAPES[name]):
            for g, (term, (count, shape, window)) in enumerate(zip(figure.data["layers"][m][v], layers, strict=True)):
                assert (term["count"], term["window"]) == (count, window)
                assert eval(term["row"].replace("×", "*").replace(" KV heads", "").replace(" KV head", "")) == np.prod(
                    shape
                )
                for c, tokens in enumerate(CONTEXTS):
                    assert rows[m, v, g, c].tolist() == [min(tokens + new, window or 2**30) for new in range(NEW)]


def test_variants_of_an_own_model():
    layers = [
        (5, GroupedConfig(d_model=30, n_heads=6, n_kv_heads=6, d_head=5, window=7)),
        (2, GroupedConfig(d_model=30, n_heads=6)),
    ]
    names = [describe(variant) for variant in variants(Model("mine", tuple(layers)))]
    assert names == [
        "MHA, 6 KV heads",
        "GQA, 3 KV heads",
        "MQA, 1 KV head",
        "MLA, 20 + 2 numbers",
        "windows in 5 of 7 layers",
    ]
    one = variants(Model("one layer", ((1, GroupedConfig(d_model=12, n_heads=3)),)))
    assert [variant.published for variant in one] == [True, False, False, False, False]
    assert one[4].model.layers[0][1].window is None and one[1].model.layers[0][1].n_kv_heads == 1
    latent = Model("latent", ((3, LatentConfig(d_model=12, n_heads=2, d_latent=5, d_head=3, window=4)),))
    assert [describe(v) for v in variants(latent) if v.published] == ["windows in 3 of 3 layers"]
    mqa = Model("mqa", ((3, GroupedConfig(d_model=12, n_heads=4, n_kv_heads=1)),))
    assert [v.kind for v in variants(mqa) if v.published] == ["MQA"]
    assert isinstance(one[0], Variant)


def test_alternative_text_and_table_hold_the_numbers(figure):
    figure.choose(tokens=2**15, texts=16, name="Llama-3-70B")
    figure.variant, figure.new, figure.dtype = 1, 0, "bfloat16"
    assert "At 32,768 tokens, MHA, 64 KV heads: 1.2 TiB; GQA, 8 KV heads: 160 GiB;" in figure.alt()
    assert "<th>GQA, 8 KV heads</th><td>171,798,691,840</td><td>160 GiB</td><td>2</td><td>7</td>" in figure.table()
    assert repr(figure) == f"CacheGrowth(models={list(NAMES)})"
    assert (BATCHES[figure.batch], CONTEXTS[figure.context]) == (16, 2**15)


def test_the_still_names_each_line_and_says_how_many_texts_fit(figure):
    figure.choose(tokens=2**15, texts=16, name="Llama-3-70B")
    figure.variant, figure.new, figure.dtype = 1, 0, "bfloat16"
    (ax,) = figure.drawing().get_axes()
    drawn = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(drawn) == [*figure.kinds, "chosen"] and set(figure.kinds) <= {text.get_text() for text in ax.texts}
    for kind, size in zip(figure.kinds, figure.bytes, strict=True):
        assert dict(zip(*drawn[kind].get_data(), strict=True))[2**15] == size
    assert "8 H100, 640 GB: 59 texts" in {text.get_text() for text in ax.texts}
    np.testing.assert_array_equal(np.diff(np.log2(ax.get_yticks())), 4)


def test_the_one_thing_to_try_is_another_kind(figure):
    figure.variant = 1
    assert figure.first_try() == ("MHA instead", {"variant": 0})
    figure.variant = 0
    assert figure.first_try() == ("MLA instead", {"variant": 3})
