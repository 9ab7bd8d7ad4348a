"""Word vectors: counts and PPMI by hand, the SVD against NumPy's, and neighbours learnt from the docs corpus."""

import numpy as np
import pytest
import torch

from course_lib.text import corpora, embeddings
from course_lib.text.embeddings import WordVectors, cooccurrences, embed, ppmi, truncated_svd


def test_lookup_equals_torch_and_one_hot_rows():
    E, ids = np.random.default_rng(0).normal(size=(7, 3)), np.array([[3, 0, 6, 3], [1, 1, 2, 5]])
    expected = torch.nn.functional.embedding(torch.tensor(ids), torch.tensor(E)).numpy()
    assert np.array_equal(embed(E, ids), expected)  # the same numbers are copied: no tolerance
    assert np.array_equal(embed(E, ids[0]), np.eye(7)[ids[0]] @ E)
    assert embed(E, []).shape == (0, 3)


def test_cooccurrences_by_hand():
    # 0 1 0 2 with a window of 2: neighbours 01 10 02 at distance 1, 00 12 at distance 2, each seen from both sides.
    assert np.array_equal(cooccurrences([0, 1, 0, 2], 4, 2), [[2, 2, 1, 0], [2, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])


def test_cooccurrences_equal_a_double_loop():
    ids = np.random.default_rng(1).integers(0, 7, size=53)
    C = np.zeros((7, 7))
    for i in range(53):
        for j in range(53):
            if 0 < abs(i - j) <= 5:
                C[ids[i], ids[j]] += 1
    assert np.array_equal(cooccurrences(ids, 7, 5), C)
    assert np.array_equal(cooccurrences(ids[:3], 7, 5).sum(), 6)  # a text shorter than the window


def test_ppmi_by_hand():
    # Total 10, all sums 5: the diagonal's ratio is 4 * 10 / (5 * 5) = 1.6, off it 0.4, whose log is negative.
    assert np.allclose(ppmi(np.array([[4.0, 1.0], [1.0, 4.0]])), np.log(1.6) * np.eye(2), rtol=1e-14)  # a few roundings
    assert np.array_equal(ppmi(np.array([[3.0, 0.0], [0.0, 0.0]])), np.zeros((2, 2)))


def test_ppmi_equals_its_definition():
    C = np.random.default_rng(2).poisson(1.0, size=(5, 7)).astype(float)
    P = C / C.sum()
    for smoothing in (1.0, 0.75):
        q = C.sum(0) ** smoothing / (C.sum(0) ** smoothing).sum()
        with np.errstate(divide="ignore"):
            expected = np.maximum(np.log(P / np.outer(P.sum(1), q)), 0)
        assert np.allclose(ppmi(C, smoothing), expected, atol=1e-14)  # float64, values near 1


def test_ppmi_of_integers_is_not_rounded():
    C = np.array([[4, 1], [1, 4]])
    assert np.allclose(ppmi(C), ppmi(C.astype(float)), rtol=1e-15)


def test_truncated_svd_equals_numpy():
    rng = np.random.default_rng(3)
    left, right = np.linalg.qr(rng.normal(size=(97, 41)))[0], np.linalg.qr(rng.normal(size=(41, 41)))[0]
    M = left * 0.7 ** np.arange(41) @ right.T
    U, s, Vt = truncated_svd(M, 5)
    exact = np.linalg.svd(M, full_matrices=False)
    # Ten extra directions and four iterations leave an error of about (s_16 / s_5)**9 = 0.7**99, below rounding.
    assert np.allclose(s, exact[1][:5], rtol=1e-12)
    assert np.allclose(U * s @ Vt, exact[0][:, :5] * exact[1][:5] @ exact[2][:5], atol=1e-12)
    assert np.all(U[np.abs(U).argmax(0), range(5)] > 0)


def test_truncated_svd_leaves_numpys_random_state_alone_and_repeats_itself():
    M = np.random.default_rng(4).normal(size=(13, 11))
    before = np.random.get_state()[1].copy()
    assert all(np.array_equal(a, b) for a, b in zip(truncated_svd(M, 3), truncated_svd(M, 3), strict=True))
    assert np.array_equal(np.random.get_state()[1], before)
    assert truncated_svd(M, 11)[1].shape == (11,)


@pytest.fixture(scope="module")
def vectors():
    return WordVectors.learn(corpora.load("docs").text)


def test_words_of_the_docs_find_their_kin(vectors):
    near = {word: {other for other, _ in vectors.nearest(word, 15)} for word in ("eigenvalues", "vector")}
    assert {"eigenvectors", "svd", "cholesky"} <= near["eigenvalues"]
    assert {"curl", "coordinate"} <= near["vector"]


def test_cosines_fall_and_match_the_rows(vectors):
    near = vectors.nearest("integral", 6)
    assert [c for _, c in near] == sorted((c for _, c in near), reverse=True) and len(near) == 6
    a, b = (vectors.E[vectors.words.index(word)].astype(float) for word in ("integral", near[0][0]))
    assert near[0][1] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-6)  # float32 rows


def test_few_words():
    learnt = WordVectors.learn("The cat, the dog; the CAT.", d=2)
    assert learnt.words == ("the", "cat", "dog") and learnt.E.shape == (3, 2)
    assert embeddings.WORD.findall("été_2x") == ["été", "x"]
