"""Which function computes attention: the table in the docstring of `attend_by_case`, line by line."""

import pytest
import torch

from course_lib.kernels import attention
from course_lib.kernels.attention import Seen, attend_by_case

H, N, E = 6, 7, 4
MASK, BIAS = Seen(torch.ones(1, N, dtype=torch.bool)), Seen(bias=torch.zeros(H, 1, N))


def heads(n, g=H, s=None, v=E, by_columns=False, dtype=torch.float64):
    Q, K, V = torch.randn(2, H, n, E), torch.randn(2, g, N, E), torch.randn(2, g if s is None else s, N, v)
    return tuple(x.to(dtype) for x in (Q, K, V.mT.contiguous().mT if by_columns else V))


CASES = {
    "one query": ("attend_alone", heads(1), Seen(), 0.0),
    "one query, groups": ("attend_alone", heads(1, g=2, v=3, by_columns=True), Seen(), 0.0),
    "one query, mask": ("attend_by_products", heads(1), MASK, 0.0),
    "one query, bias": ("attend_by_products", heads(1), BIAS, 0.0),
    "one query, dropout": ("attend_by_products", heads(1), Seen(), 0.5),
    "one query, shared values": ("attend_by_products", heads(1, s=1), Seen(), 0.0),
    "one query, bfloat16": ("attend_fused", heads(1, dtype=torch.bfloat16), Seen(), 0.0),
    "fewer scores than numbers in V, by columns": ("attend_by_products", heads(3, by_columns=True), Seen(), 0.0),
    "fewer scores than numbers in V, by rows": ("attend_fused", heads(3), Seen(), 0.0),
    "as many scores as numbers in V, by columns": ("attend_fused", heads(4, by_columns=True), Seen(), 0.0),
    "shared values": ("attend_by_products", heads(5, s=1), Seen(), 0.0),
    "groups, two widths": ("attend_by_products", heads(5, g=2, v=3), Seen(), 0.0),
    "groups, one width": ("attend_fused", heads(5, g=2), Seen(), 0.0),
    "two widths": ("attend_fused", heads(5, v=3), Seen(), 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_line_that_fits_names_the_function(case, monkeypatch):
    want, QKV, seen, dropout = CASES[case]
    called = set()

    def noted(function):
        return lambda *given: called.add(function.__name__) or function(*given)

    for name in ("attend_alone", "attend_by_products", "attend_fused"):
        monkeypatch.setattr(attention, name, noted(getattr(attention, name)))
    attend_by_case(QKV, seen, 0.3, dropout)
    assert called == {want}
