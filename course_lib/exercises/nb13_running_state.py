"""Exercise 13.5: causal linear attention as a recurrence, with its state after each token."""

import numpy as np

from course_lib.exercises.core import Exercise, Mistake, Stage, edits, randn


def recurrence(Phi_Q, Phi_K, V):
    S, z = np.zeros((Phi_K.shape[1], V.shape[1])), np.zeros(Phi_K.shape[1])
    outputs, states = [], []
    for q, k, v in zip(Phi_Q, Phi_K, V, strict=True):
        S = S + np.outer(k, v)
        z = z + k
        outputs.append(q @ S / (q @ z))
        states.append(np.column_stack([S, z]))
    return np.array(outputs), np.array(states)


def _inputs(n: int, m: int, d_V: int, seed: int, size: float = 1.0) -> tuple:
    """Positive features of about this size, and values."""
    Phi_Q, Phi_K = (size * np.exp(randn(n, m, seed=s)) for s in (seed, seed + 1))
    return Phi_Q, Phi_K, randn(n, d_V, seed=seed + 2)


RECURRENCE = Exercise(
    id="13.5",
    title="a state in place of a cache (optional)",
    minutes=9,
    difficulty=2,
    solution=recurrence,
    stages=(
        Stage(_inputs(2, 3, 3, 20), "two tokens, three features, values in R^3"),
        Stage(_inputs(5, 5, 5, 30), "five tokens, five features, values in R^5"),
        Stage(_inputs(6, 4, 2, 40), "six tokens, four features, values in R^2"),
        Stage(_inputs(3, 2, 7, 50), "three tokens, two features, values in R^7"),
        Stage(_inputs(4, 3, 2, 60, size=1e-4), "four tokens, three features of about 1e-4, values in R^2"),
    ),
    mistakes=edits(
        recurrence,
        """
        np.zeros((Phi_K.shape[1], V.shape[1])), np.zeros(Phi_K.shape[1]) -> Phi_K.T @ V, Phi_K.sum(axis=0) && S = S +
          np.outer(k, v) -> pass && z = z + k -> pass | The sums run over all keys, so each token sees later ones.
          Token i reads the sums up to its own key.
        S = S + np.outer(k, v) -> before = S, z; S = S + np.outer(k, v) && q @ S / (q @ z) -> q @ before[0] / (q @
          before[1]) | The state is read before it has the new key. A token sees itself, so add its key and value
          first.
        S = S + np.outer(k, v) -> before = S, z; S = S + np.outer(k, v) && q @ S / (q @ z) -> q @ before[0] / max(q @
          before[1], 1e-12) | The state is read before it has the new key, so the first output is 0. A token sees
          itself, so add its key and value first.
        S = S + np.outer(k, v) -> before = S, z; S = S + np.outer(k, v) && q @ S / (q @ z) -> q @ before[0] / (q @
          before[1]) if len(states) else v | The first output is its value, but all later ones are read before the
          state has the new key. A token sees itself, so add its key and value first.
        q @ S / (q @ z) -> q @ S / (q @ z + 1e-6) | A small number is added to the normaliser. phi(q)^T z is positive,
          so divide by it alone.
        q @ S / (q @ z) -> q @ S | The output is not normalised. Divide by phi(q)^T z.
        q @ S / (q @ z) -> q @ S / (q @ Phi_K.sum(axis=0)) | The normaliser sums over all keys. Token i divides by the
          sum over the keys up to its own.
        q @ S / (q @ z) -> q @ S / (q @ k) | The normaliser has the last key alone. Divide by the sum over all keys so
          far, phi(q)^T z.
        q @ S / (q @ z) -> q @ S / len(states + [z]) | The output is divided by the number of tokens. Divide by
          phi(q)^T z, so that the weights sum to 1.
        q @ S / (q @ z) -> q @ S / z.sum() | The features of the keys are summed without the query. The normaliser is
          phi(q)^T z.
        q @ S / (q @ z) -> q @ S / q.sum() | The normaliser is the sum of the query's features. It is phi(q)^T z.
        q @ S / (q @ z) -> q @ (S / z[:, None]) | Each row of S is divided by its own entry of z. Divide after the
          product with phi(q).
        q @ S / (q @ z) -> q / q.sum() @ (S / z[:, None]) | Each row of S is divided by its own entry of z. Divide the
          product phi(q)^T S by phi(q)^T z.
        S = S + np.outer(k, v) -> S = np.outer(k, v) && z = z + k -> z = k | The state has the last token alone. Add
          each token to the sums.
        S = S + np.outer(k, v) -> S = np.outer(k, v) | S has the last token alone. Add each outer product to the sum.
        z = z + k -> z = k | z has the last key alone. Add each key to the sum.
        z = z + k -> z = z + 1 | z counts tokens. Add the features of each key.
        z = z + k -> z = z + q | z sums features of queries. Add those of the keys.
        z = z + k -> z = z + k / k.sum() | The features of each key are normalised in z. Add them as they are.
        np.outer(k, v) -> np.outer(k, v) / k.sum() && z = z + k -> z = z + k / k.sum() | The features of each key are
          normalised to the sum 1, so all keys count alike. Add them as they are.
        np.outer(k, v) -> np.outer(q, v) && z = z + k -> z = z + q && q @ S / (q @ z) -> k @ S / (k @ z) | Queries and
          keys are exchanged. The sums hold features of keys.
        q, k, v in zip(Phi_Q, Phi_K, -> q, k, v in zip(Phi_Q, Phi_Q, | The sums hold features of the queries. They hold
          those of the keys; queries read.
        q, k, v in zip(Phi_Q, Phi_K, -> q, k, v in zip(Phi_K, Phi_K, | The keys read the sums. The outputs are read by
          queries.
        q @ S / (q @ z) -> S @ q / (q @ z) | S is multiplied by the query from the right. Its rows belong to features,
          so form phi(q)^T S.
        q @ S / (q @ z) -> q @ S / q | The output is divided by the query's features. Divide by one number, phi(q)^T z.
        z = z + k -> pass | z stays 0. Add the features of each key.
        S = S + np.outer(k, v) -> pass | S stays 0. Add the outer product of each token.
        np.outer(k, v) -> np.outer(q, v) | The outer products have features of queries. The sums hold those of keys.
        np.outer(k, v) -> np.outer(v, k) | The outer product is v phi(k)^T. S has a row for each feature, so form
          phi(k) v^T.
        np.outer(k, v) -> k * v | The product is taken entry by entry. phi(k) v^T is the outer product.
        np.outer(k, v) -> np.outer(k / np.sqrt(len(k)), v / np.sqrt(len(k))) && z = z + k -> z = z + k / len(k) | The
          sums are divided by m. The features have their factor already.
        np.outer(k, v) -> np.outer(np.exp(k), v) && z = z + k -> z = z + np.exp(k) && q @ S / (q @ z) -> np.exp(q) @ S
          / (np.exp(q) @ z) | The exponential is taken of the features. They are positive as they are given.
        [S, z] -> [S, k] | The last column of each state has the features of the last key alone. Store z, the sum of
          them up to token i.
        return np.array(outputs), -> A = np.triu(Phi_Q @ Phi_K.T); return A @ V / A.sum(axis=1, keepdims=True), | The
          states are right, but the outputs run over the keys from i on, as `np.triu` leaves them. Token i sees the keys
          up to its own: take `np.tril`.
        return np.array(outputs), -> A = np.tril(Phi_Q @ Phi_K.T); return A @ V / A.sum(axis=0)[:, None], | The outputs
          are divided by sums over queries, those of the columns of A. Divide by sums over keys, those of its rows.
        [S, z] -> [z, S] | z stands before S. It is the last column.
        [S, z] -> [S / z[:, None], z] | The stored S is divided by z. The state is the sums themselves, which the next
          token adds to.
        [S, z] -> [S / len(outputs), z / len(outputs)] | The stored state is a mean over tokens. Store the sums.
        [S, z] -> [np.outer(k, v), k] | The terms of the tokens are returned. Return their sums up to each token.
        [S, z] -> [S] | z is missing in the states. It is their last column.
        states.append(np.column_stack([S, z])) -> states = np.column_stack([S, z]) | The last state alone is returned.
          Return the state after each token.
        return np.array(outputs), np.array(states) -> return np.array(outputs), np.array([states[-1]] * len(V)) | All
          states are the last one: they are one array that was changed in place. Append a copy at each step.
        return np.array(outputs), -> return Phi_Q @ S / (Phi_Q @ z)[:, None], | All outputs read the last state. Token
          i reads the state after token i.
        return np.array(outputs), -> return Phi_Q @ S / (Phi_Q * np.cumsum(Phi_K, axis=0)).sum(axis=1)[:, None], | All
          outputs read the last S. Token i reads the sums after token i.
        np.array(states) -> np.array([np.zeros_like(states[0]), *states[:-1]]) | The states are those before each
          token. Return those after it.
        return np.array(outputs), np.array(states) -> return np.array(outputs) | The outputs alone are returned. Return
          the states, too.
        return np.array(outputs), np.array(states) -> return np.array(states), np.array(outputs) | The two results are
          exchanged. The outputs come first.
        """,
    )
    + (
        Mistake(
            lambda Phi_Q, Phi_K, V: tuple(a[::-1] for a in recurrence(Phi_Q[::-1], Phi_K[::-1], V[::-1])),
            "The sums run over the keys from i on. Token i sees the keys up to its own.",
        ),
    ),
    hints=(
        "Begin with S = 0, (m, d_V), and z = 0, (m,). Go through the tokens in order.",
        "For each token add `np.outer(k, v)` to S and k to z, with k its row of Phi_K and v its row of V.",
        "Then read: y = q @ S / (q @ z). Append y and `np.column_stack([S, z])` to two lists.",
    ),
)
