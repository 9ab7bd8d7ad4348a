"""Checks of notebook 01: right answers pass in any style, further wrong ones hear why."""

import math
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from course_lib.exercises import nb01_byte_pairs, nb01_embeddings, nb01_tokens
from course_lib.exercises.grading import grade
from course_lib.exercises.nb01_byte_pairs import bpe_step
from course_lib.exercises.nb01_embeddings import ppmi
from course_lib.exercises.nb01_tokens import greedy_tokens
from course_lib.text.tokenizers import PairTokenizer
from course_lib.text.tokenizers.merges import learn_merges


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
    ratio = torch.where(P > 0, P / torch.outer(P.sum(1), P.sum(0)), 1.0)
    return ratio.log().clamp(min=0)


def greedy_by_lengths(text, vocabulary):
    i, out = 0, []
    while i < len(text):
        n = 1 + (text[i : i + 2] in vocabulary and i + 1 < len(text))
        out.append(text[i : i + n])
        i += n
    return out


def step_by_flat_codes(ids, new_id):
    x = np.array(ids)
    codes, counts = np.unique(x[:-1] * (x.max() + 1) + x[1:], return_counts=True)
    pair = divmod(int(codes[np.argmax(counts)]), int(x.max()) + 1)
    out, skip = [], False
    for i, here in enumerate(ids):
        if skip:
            skip = False
            continue
        skip = (here, *ids[i + 1 : i + 2]) == pair
        out.append(new_id if skip else here)
    return pair, out


def ppmi_by_logs(C):
    with np.errstate(divide="ignore", invalid="ignore"):
        L = np.log(C) + np.log(C.sum()) - np.log(C.sum(1))[:, None] - np.log(C.sum(0))
    return np.fmax(L, 0)  # of NaN and 0 it is 0


@pytest.mark.parametrize(
    "exercise, answer",
    [
        (nb01_tokens.GREEDY, greedy_by_regex),
        (nb01_tokens.GREEDY, greedy_by_recursion),
        (nb01_tokens.GREEDY, lambda text, vocabulary: tuple(greedy_by_regex(text, vocabulary))),
        (nb01_tokens.GREEDY, greedy_by_lengths),
        (nb01_byte_pairs.BPE_STEP, step_by_flat_codes),
        (nb01_byte_pairs.BPE_STEP, step_in_loops),
        (nb01_byte_pairs.BPE_STEP, step_by_arrays),
        (nb01_embeddings.ONE_HOT, lambda ids, n: np.eye(n)[ids]),
        (nb01_embeddings.ONE_HOT, lambda ids, n: [[int(t == i) for t in range(n)] for i in ids]),
        (nb01_embeddings.ONE_HOT, lambda ids, n: torch.nn.functional.one_hot(torch.tensor(ids), n)),
        (nb01_embeddings.GRADIENT, gradient_by_autograd),
        (nb01_embeddings.GRADIENT, lambda ids, G, n: np.eye(n)[ids].T @ G),
        (nb01_embeddings.GRADIENT, lambda ids, G, n: np.einsum("nt,nd->td", np.eye(n)[ids], G)),
        (nb01_embeddings.PPMI, ppmi_in_loops),
        (nb01_embeddings.PPMI, ppmi_in_torch),
        (nb01_embeddings.PPMI, ppmi_by_logs),
        (nb01_embeddings.MEMORY, lambda n, d, b: {"GB": n * d * b / 1e9, "GiB": n * d * b / 1024**3}),
    ],
)
def test_right_answers_pass_in_any_style(exercise, answer):
    assert grade(exercise, answer).passed is True


def grid(text, vocabulary):
    out = []
    for i in range(0, len(text), 2):
        out += [text[i : i + 2]] if text[i : i + 2] in vocabulary else list(text[i : i + 2])
    return out


def pairs_in_turn(text, vocabulary):
    """By regular expression, one pair after the other; taken ones are put in angles."""
    for pair in sorted(token for token in vocabulary if len(token) == 2):
        text = re.sub(f"<..>|{re.escape(pair)}", lambda m: m[0] if len(m[0]) == 4 else f"<{m[0]}>", text)
    return [token.strip("<>") for token in re.findall("<..>|.", text)]


