"""Sizes of caches over lengths, batches and number formats: the numbers of figure 8."""

import numpy as np

from course_lib.accounting import Model, cache_rows, in_binary_units
from course_lib.widgets.numbers.cache_variants import row_formula

CONTEXTS = tuple(2**k for k in range(8, 21))
BATCHES = (1, 2, 4, 8, 16, 32, 64)
DTYPES = ("float32", "bfloat16", "float8")
NEW = 5  # a text of the chosen length, and up to four more tokens


def counted(of: Model) -> list[list[int]]:
    """How many numbers the caches of one text hold, (contexts, new): counted as bytes of numbers of one byte."""
    return [[of.cache_bytes(tokens + new, dtype="int8") for new in range(NEW)] for tokens in CONTEXTS]


def terms(of: Model) -> list[dict]:
    """The terms of the formula for a model's cache: for each group of layers its count, cached row and window."""
    return [{"count": count, "row": row_formula(config), "window": config.window} for count, config in of.layers]


def rows_of_layers(kinds) -> np.ndarray:
    """How many rows a layer of each group holds, (model, kind, group, context, new); 0 where a model has fewer groups.

    kinds: for each model its variants.
    """
    groups = max(len(variant.model.layers) for of in kinds for variant in of)
    rows = np.zeros((len(kinds), len(kinds[0]), groups, len(CONTEXTS), NEW), dtype=int)
    for m, of in enumerate(kinds):
        for v, variant in enumerate(of):
            for g, (_, config) in enumerate(variant.model.layers):
                rows[m, v, g] = [[cache_rows(config, tokens + new) for new in range(NEW)] for tokens in CONTEXTS]
    return rows


def axis(sizes: np.ndarray) -> dict:
    """Limits and ticks of a plot's axis: powers of two around all sizes (bytes), and a tick at every fourth power."""
    low, high = int(np.floor(np.log2(sizes.min()))), int(np.ceil(np.log2(sizes.max())))
    ticks = [2**k for k in range(-(-low // 4) * 4, high + 1, 4)]
    return {"domain": [2.0**low, 2.0**high], "ticks": ticks, "texts": [in_binary_units(tick) for tick in ticks]}
