"""Checks of notebook 01: every mistake hears its own message, right answers pass in any style."""

import math
import re

import numpy as np
import pytest
import torch

from course_lib.exercises import nb01
from course_lib.exercises.core import grade
from course_lib.exercises.embeddings import ppmi
from course_lib.exercises.tokens import bpe_step, greedy_tokens
from course_lib.text.tokenizers import PairTokenizer
from course_lib.text.tokenizers.merges import learn_merges


@pytest.mark.parametrize("exercise", nb01.EXERCISES, ids=lambda e: e.id)
def test_solution_passes_and_every_mistake_hears_its_own_message(exercise):
    assert grade(exercise, exercise.solution).passed is True
    assert len({m.message for m in exercise.mistakes}) == len(exercise.mistakes) >= 3
    for mistake in exercise.mistakes:
        result = grade(exercise, mistake.answer)
        assert result.passed is False and mistake.message in result.message


def greedy_by_regex(text, vocabulary):
    return re.findall("|".join(map(re.escape, sorted(vocabulary, key=len, reverse=True))), text)


def greedy_by_recursion(text, vocabulary):
    if not text:
        return []
    token = next(t for t in (text[:2], text[:1]) if t in vocabulary)
    return [token] + greedy_by_recursion(text[len(token) :], vocabulary)


def step_in_loops(ids, new_id):
    pairs = [(a, b) for a, b in zip(ids[:-1], ids[1:], strict=True)]
    best = sorted(set(pairs), key=lambda p: (-pairs.count(p), p))[0]
    out = list(ids)
    i = 0
    while i < len(out) - 1:
        if (out[i], out[i + 1]) == best:
            out[i : i + 2] = [new_id]
        i += 1
    return list(best), out


def step_by_arrays(ids, new_id):
    x = np.array(ids)
    pairs, counts = np.unique(np.stack([x[:-1], x[1:]], 1), axis=0, return_counts=True)  # sorted, so ties are smallest
    pair = pairs[np.argmax(counts)]
    text = re.sub(f" {pair[0]}, {pair[1]},", f" {new_id},", " " + ", ".join(map(str, ids)) + ",")
    return tuple(pair), np.array([int(t) for t in text.strip(" ,").split(", ")])


def gradient_by_autograd(ids, G, n_tokens):
    E = torch.zeros(n_tokens, G.shape[1], dtype=torch.float64, requires_grad=True)
    E[torch.tensor(ids)].backward(torch.from_numpy(G))
    return E.grad


def ppmi_in_loops(C):
    total, out = C.sum(), np.zeros(C.shape)
    for i, j in zip(*np.nonzero(C), strict=True):
        out[i, j] = max(0.0, math.log(C[i, j] * total / C[i].sum() / C[:, j].sum()))
    return out


def ppmi_in_torch(C):
    P = torch.from_numpy(C) / C.sum()
    return (P.log() - torch.outer(P.sum(1), P.sum(0)).log()).clamp(min=0)


@pytest.mark.parametrize(
    "exercise, answer",
    [
        (nb01.GREEDY, greedy_by_regex),
        (nb01.GREEDY, greedy_by_recursion),
        (nb01.GREEDY, lambda text, vocabulary: tuple(greedy_by_regex(text, vocabulary))),
        (nb01.BPE_STEP, step_in_loops),
        (nb01.BPE_STEP, step_by_arrays),
        (nb01.ONE_HOT, lambda ids, n: np.eye(n)[ids]),
        (nb01.ONE_HOT, lambda ids, n: [[int(t == i) for t in range(n)] for i in ids]),
        (nb01.ONE_HOT, lambda ids, n: torch.nn.functional.one_hot(torch.tensor(ids), n)),
        (nb01.GRADIENT, gradient_by_autograd),
        (nb01.GRADIENT, lambda ids, G, n: np.eye(n)[ids].T @ G),
        (nb01.GRADIENT, lambda ids, G, n: np.einsum("nt,nd->td", np.eye(n)[ids], G)),
        (nb01.PPMI, ppmi_in_loops),
        (nb01.PPMI, ppmi_in_torch),
        (nb01.MEMORY, lambda n, d, b: {"GB": n * d * b / 1e9, "GiB": n * d * b / 1024**3}),
    ],
)
def test_right_answers_pass_in_any_style(exercise, answer):
    assert grade(exercise, answer).passed is True