def merge_while(ids, new_id, right=0, step=2, end=0):
    """A participant's loop over positions with three places for a slip."""
    pair, out, i = bpe_step(ids, new_id)[0], [], 0
    ids, pair_here = (ids[::-1], pair[::-1]) if right else (ids, pair)
    while i < len(ids) - end:
        if tuple(ids[i : i + 2]) == pair_here:
            out.append(new_id)
            i += step
        else:
            out.append(ids[i])
            i += 1
    return pair, out[::-1] if right else out


def largest_of_ties(ids, new_id):
    pairs = Counter(pairwise(ids))
    pair = max(pairs, key=lambda p: (pairs[p], p))
    text = re.sub(f" {pair[0]}, {pair[1]},", f" {new_id},", "".join(f" {i}," for i in ids))
    return pair, [int(i) for i in text.split(",")[:-1]]


def choosing(neighbours, of_equals=lambda p: p):
    """The step with other neighbours, or another choice among equally frequent pairs."""

    def step(ids, new_id):
        counts = Counter(neighbours(ids))
        pair = min(counts, key=lambda p: (-counts[p], of_equals(p)))
        text = re.sub(f" {pair[0]}, {pair[1]},", f" {new_id},", "".join(f" {i}," for i in ids))
        return pair, [int(i) for i in text.split(",")[:-1]]

    return step


def counting_without_overlap(ids):
    kept, free = [], 0
    for i, pair in enumerate(pairwise(ids)):
        if i >= free or pair != kept[-1]:
            kept.append(pair)
            free = i + 2
    return kept


def by_codes_of_bytes(ids, new_id):
    counts = Counter(256 * a + b for a, b in pairwise(ids))
    pair = divmod(min(counts, key=lambda code: (-counts[code], code)), 256)
    return choosing(lambda ids: [pair])(ids, new_id)


def ppmi_without_keepdims(C):
    with np.errstate(all="ignore"):
        return np.where(C > 0, np.log(C * C.sum() / (C.sum(1) * C.sum(0))).clip(0), 0)


