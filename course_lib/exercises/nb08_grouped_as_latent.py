"""Exercise 8.1: grouped-query attention as a latent attention, by selections of columns."""

import numpy as np

from course_lib.exercises.core import Exercise, Stage, edits


def selectors(n_heads, n_kv_heads, d_head):
    group = [i // (n_heads // n_kv_heads) for i in range(n_heads)]
    one, values = np.eye(2 * n_kv_heads * d_head), n_kv_heads * d_head  # the values begin at this column of L
    W_LK = np.stack([one[:, q * d_head : (q + 1) * d_head] for q in group])
    W_LV = np.stack([one[:, values + q * d_head : values + (q + 1) * d_head] for q in group])
    return W_LK, W_LV


SELECTORS = Exercise(
    id="8.1",
    title="grouped attention inside latent attention",
    minutes=8,
    difficulty=2,
    solution=selectors,
    stages=(
        Stage((1, 1, 3), "one head, so the first half of L is its key, the second its value"),
        # Groups come next, because here different wrong rules give different selections.
        Stage((6, 3, 2), "six heads in three groups"),
        Stage((10, 2, 5), "ten heads in two groups"),
        Stage((3, 1, 2), "three heads that share one key and value (multi-query)"),
        Stage((3, 3, 2), "three heads with keys and values of their own (multi-head)"),
    ),
    mistakes=edits(
        selectors,
        """
        i // (n_heads // n_kv_heads) -> i % n_kv_heads | Neighbouring heads take different groups (i modulo g). Heads 0
            to h / g - 1 share group 0, so head i reads group i // (h / g).
        i // (n_heads // n_kv_heads) -> min(i // n_kv_heads, n_kv_heads - 1) | Head i reads group i // g here. A group
            has h / g heads, so it is i // (h / g).
        i // (n_heads // n_kv_heads) -> 0 | Every head reads the first group. Head i reads group i // (h / g).
        i // (n_heads // n_kv_heads) -> n_kv_heads - 1 - i // (n_heads // n_kv_heads) | The groups are in reverse order.
            The first heads read group 0.
        one[:, q * d_head : (q + 1) * d_head] -> one[:, :d_head] | All heads have the keys of group 0. Those of group q
            begin at column q d_head.
        one[:, values + q * d_head : values + (q + 1) * d_head] -> one[:, values : values + d_head] | All heads have the
            values of group 0. Those of group q begin at column (g + q) d_head.
        return W_LK, W_LV -> return W_LV, W_LK | Keys and values have changed places. The first g d_head columns of W_L
            make the keys.
        return W_LK, W_LV -> return W_LK, W_LK | The values are read from the columns that make keys. Those of the
            values begin at column g d_head.
        one[:, q * d_head : (q + 1) * d_head] -> one[:, 2 * q * d_head : (2 * q + 1) * d_head] && one[:, values + q *
            d_head : values + (q + 1) * d_head] -> one[:, (2 * q + 1) * d_head : (2 * q + 2) * d_head] | This fits a W_L
            whose columns alternate, key and value of group 0, then of group 1. Ours has all keys first, then all
            values.
        one[:, q * d_head : (q + 1) * d_head] -> one[:, q : values : n_kv_heads] && one[:, values + q * d_head : values
            + (q + 1) * d_head] -> one[:, values + q :: n_kv_heads] | The columns of a head are g apart. In W_L the
            d_head columns of a group lie side by side.
        return W_LK, W_LV -> return W_LK.swapaxes(1, 2), W_LV.swapaxes(1, 2) | Each selection is transposed. L W_LK_h
            needs as many rows as L has columns, 2 g d_head.
        for i in range(n_heads) -> for i in range(0, n_heads, n_heads // n_kv_heads) | There is one selection per group.
            Each of the h heads needs its own, equal within a group.
        return W_LK, W_LV -> return W_LK[:, :values], W_LV[:, values:] | These select from the keys alone and from the
            values alone. Both are multiplied with the whole L, so they have 2 g d_head rows.
        return W_LK, W_LV -> return W_LK | The selections of the keys alone are returned. Return W_LK, W_LV.
        one[:, q * d_head : (q + 1) * d_head] -> one[:, q :: 2 * n_kv_heads] && one[:, values + q * d_head : values + (q
            + 1) * d_head] -> one[:, n_kv_heads + q :: 2 * n_kv_heads] | The columns of a head are 2 g apart. In W_L
            they lie side by side. `np.kron` needs `np.eye(d_head)` second, and `reshape` does not transpose.
        one[:, q * d_head : (q + 1) * d_head] -> one[:, q : q + d_head] && one[:, values + q * d_head : values + (q + 1)
            * d_head] -> one[:, values + q : values + q + d_head] | The columns of neighbouring groups overlap. A group
            has d_head columns, so group q begins q d_head columns after group 0.
        one[:, q * d_head : (q + 1) * d_head] -> one[:, [q * d_head]] * one[0, :d_head] && one[:, values + q * d_head :
            values + (q + 1) * d_head] -> one[:, [values + q * d_head]] * one[0, :d_head] | Each selection picks one
            column. A key and a value have d_head of them.
        """,
    ),
    hints=(
        "L W_LK_h must give K of head h's group. Which columns of L hold it? Multiplying by columns of the identity "
        "picks columns.",
        "`np.eye(2 * g * d_head)[:, start : start + d_head]` picks d_head columns from `start` on.",
        "Head i is in group q = i // (h // g). Its keys start at column q d_head, its values at (g + q) d_head.",
    ),
)
