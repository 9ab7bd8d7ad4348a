"""Exercise 8.1: grouped-query attention as a latent attention, by selections of columns."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage


def selectors(n_heads, n_kv_heads, d_head):
    group = [i // (n_heads // n_kv_heads) for i in range(n_heads)]
    of_keys, of_values = np.split(np.eye(2 * n_kv_heads * d_head), 2, axis=1)
    keys, values = (np.split(half, n_kv_heads, axis=1) for half in (of_keys, of_values))
    return np.stack([keys[q] for q in group]), np.stack([values[q] for q in group])


def _chosen(columns):
    """The selections that take column columns(i, n_heads, n_kv_heads, d_head) and the d_head - 1 behind it, K and V."""

    def answer(n_heads, n_kv_heads, d_head):
        one = np.eye(2 * n_kv_heads * d_head)
        starts = [columns(i, n_heads, n_kv_heads, d_head) for i in range(n_heads)]
        return tuple(np.stack([one[:, s[k] : s[k] + d_head] for s in starts]) for k in (0, 1))

    return answer


def _by_group(rule):
    """The asked order of columns, with another rule for the group of head i."""
    return _chosen(lambda i, h, g, e: (rule(i, h, g) * e, (g + rule(i, h, g)) * e))


def _coordinates_apart(n_heads, n_kv_heads, d_head):
    W_LK, W_LV = np.zeros((2, n_heads, 2 * n_kv_heads * d_head, d_head))
    for i in range(n_heads):
        group = i // (n_heads // n_kv_heads)
        for c in range(d_head):
            W_LK[i, c * n_kv_heads + group, c] = W_LV[i, (d_head + c) * n_kv_heads + group, c] = 1
    return W_LK, W_LV


SELECTORS = Exercise(
    id="8.1",
    title="grouped attention inside latent attention",
    minutes=8,
    difficulty=2,
    solution=selectors,
    stages=(
        Stage((1, 1, 3), "one head: the first half of L is its key, the second its value"),
        # Groups next, because there no two wrong rules give the same selections.
        Stage((6, 3, 2), "six heads in three groups"),
        Stage((3, 1, 2), "three heads that share one key and value (multi-query)"),
        Stage((3, 3, 2), "three heads with keys and values of their own (multi-head)"),
    ),
    mistakes=(
        Mistake(
            _by_group(lambda i, h, g: i % g),
            "neighbouring heads take different groups (i modulo g); heads 0 ... h/g - 1 share group 0, so head i "
            "reads group i // (h / g)",
        ),
        Mistake(
            _by_group(lambda i, h, g: min(i // g, g - 1)),
            "head i reads group i // g; a group has h / g heads, so it is i // (h / g)",
        ),
        Mistake(
            _by_group(lambda i, h, g: 0),
            "every head reads the first group; head i reads group i // (h / g)",
        ),
        Mistake(
            lambda h, g, e: selectors(h, g, e)[::-1],
            "keys and values have changed places; the first g d_head columns of W_L make the keys",
        ),
        Mistake(
            lambda h, g, e: selectors(h, g, e)[:1] * 2,
            "the values are read from the columns that make keys; those of the values begin at column g d_head",
        ),
        Mistake(
            _chosen(lambda i, h, g, e: ((2 * (i // (h // g))) * e, (2 * (i // (h // g)) + 1) * e)),
            "this fits a W_L whose columns alternate, key and value of group 0, then of group 1; ours has all keys "
            "first, then all values",
        ),
        Mistake(
            _coordinates_apart,
            "the columns of a head are g apart; in W_L the d_head columns of a group lie side by side",
        ),
        Mistake(
            lambda h, g, e: tuple(W.swapaxes(1, 2) for W in selectors(h, g, e)),
            "each selection is transposed; L W_LK_h needs as many rows as L has columns, 2 g d_head",
        ),
        Mistake(
            lambda h, g, e: tuple(W[:: h // g] for W in selectors(h, g, e)),
            "there is one selection per group; each of the h heads needs its own, equal within a group",
        ),
        Mistake(
            lambda h, g, e: (selectors(h, g, e)[0][:, : g * e], selectors(h, g, e)[1][:, g * e :]),
            "these select from the keys alone and from the values alone; both are multiplied with the whole L, so they "
            "have 2 g d_head rows",
        ),
        Mistake(
            lambda h, g, e: selectors(h, g, e)[0],
            "the selections of the keys alone are returned; return W_LK, W_LV",
        ),
    ),
    hints=(
        "L W_LK_h must give K of head h's group. Which columns of L hold it? Multiplying by columns of the identity "
        "picks columns.",
        "`np.eye(2 * g * d_head)[:, start : start + d_head]` picks d_head columns from `start` on.",
        "Head i is in group q = i // (h // g): its keys start at column q d_head, its values at (g + q) d_head.",
    ),
)
