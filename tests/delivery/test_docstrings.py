"""tools/docstrings.py: which parts of a docstring become formulas, and what stays as it was written."""

import pytest
from docstrings import markdown, with_sources

SET = {
    "P = Z^{-1} A": "$P =  Z^{-1} A$",
    "Of d_QK and N_KVheads.": "Of $d_{QK}$ and $N_{KVheads}$.",
    "W_LK_h^T stands there": r"$W_{LK,h}^\top$ stands there",
    "A = f(row sums of A)": r"$A =  f(\text{row}\ \text{sums}\ \text{of}\ A)$",
    "Q (..., N_Q, d_QK), mask": r"$Q\ (\ldots ,  N_{Q},  d_{QK})$, mask",
    "E in R^{N_T x d} holds": r"$E \in \mathbb{R}^{N_{T} \times d}$ holds",
    "||X W||_F^2 of e^{i m theta_i}": r"$\|X W\|_{F}^{2}$ of $e^{i m \theta_{i}}$",
    "<q, R_{n - m} k>": r"$\langle q,  R_{n - m} k\rangle$",
    "gamma * x / sqrt(mean(x^2) + eps)": r"$\gamma \cdot  x /  \operatorname{sqrt}"
    r"(\operatorname{mean}(x^{2}) +  \varepsilon)$",
    "The rows of X, then V.": "The rows of $X$, then $V$.",
    "of n new tokens, q' and a k": "of $n$ new tokens, $q'$ and a $k$",
    "X (b, n, d) -> (b, d)": r"$X\ (b,  n,  d)$ → $(b,  d)$",
    "head i // (h / g)": r"head $i \mathbin{/\!/}  (h /  g)$",
    "P (n,)": r"$P\ (n{,})$",
    "2 x 3 i = n": r"$2 \times  3 i =  n$",
}
KEPT = {
    "A layer does not fix its heads.": "A layer does not fix its heads.",
    "M. F. Serret, and I": "M. F. Serret, and I",
    "sections 3 and 6 (paper)": "sections 3 and 6 (paper)",
    "U+FFFD, GPT-2 and UTF-8": "U+FFFD, GPT-2 and UTF-8",
    "`W_Q @ X` is code": "`W_Q @ X` is code",
    "a setting such as n_kv_heads": "a setting such as `n_kv_heads`",
    "in $COURSE_CACHE": "in `$COURSE_CACHE`",
    "<script> & [link](to) *bold*": r"\<script\> & \[link\](to) \*bold\*",
    "512 x 2048 at 50 GB/s": "512 x 2048 at 50 GB/s",
    "one name(s), q.k and '\\r'": "one name(s), q.k and '\\\\r'",
    "`width` x `height`": "`width` x `height`",
    "with n_kv_heads = 1": "with `n_kv_heads` = 1",
}


@pytest.mark.parametrize("text", SET)
def test_a_formula_is_set(text):
    assert markdown(text) == SET[text]


@pytest.mark.parametrize("text", KEPT)
def test_prose_and_code_stay_as_they_are(text):
    assert markdown(text) == KEPT[text]


def test_an_example_is_code_and_paragraphs_stay_apart():
    said = markdown("First Y = P V.\n\n    attend(Q, K, V)\n\nLast.")
    assert said == "First $Y =  P V$.\n\n```python\nattend(Q, K, V)\n```\n\nLast."


def test_a_name_in_backticks_leads_to_its_description():
    said = markdown("as in `attend`, not `other`", {"attend": "course_lib.attend"}.get)
    assert said == "as in {py:obj}`attend <course_lib.attend>`, not `other`"


def test_an_example_at_the_margin_is_code():
    for code in ("n = largest(60, key=len)", "calibrate(model)  # once", "apply(lambda rows: rows[0])"):
        assert markdown(code) == f"```python\n{code}\n```"


def test_arguments_are_a_list():
    text = "Mix.\n\nQ: (n, d), K: (N, d).\nmask: true where\nseen. scale: 1 here. Raises ValueError."
    said = markdown(text, arguments=["Q", "K", "mask", "scale"])
    assert said.splitlines()[2:] == [
        r"- `Q`: $(n,  d)$, `K`: $(N,  d)$.",
        "- `mask`: true where seen.",
        "- `scale`: 1 here.",
        "- Raises ValueError.",
    ]
    assert markdown("mask: true where seen.", arguments=["Q"]) == "mask: true where seen."


def test_a_paper_that_is_named_by_its_number_is_a_link_once():
    assert markdown("(BERT, arXiv 1810.04805)") == "(BERT, [arXiv 1810.04805](https://arxiv.org/abs/1810.04805))"
    linked = "[arXiv 1810.04805](https://arxiv.org/abs/1810.04805)"
    assert with_sources(linked) == linked


def test_the_plural_of_a_name_in_backticks_keeps_its_link():
    said = markdown("two `Model`s of rank 3", {"Model": "course_lib.Model"}.get)
    assert said == "two {py:obj}`Model <course_lib.Model>`s of rank 3"