@pytest.mark.parametrize(
    "exercise, answer, message",
    [
        (nb01.GREEDY, lambda text, vocabulary: text.split(), "no pair in the vocabulary: your result has 1 entries"),
        (nb01.GREEDY, lambda text, vocabulary: greedy_by_regex(text, vocabulary)[::-1], "no pair in the vocabulary"),
        (nb01.GREEDY, lambda text, vocabulary: "".join(greedy_by_regex(text, vocabulary)), "you returned str"),
        (nb01.BPE_STEP, lambda ids, new_id: bpe_step(ids, new_id)[1], "two ids, one pair"),
        (nb01.BPE_STEP, lambda ids, new_id: (bpe_step(ids, new_id)[0], ids), "two ids, one pair: in entry 1"),
        (nb01.BPE_STEP, lambda ids, new_id: (max(zip(ids, ids[1:], strict=False)), ids), "two ids, one pair"),
        (nb01.ONE_HOT, lambda ids, n: np.eye(len(ids), n), "two tokens"),
        (nb01.ONE_HOT, lambda ids, n: np.eye(n)[ids] * n, "one token, id 0 of 3"),
        (nb01.ONE_HOT, lambda ids, n: np.eye(max(ids) + 1)[ids], "shape (1, 1)"),
        (nb01.GRADIENT, lambda ids, G, n: gradient_by_autograd(ids, G, n).T, "shape"),
        (nb01.GRADIENT, lambda ids, G, n: gradient_by_autograd(ids, G, n) * 2, "two different tokens"),
        (nb01.GRADIENT, lambda ids, G, n: np.eye(n)[ids].T @ G[::-1], "two different tokens"),
        (nb01.PPMI, lambda C: np.log1p(C), "independent words"),
        (nb01.PPMI, lambda C: C / C.sum(), "independent words"),
        (nb01.PPMI, lambda C: np.where(C > 0, np.log(np.maximum(C, 1) / C.mean()), 0).clip(0), "independent words"),
        (nb01.MEMORY, lambda n, d, b: n * d * b / 1e9, "a dict is expected"),
        (nb01.MEMORY, lambda n, d, b: {"GB": n * d * b / 1e9}, "the key 'GiB' is missing"),
        (nb01.MEMORY, lambda n, d, b: {"GB": (n + d) * b / 1e9, "GiB": (n + d) * b / 2**30}, "under the key 'GB'"),
    ],
)
def test_other_wrong_answers_hear_stage_and_place(exercise, answer, message):
    result = grade(exercise, answer)
    assert result.passed is False and message in result.message


def test_zero_counts_give_zeros_not_nan():
    C = np.array([[0.0, 2.0, 0.0], [3.0, 0.0, 0.0]])  # an empty column, and zeros in every row
    with np.errstate(divide="raise"):
        np.testing.assert_allclose(ppmi(C), [[0, np.log(5 / 2), 0], [np.log(5 / 3), 0, 0]], rtol=1e-15)


TEXT = "the theory of the other: the rest, then the others; aaaa aaa mmmm"


def test_repeated_bpe_steps_are_the_librarys_merges():
    ids, steps = list(TEXT.encode()), []
    for new_id in range(256, 268):
        pair, ids = bpe_step(ids, new_id)
        steps.append(pair)
    merges = learn_merges([list(TEXT.encode())], [1], 12)  # ends when no pair is left that occurs twice
    assert steps[: len(merges)] == merges and len(merges) == 10


@pytest.mark.parametrize("n_pairs", [0, 5, 17])
def test_greedy_tokens_are_the_librarys(n_pairs):
    tokenizer = PairTokenizer.train(TEXT, 256 + n_pairs)
    vocabulary = {tokenizer.show(i) for i in range(len(tokenizer))}
    assert greedy_tokens(TEXT, vocabulary) == tokenizer.tokens(TEXT)