@pytest.mark.parametrize(
    "exercise, answer, stage, words",
    [
        (nb01_tokens.GREEDY, grid, "'abxab'", "at the places 0, 2, 4"),
        (nb01_tokens.GREEDY, lambda text, v: greedy_by_regex(text.lower(), v), "a sentence", "lower case"),
        (nb01_tokens.GREEDY, lambda text, v: greedy_by_regex(text.strip(), v), "' a cat '", "spaces at the ends"),
        (nb01_tokens.GREEDY, lambda text, v: greedy_by_regex(text, v) or [""], "the empty text", "an empty list"),
        (
            nb01_tokens.GREEDY,
            lambda text, v: re.findall("|".join(sorted(v, key=len, reverse=True)), text),
            "'abxa.b.'",
            "regular expressions",
        ),
        (nb01_byte_pairs.BPE_STEP, choosing(counting_without_overlap), "the pair (4, 4) three", "Overlapping pairs"),
        (
            nb01_byte_pairs.BPE_STEP,
            choosing(lambda ids: pairwise([*ids, ids[0]])),
            "three pairs",
            "the last id and the",
        ),
        (
            nb01_byte_pairs.BPE_STEP,
            choosing(pairwise, sum),
            "six pairs",
            "smallest sum",
        ),
        (nb01_byte_pairs.BPE_STEP, by_codes_of_bytes, "ids above 255", "256 a + b"),
        (
            nb01_embeddings.PPMI,
            lambda C: ppmi(C / 2 + C.T / 2 if len(C) == len(C.T) else C),
            "independent",
            "symmetric",
        ),
        (nb01_embeddings.PPMI, lambda C: ppmi_without_keepdims(C), "independent", "The sum of row j divides column j"),
        (
            nb01_embeddings.GRADIENT,
            lambda ids, G, n: np.eye(max(n, len(ids)))[: len(ids), :n].T @ G,
            "two different",
            "Row i of G goes to row ids[i]",
        ),
        (nb01_tokens.GREEDY, pairs_in_turn, "'xthex'", "you go through the pairs"),
        (
            nb01_tokens.GREEDY,
            lambda text, v: [t for t in greedy_by_regex(text, v) if t[1:]],
            "'abc'",
            "single characters are lost",
        ),
        (
            nb01_byte_pairs.BPE_STEP,
            lambda ids, n: merge_while(ids, n, step=1),
            "two ids",
            "the second id of a merged pair",
        ),
        (nb01_byte_pairs.BPE_STEP, lambda ids, n: merge_while(ids, n, end=1), "a run of five", "the last id is lost"),
        (
            nb01_byte_pairs.BPE_STEP,
            lambda ids, n: merge_while(ids, n, right=1),
            "a run of five",
            "merged from the left",
        ),
        (nb01_byte_pairs.BPE_STEP, largest_of_ties, "six pairs", "this is the largest"),
        (
            nb01_embeddings.PPMI,
            lambda C: np.log((C * C.sum() / np.outer(C.sum(1), C.sum(0))).clip(1)),
            "a word without",
            "0 / 0",
        ),
        (
            nb01_embeddings.MEMORY,
            lambda n, d, b: {"GB": 8 * n * d * b / 1e9, "GiB": 8 * n * d * b / 2**30},
            "a million",
            "bits",
        ),
        (
            nb01_embeddings.MEMORY,
            lambda n, d, b: dict.fromkeys(("GB", "GiB"), n * d * b),
            "a million",
            "these are bytes",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_slips_of_participants_hear_what_they_are(exercise, answer, stage, words):
    result = grade(exercise, answer)
    assert result.passed is False and result.message.startswith(stage) and words.lower() in result.message.lower(), (
        result.message
    )


@pytest.mark.parametrize(
    "exercise, answer, message",
    [
        (
            nb01_tokens.GREEDY,
            lambda text, vocabulary: text.split(),
            "your result has length 1 where 2 is",
        ),
        (
            nb01_tokens.GREEDY,
            lambda text, vocabulary: greedy_by_regex(text, vocabulary)[::-1],
            "'abcd' with the pairs",
        ),
        (nb01_tokens.GREEDY, lambda text, vocabulary: "".join(greedy_by_regex(text, vocabulary)), "you returned str"),
        (nb01_byte_pairs.BPE_STEP, lambda ids, new_id: bpe_step(ids, new_id)[1], "two ids, one pair"),
        (
            nb01_byte_pairs.BPE_STEP,
            lambda ids, new_id: (bpe_step(ids, new_id)[0], ids),
            "nothing is merged",
        ),
        (
            nb01_byte_pairs.BPE_STEP,
            lambda ids, new_id: (max(zip(ids, ids[1:], strict=False)), ids),
            "two ids, one pair",
        ),
        (nb01_embeddings.ONE_HOT, lambda ids, n: np.eye(len(ids), n), "three tokens"),
        (nb01_embeddings.ONE_HOT, lambda ids, n: np.eye(n)[ids] * n, "one token, id 0 of 3"),
        (nb01_embeddings.ONE_HOT, lambda ids, n: np.eye(max(ids) + 1)[ids], "shape (1, 1)"),
        (nb01_embeddings.GRADIENT, lambda ids, G, n: gradient_by_autograd(ids, G, n).T, "shape"),
        (nb01_embeddings.GRADIENT, lambda ids, G, n: gradient_by_autograd(ids, G, n) * 2, "two different tokens"),
        (nb01_embeddings.GRADIENT, lambda ids, G, n: np.eye(n)[ids].T @ G[::-1], "two different tokens"),
        (nb01_embeddings.PPMI, lambda C: np.log1p(C), "independent words"),
        (nb01_embeddings.PPMI, lambda C: C / C.sum(), "independent words"),
        (
            nb01_embeddings.PPMI,
            lambda C: np.where(C > 0, np.log(np.maximum(C, 1) / C.mean()), 0).clip(0),
            "independent words",
        ),
        (nb01_embeddings.MEMORY, lambda n, d, b: n * d * b / 1e9, "a dict is expected"),
        (nb01_embeddings.MEMORY, lambda n, d, b: {"GB": n * d * b / 1e9}, "the key 'GiB' is missing"),
        (
            nb01_embeddings.MEMORY,
            lambda n, d, b: {"GB": (n + d) * b / 1e9, "GiB": (n + d) * b / 2**30},
            "under the key 'GB'",
        ),
    ],
)
def test_other_wrong_answers_hear_stage_and_place(exercise, answer, message):
    result = grade(exercise, answer)
    assert result.passed is False and message.lower() in result.message.lower()


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
