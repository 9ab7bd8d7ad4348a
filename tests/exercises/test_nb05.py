"""Checks of notebook 05: right answers pass in any style, further wrong ones hear why."""

import heapq
import itertools
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib.accounting import parameters
from course_lib.config import GroupedConfig, SoftmaxExperts
from course_lib.exercises import nb05_beams as beams
from course_lib.exercises import nb05_decoder_block as decoder_block
from course_lib.exercises import nb05_sizes as layer_sizes
from course_lib.exercises import of_notebook
from course_lib.exercises.grading import grade
from course_lib.reference.experts import route
from course_lib.reference.feedforward import FeedForward, SwiGLU
from course_lib.reference.multi_head import MultiHeadAttention
from course_lib.reference.norms import LayerNorm, RMSNorm
from course_lib.reference.transformer import DecoderLayer, PeriLN, PostLN, PreLN

EXERCISES = {e.id: e for e in of_notebook("5")}


def layer_norm_in_loops(X, gamma, beta, eps):
    Y = []
    for x in X:
        mean = sum(x) / len(x)
        variance = sum((a - mean) ** 2 for a in x) / len(x)
        Y.append([g * (a - mean) / (variance + eps) ** 0.5 + b for a, g, b in zip(x, gamma, beta, strict=True)])
    return Y


def layer_norm_by_projection(X, gamma, beta, eps):
    d = X.shape[1]
    C = X @ (np.eye(d) - np.ones((d, d)) / d)
    return gamma * C / np.sqrt(np.einsum("nd,nd->n", C, C)[:, None] / d + eps) + beta


def layer_norm_by_difference(X, gamma, beta, eps):
    """Right: the mean of the squares less the square of the mean loses digits only where a row's mean is very large."""
    mean, squares = X.mean(-1, keepdims=True), (X**2).mean(-1, keepdims=True)
    return gamma * (X - mean) / np.sqrt(squares - mean**2 + eps) + beta


def layer_norm_in_torch(X, gamma, beta, eps):
    X, gamma, beta = (torch.from_numpy(a).float() for a in (X, gamma, beta))
    return F.layer_norm(X, gamma.shape, gamma, beta, eps)


def swiglu_in_torch(X, W_gate, W_up, W_down):
    X, W_gate, W_up, W_down = (torch.from_numpy(a).float() for a in (X, W_gate, W_up, W_down))
    return (F.silu(X @ W_gate) * (X @ W_up)) @ W_down


def swiglu_as_memories(X, W_gate, W_up, W_down):
    """One cell after the other: key, gate, value."""
    Y = np.zeros((len(X), W_down.shape[1]))
    for gate, up, value in zip(W_gate.T, W_up.T, W_down, strict=True):
        g = X @ gate
        Y += np.outer(g * (1 + np.tanh(g / 2)) / 2 * (X @ up), value)
    return Y


def logit_by_differences(parts, gamma, u, eps):
    """The norm's divisor, then one part after the other."""
    r = np.linalg.norm([*np.sum(parts, 0), np.sqrt(eps * parts.shape[1])]) / parts.shape[1] ** 0.5
    return [float(sum(p * gamma * u) / r) for p in parts]


def logit_by_autograd(parts, gamma, u, eps):
    parts, gamma, u = (torch.from_numpy(a) for a in (parts, gamma, u))
    scale = torch.rsqrt(parts.sum(0).square().mean() + eps)
    return torch.einsum("kd,d,d->k", parts, gamma, u) * scale


def place_by_flags(X, sublayer, norm, where):
    Y = torch.from_numpy(sublayer(X if where == "post" else norm(X)))
    Y = torch.from_numpy(X) + (torch.from_numpy(norm(Y.numpy())) if where == "peri" else Y)
    return norm(Y.numpy()) if where == "post" else Y


def place_in_steps(X, sublayer, norm, where):
    def unchanged(X):
        return X

    before, after, last = {
        "post": (unchanged, unchanged, norm),
        "pre": (norm, unchanged, unchanged),
        "peri": (norm, norm, unchanged),
    }[where]
    return last(X + after(sublayer(before(X))))


def block_row_by_row(X, H, norms, self_attention, cross_attention, feed_forward):
    rows = []
    for i in range(len(X)):
        past = X[: i + 1]
        normed = norms[0](past)
        y = past[-1:] + self_attention(normed[-1:], normed, np.ones((1, i + 1), dtype=bool))
        y = y + cross_attention(norms[1](y), H, np.ones((1, len(H)), dtype=bool))
        rows.append((y + feed_forward(norms[2](y)))[0])
    return rows


def block_with_a_mask_of_torch(X, H, norms, self_attention, cross_attention, feed_forward):
    mask = torch.ones(len(X), len(X)).tril().bool()
    X = X + self_attention(norms[0](X), norms[0](X), mask)
    X = X + cross_attention(norms[1](X), H)
    return X + feed_forward(norms[2](X))


def beams_with_arrays(log_p, n_beams, length):
    prefixes, totals = [()], np.zeros(1)
    for _ in range(length):
        table = totals[:, None] + np.stack([log_p(prefix) for prefix in prefixes])
        best = np.argsort(-table, axis=None)[:n_beams]
        rows, tokens = np.unravel_index(best, table.shape)
        prefixes, totals = [(*prefixes[r], int(t)) for r, t in zip(rows, tokens, strict=True)], table.ravel()[best]
    return list(prefixes[0])


def beams_in_torch(log_p, n_beams, length):
    prefixes, totals = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(1)
    for _ in range(length):
        table = totals[:, None] + torch.tensor(np.array([log_p(tuple(p.tolist())) for p in prefixes]))
        totals, best = table.flatten().topk(min(n_beams, table.numel()))
        rows, tokens = best // table.shape[1], best % table.shape[1]
        prefixes = torch.cat([prefixes[rows], tokens[:, None]], dim=1)
    return prefixes[0]


def beams_of(children, log_p, n_beams, length):
    """Beam search that tries the likeliest `children` continuations of each prefix."""
    beams = [((), 0.0)]
    for _ in range(length):
        tried = [(p, v, x, np.argsort(-x)[:children]) for p, v in beams for x in [log_p(p)]]
        longer = [((*p, int(t)), v + x[t]) for p, v, x, tokens in tried for t in tokens]
        beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
    return beams


def beams_with_ties_to_the_last(log_p, n_beams, length):
    """Tuples are compared token by token where totals are equal, so the larger token wins."""
    beams = [(0.0, ())]
    for _ in range(length):
        longer = [(total + s, (*prefix, t)) for total, prefix in beams for t, s in enumerate(log_p(prefix).tolist())]
        beams = heapq.nlargest(n_beams, longer)
    return max(beams)[1]


def sizes_from_configs(d, n_heads, n_kv_heads, d_head, d_ff):
    config = GroupedConfig(d_model=d, n_heads=n_heads, n_kv_heads=n_kv_heads, d_head=d_head)
    return {"norms": d + d, "attention": parameters(config), "feed-forward": sum((d * d_ff, d * d_ff, d_ff * d))}


def mixture_in_loops(X, W_R, experts, shared, n_active):
    Y = []
    for x in X:
        logits = x @ W_R
        weights = np.exp(logits - logits.max())
        weights = weights / weights.sum()
        y = shared(x)
        for j in sorted(range(len(experts)), key=lambda j: -weights[j])[:n_active]:
            y = y + weights[j] * experts[j](x)
        Y.append(y)
    return Y


def mixture_in_torch(X, W_R, experts, shared, n_active):
    weights, chosen = torch.from_numpy(X @ W_R).softmax(-1).topk(n_active)
    Y = torch.from_numpy(shared(X))
    for j, expert in enumerate(experts):
        token, place = torch.where(chosen == j)
        Y[token] += weights[token, place, None] * torch.from_numpy(expert(X[token]))
    return Y


def mixture_by_threshold(X, W_R, experts, shared, n_active):
    """All experts compute all rows; the weights below each row's n_active largest are set to 0."""
    logits = X @ W_R
    logits -= logits.max(1, keepdims=True)
    P = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    least = np.sort(logits, 1)[:, -n_active][:, None]
    P[logits < least] = 0
    return shared(X) + np.einsum("nj,jnd->nd", P, np.array([expert(X) for expert in experts]))


def mixture_by_reference(X, W_R, experts, shared, n_active):
    config = SoftmaxExperts(routed=len(experts), chosen=n_active, d_ff=1)
    weights = np.array([route(x, W_R, None, config) for x in X])
    return shared(X) + sum(w[:, None] * expert(X) for w, expert in zip(weights.T, experts, strict=True))


@pytest.mark.parametrize(
    "number, answer",
    [
        ("5.1", layer_norm_in_loops),
        ("5.1", layer_norm_by_projection),
        ("5.1", layer_norm_by_difference),
        ("5.1", layer_norm_in_torch),
        ("5.1", lambda X, gamma, beta, eps: LayerNorm(gamma, beta, eps)(X)),
        ("5.2", swiglu_in_torch),
        ("5.2", swiglu_as_memories),
        ("5.2", lambda X, gate, up, down: SwiGLU(W_gate=gate, W_up=up, W_down=down)(X)),
        ("5.3", logit_by_differences),
        ("5.3", logit_by_autograd),
        ("5.4", place_by_flags),
        ("5.4", place_in_steps),
        ("5.5", block_row_by_row),
        ("5.6", beams_with_arrays),
        ("5.6", beams_in_torch),
        ("5.6", beams_with_ties_to_the_last),
        ("5.6", lambda log_p, n_beams, length: list(beams_of(n_beams, log_p, n_beams, length)[0][0])),
        ("5.5", block_with_a_mask_of_torch),
        ("5.7", sizes_from_configs),
        ("5.7", lambda *sizes: {part: float(count) for part, count in sizes_from_configs(*sizes).items()}),
        ("5.8", mixture_in_loops),
        ("5.8", mixture_in_torch),
        ("5.8", mixture_by_threshold),
        ("5.8", mixture_by_reference),
    ],
)
def test_right_answers_pass_in_any_style(number, answer):
    result = grade(EXERCISES[number], answer)
    assert result.passed is True, result.message


def block(change):
    """Right but for one argument, exchanged by hand."""

    def answer(X, H, norms, self_attention, cross_attention, feed_forward):
        parts = {"H": H, "norms": norms, "self": self_attention, "cross": cross_attention, "ff": feed_forward}
        parts |= change(parts)
        return decoder_block.decoder_block(X, parts["H"], parts["norms"], parts["self"], parts["cross"], parts["ff"])

    return answer


def block_with_norms_behind(X, H, norms, self_attention, cross_attention, feed_forward):
    mask = np.arange(len(X))[:, None] >= np.arange(len(X))
    sublayers = lambda X: self_attention(X, X, mask), lambda X: cross_attention(X, H), feed_forward
    for norm, sublayer in zip(norms, sublayers, strict=True):
        X = norm(sublayer(X)) + X
    return X


def beams_that_forget(log_p, n_beams, length):
    """A first-order chain: the state is the last token."""
    beams = [(0.0, [])]
    for _ in range(length):
        longer = [(v + x, [*w, t]) for v, w in beams for t, x in enumerate(log_p((w[-1],) if w else ()))]
        beams = sorted(longer, reverse=True)[:n_beams]
    return beams[0][1]


def mixture_with(weights_of):
    """The mixture whose weights of all experts, 0 for those not chosen, are computed from logits by weights_of."""

    def answer(X, W_R, experts, shared, n_active):
        weights = np.asarray(weights_of(torch.from_numpy(X @ W_R), n_active))
        return shared(X) + sum(w[:, None] * expert(X) for w, expert in zip(weights.T, experts, strict=True))

    return answer


def softmax_of_the_chosen(logits, n_active):
    best = logits.topk(n_active)
    return torch.zeros_like(logits).scatter(-1, best.indices, best.values.softmax(-1))


def tokens_of_each_expert(logits, n_active):
    best = logits.softmax(-1).topk(n_active, dim=0)
    return torch.zeros_like(logits).scatter(0, best.indices, best.values)


def sigmoids_of_the_chosen(logits, n_active, divided=False):
    best = logits.sigmoid().topk(n_active)
    values = best.values / best.values.sum(-1, keepdim=True) if divided else best.values
    return torch.zeros_like(logits).scatter(-1, best.indices, values)


def beams_with_their_total(log_p, n_beams, length):
    beams = [((), 0.0)]
    for _ in range(length):
        longer = [((*w, t), v + x) for w, v in beams for t, x in enumerate(log_p(w))]
        beams = sorted(longer, key=lambda beam: -beam[1])[:n_beams]
    return beams[0]


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("5.1", lambda X, g, b, eps: layer_norm_in_loops(X, g, b, eps)[0], "one token (0.1, 0.2, 0.3, 0.6, 0.9)"),
        ("5.1", lambda X, g, b, eps: X - X.mean(-1, keepdims=True), "one token (0.1, 0.2, 0.3, 0.6, 0.9)"),
        ("5.1", lambda X, g, b, eps: F.layer_norm(torch.from_numpy(X), (X.shape[1],), eps=eps), "gamma and beta are"),
        ("5.1", lambda X, g, b, eps: RMSNorm(g, eps)(X) + b, "the mean is not subtracted"),
        ("5.2", lambda X, gate, up, down: swiglu_in_torch(X, gate, up, down.T), "one gate closed"),
        (
            "5.2",
            lambda X, gate, up, down: F.glu(torch.from_numpy(np.hstack([X @ up, X @ gate]))).numpy() @ down,
            "as in the first of these networks, GLU",
        ),
        (
            "5.2",
            lambda X, gate, up, down: FeedForward(W_1=gate, b_1=0 * gate[0], W_2=down, b_2=0 * down[0])(X),
            "three tokens with one feature",
        ),
        (
            "5.3",
            lambda parts, gamma, u, eps: F.layer_norm(torch.from_numpy(parts), gamma.shape).numpy() @ u,
            "three parts",
        ),
        ("5.3", lambda parts, gamma, u, eps: logit_by_differences(parts, gamma, u, eps)[::-1], "in reverse"),
        ("5.3", lambda parts, gamma, u, eps: logit_by_autograd(parts[:3], gamma, u, eps), "five parts"),
        ("5.4", lambda X, f, norm, where: X + f(X), "The norm is missing"),
        ("5.4", lambda X, f, norm, where: norm(X + f(X)), "Pre-LN\n  this is Post-LN"),
        (
            "5.4",
            lambda X, f, norm, where: norm(X + f(X)) if where == "post" else X + f(norm(X)),
            "Peri-LN\n  this is Pre",
        ),
        ("5.5", block(lambda parts: {"norms": parts["norms"][::-1]}), "norms of self-attention and feed-forward"),
        ("5.5", block(lambda parts: {"norms": [parts["norms"][i] for i in (0, 2, 1)]}), "are norms[1] and norms[2]"),
        ("5.5", block(lambda parts: {"norms": [lambda X: 1 * X] * 3}), "the norms are missing"),
        ("5.5", block_with_norms_behind, "Each norm acts on its sublayer's output"),
        ("5.5", lambda X, H, norms, *f: norms[-1](block_row_by_row(X, H, norms, *f)), "normalised once more"),
        ("5.5", block(lambda parts: {"H": parts["H"][::2]}), "simple attentions"),
        ("5.5", block(lambda parts: {"self": lambda Q, KV, mask: parts["cross"](Q, KV, mask)}), "only self-attention"),
        (
            "5.5",
            block(lambda parts: {"cross": lambda Q, KV: parts["cross"](Q, KV, ~np.eye(len(Q), len(KV), dtype=bool))}),
            "simple attentions",
        ),
        ("5.5", block(lambda parts: {"ff": (lambda f: lambda X: f(X).mean(0))(parts["ff"])}), "simple attentions"),
        ("5.6", lambda log_p, n, length: beams_with_arrays(log_p, n + 1, length), "keeps n_beams + 1 prefixes"),
        ("5.6", lambda log_p, n, length: beams_with_arrays(log_p, n, length - 1), "one step too few"),
        ("5.6", lambda log_p, n, length: beams_with_arrays(log_p, n, length + 1), "one step too many"),
        ("5.6", lambda log_p, n, length: beams_of(2, log_p, n, length)[0][0], "at most two continuations"),
        ("5.6", lambda log_p, n, length: beams_of(None, log_p, n, length)[-1][0], "The worst of the kept prefixes"),
        (
            "5.6",
            lambda log_p, n, length: max(beams_of(None, log_p, n, length), key=lambda b: log_p(b[0][:-1])[b[0][-1]])[0],
            "by the last token alone",
        ),
        ("5.6", lambda log_p, n, length: beams_with_arrays(lambda prefix: log_p(()), n, length), "the empty prefix"),
        ("5.7", lambda *sizes: sizes_from_configs(*sizes) | {"norms": 4 * sizes[0]}, "or four norms are counted"),
        (
            "5.7",
            lambda d, h, g, e, w: sizes_from_configs(d, h, g, e, w) | {"attention": d * d + d * h * e + 2 * d * g * e},
            "W_Q or W_O is counted with d * d",
        ),
        ("5.1", lambda X, g, b, eps: layer_norm_by_projection(X, g, b, 1e-5), "eps is fixed at 1e-5"),
        ("5.4", lambda X, f, norm, where: [place_by_flags(x[None], f, norm, where)[0] for x in X], "one row at a time"),
        ("5.6", lambda log_p, n, length: max(itertools.product(range(4), repeat=length)), "in entry 1"),
        ("5.6", lambda log_p, n, length: (), "length 0 where 5 is"),
        ("5.6", beams_that_forget, "log_p is asked with the last token alone"),
        ("5.6", beams_with_their_total, "return its tokens alone"),
        (
            "5.7",
            lambda d, h, g, e, w: {"attention": 2 * d * (h + g) * e, "feed-forward": 3 * d * w},
            "'norms' is missing",
        ),
        ("5.7", lambda d, h, g, e, w: sizes_from_configs(d, h, g, e, w) | {"norms": 3 * d}, "Three norms are counted"),
        ("5.7", lambda d, h, g, e, w: sizes_from_configs(d, g, g, e, w), "W_Q and W_O have n_heads heads"),
        ("5.8", mixture_with(softmax_of_the_chosen), "The weights of the chosen experts sum to 1"),
        ("5.8", mixture_with(tokens_of_each_expert), "Each token takes n_active experts"),
        ("5.8", mixture_with(sigmoids_of_the_chosen), "sigmoids, as in DeepSeek-V3"),
        ("5.8", mixture_with(partial(sigmoids_of_the_chosen, divided=True)), "divided by the sum of the chosen"),
        ("5.8", mixture_with(lambda logits, k: logits.softmax(-1)), "All experts are active"),
        (
            "5.8",
            mixture_with(lambda logits, k: (softmax_of_the_chosen(logits, k) > 0) * 1.0),
            "The weights are missing",
        ),
        ("5.8", mixture_with(lambda logits, k: 0 * logits), "Only the shared expert contributes"),
        ("5.8", lambda X, *parts: mixture_by_reference(X, *parts) - parts[2](X), "The shared expert is missing"),
        ("5.8", lambda X, *parts: mixture_by_reference(X, *parts) + X, "The skip connection"),
        ("5.8", lambda *parts: mixture_by_reference(*parts[:4], 1), "Only one expert is active"),
        ("5.8", lambda *parts: mixture_by_reference(*parts)[0], "four rows of an identity matrix"),
    ],
)
def test_other_wrong_answers_hear_stage_or_reason(number, answer, message):
    result = grade(EXERCISES[number], answer)
    assert result.passed is False and message.lower() in result.message.lower(), result.message


def layer_norm_without_keepdims(X, gamma, beta, eps):
    return gamma * (X - X.mean(axis=1)) / np.sqrt(X.var(axis=1) + eps) + beta


def layer_norm_in_numpy(X, gamma, beta, eps, *, ddof=0):
    return gamma * (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, ddof=ddof, keepdims=True) + eps) + beta


def gated(f):
    return lambda X, W_gate, W_up, W_down: f(X @ W_gate) * (X @ W_up) @ W_down


def searched(keep, *, first=0.0, add=lambda total, s: total + s, returned=lambda beams: max(beams)[1]):
    """A search whose lists of (total, tokens) are cut by `keep`."""

    def answer(log_p, n_beams, length):
        beams = [(first, ())]
        for _ in range(length):
            beams = keep([(add(v, x), (*w, t)) for v, w in beams for t, x in enumerate(log_p(w))], n_beams)
        return returned(beams)

    return answer


def places(post=None, pre=None, peri=None, label=str):
    """Right but for what is given, which takes X, the sublayer and the norm."""
    formulas = {
        "post": post or (lambda X, f, norm: norm(X + f(X))),
        "pre": pre or (lambda X, f, norm: X + f(norm(X))),
        "peri": peri or (lambda X, f, norm: X + norm(f(norm(X)))),
    }
    return lambda X, f, norm, where: formulas.get(label(where), formulas["peri"])(X, f, norm)


def cross_attention_beside_self_attention(X, H, norms, self_attention, cross_attention, feed_forward):
    Z = norms[0](X)
    read = cross_attention(norms[1](X), H)
    X = X + self_attention(Z, Z, np.tri(len(X), dtype=bool)) + read
    return X + feed_forward(norms[2](X))


def unlike(longer, n_beams):
    """No two of the kept beams end alike."""
    kept = []
    for beam in sorted(longer, reverse=True):
        if all(beam[1][-1] != other[1][-1] for other in kept):
            kept.append(beam)
    return kept[:n_beams]


def best_of_each(log_p, n_beams, length):
    beams = [(0.0, ())]
    for _ in range(length):
        beams = [(v + log_p(w)[t], (*w, int(t))) for v, w in beams for t in np.argsort(-log_p(w))[:n_beams]]
    return max(beams)[1]


def place_by_two_ifs(order):
    """The `else` belongs to the second `if`."""
    formulas = {
        "post": lambda X, f, norm: norm(X + f(X)),
        "pre": lambda X, f, norm: X + f(norm(X)),
        "peri": lambda X, f, norm: X + norm(f(norm(X))),
    }

    def answer(X, sublayer, norm, where):
        if where == order[0]:
            X = formulas[order[0]](X, sublayer, norm)
        if where == order[1]:
            return formulas[order[1]](X, sublayer, norm)
        return formulas[order[2]](X, sublayer, norm)

    return answer


def streams_behind_each_part(parts, gamma, u, eps):
    x = parts.cumsum(0)
    return (gamma * x / np.sqrt((x**2).mean(1, keepdims=True) + eps)) @ u


def logit_divided(by):
    return lambda parts, gamma, u, eps: parts @ (gamma * u) / by(parts.sum(0), eps)


def block_that_ends(last, skips=(1, 1), source=False):
    """Right but for the last sublayer, the first skip connections, or the keys of self-attention."""

    def answer(X, H, norms, self_attention, cross_attention, feed_forward):
        Z = norms[0](X)
        X = skips[0] * X + self_attention(Z, H if source else Z, np.tri(len(X), dtype=bool))
        X = skips[1] * X + cross_attention(norms[1](X), H)
        return last(X, norms[2], feed_forward)

    return answer


def pre_norm(X, norm, f):
    return X + f(norm(X))


def only_the_last_extended(log_p, n_beams, length):
    beams = [(0.0, ())]
    for _ in range(length):
        for v, w in beams:
            longer = [(v + x, (*w, t)) for t, x in enumerate(log_p(w))]
        beams = sorted(longer, reverse=True)[:n_beams]
    return beams[0][1]


def sums_that_run_on(log_p, n_beams, length):
    beams = [(0.0, ())]
    for _ in range(length):
        longer = []
        for v, w in beams:
            for t, x in enumerate(log_p(w)):
                v += x
                longer.append((v, (*w, t)))
        beams = sorted(longer, reverse=True)[:n_beams]
    return beams[0][1]


def likeliest_children_sorted_up(log_p, n_beams, length, returned=min):
    beams = [(0.0, ())]
    for _ in range(length):
        beams = sorted((v + log_p(w)[t], (*w, int(t))) for v, w in beams for t in np.argsort(-log_p(w))[:n_beams])
        beams = beams[:n_beams]
    return returned(beams)[1]


def viterbi(longer, n_beams):
    return [max(beam for beam in longer if beam[1][-1] == t) for t in {beam[1][-1] for beam in longer}]


@pytest.mark.parametrize(
    "number, answer, message",
    [
        ("5.1", layer_norm_without_keepdims, "`keepdims=True` makes the shape (n, 1)"),
        ("5.1", lambda X, g, b, eps: layer_norm_in_numpy(X, b, g, eps), "gamma and beta are exchanged"),
        ("5.1", lambda X, g, b, eps: layer_norm_in_numpy(X, g, b, eps, ddof=1), "divided by d - 1"),
        ("5.1", lambda X, g, b, eps: g * X / np.sqrt(X.var(-1, keepdims=True) + eps) + b, "numerator is the raw row"),
        ("5.2", gated(lambda x: F.gelu(torch.from_numpy(x)).numpy()), "The gate is GELU"),
        ("5.2", gated(lambda x: F.gelu(torch.from_numpy(x), approximate="tanh").numpy()), "approximation with tanh"),
        ("5.2", gated(lambda x: x * np.exp(x) / (1 + np.exp(x))), "exp(x) overflows"),
        ("5.2", lambda X, g, u, d: F.silu(torch.from_numpy((X @ g) * (X @ u))).numpy() @ d, "acts on the product"),
        ("5.2", lambda X, g, u, d: F.silu(torch.from_numpy((X @ g) * (X @ u) @ d)), "acts on the result"),
        ("5.6", searched(lambda longer, n: sorted(longer)[:n], returned=lambda b: b[0][1]), "least likely"),
        ("5.6", searched(lambda longer, n: sorted(longer)[-n:], returned=lambda b: b[0][1]), "The worst of the kept"),
        ("5.6", searched(lambda longer, n: longer[:n], returned=lambda b: b[0][1]), "no effect on which prefixes"),
        ("5.6", searched(viterbi), "as in Viterbi's algorithm"),
        ("5.6", searched(lambda longer, n: longer), "More than n_beams prefixes are kept"),
        ("5.6", lambda log_p, n, length: beams_with_arrays(log_p, n, length + 1), "one step too many"),
        ("5.1", lambda X, g, b, eps: layer_norm_in_numpy(g * X + b, 1, 0, eps), "applied before the row is normalised"),
        ("5.2", lambda X, g, u, d: (X @ g / (1 + np.exp(-X @ u))) @ d, "The gate is sigmoid(X W_up)"),
        ("5.3", lambda parts, g, u, eps: parts @ (g * u) * np.sqrt((parts.sum(0) ** 2).mean() + eps), "are multiplied"),
        (
            "5.3",
            lambda parts, g, u, eps: parts @ (g * u) / np.sqrt((parts[1:].sum(0) ** 2).mean() + eps),
            "x_0 is missing",
        ),
        ("5.4", places(label=lambda where: f"{where.title()}-LN"), 'This is Peri-LN. For `where` = "post"'),
        ("5.4", lambda X, f, norm, where: X + norm(f(norm(X))), 'This is Peri-LN. For `where` = "post"'),
        ("5.4", places(pre=lambda X, f, norm: norm(X + f(X))), 'This is Post-LN. For `where` = "pre"'),
        ("5.4", places(pre=lambda X, f, norm: X + norm(f(norm(X)))), 'This is Peri-LN. For `where` = "pre"'),
        ("5.5", cross_attention_beside_self_attention, "with the X from before self-attention"),
        ("5.6", searched(unlike), "No two of the kept prefixes"),
        ("5.6", searched(lambda longer, n: sorted(longer)[:n]), "the best of them is returned"),
        ("5.6", searched(lambda longer, n: sorted(longer)[::-1][: n - 1]), "keeps n_beams - 1 prefixes"),
        ("5.6", best_of_each, "The n_beams best continuations of each prefix"),
        ("5.6", searched(lambda b, n: sorted(b)[-n:], add=lambda v, x: (v + x) / 2), "The sum is halved"),
        ("5.6", searched(lambda b, n: sorted(b)[-n:], add=lambda v, x: v + np.exp(x)), "Probabilities are added"),
        ("5.6", lambda log_p, n, length: max(beams_of(None, log_p, n, length))[0], "The largest prefix is returned"),
        ("5.6", lambda log_p, n, length: beams_of(None, log_p, 3, length)[0][0], "Three prefixes are kept"),
        ("5.6", lambda log_p, n, length: beams_of(None, log_p, max(2, n), length)[0][0], "At least two prefixes"),
        ("5.6", only_the_last_extended, "Only the last of the kept prefixes"),
        ("5.6", sums_that_run_on, "added up one after the other"),
        ("5.6", likeliest_children_sorted_up, "the least likely prefixes are kept. Sort"),
        ("5.6", lambda *given: likeliest_children_sorted_up(*given, returned=max), "the best of these is returned"),
        ("5.3", logit_divided(lambda x, eps: np.sqrt((x**2).mean() + 1e-5)), "The given eps is missing"),
        ("5.3", logit_divided(lambda x, eps: np.sqrt((x**2).mean()) + 1e-6), "The given eps is missing"),
        ("5.3", logit_divided(lambda x, eps: x.std() + eps), "the standard deviation plus eps"),
        ("5.3", streams_behind_each_part, "of the stream behind each part"),
        ("5.1", lambda X, g, b, eps: layer_norm_in_numpy(X, g, b, 0) + eps, "eps is added to the quotient"),
        (
            "5.1",
            lambda X, g, b, eps: g * X - X.mean(1)[:, None] / np.sqrt(X.var(1)[:, None] + eps) + b,
            "The mean alone is divided",
        ),
        ("5.1", lambda X, g, b, eps: g * (X - X.mean(1)[:, None]) / np.sqrt(X.var() + eps) + b, "One variance"),
        (
            "5.1",
            lambda X, g, b, eps: g * (X - (m := X.mean(1)[:, None])) / np.sqrt((X**2).mean(1)[:, None] - m + eps) + b,
            "Subtract the square of the mean",
        ),
        ("5.2", lambda X, g, u, d: (X @ g / 1 + np.exp(-X @ g) * (X @ u)) @ d, "so that only exp(-x)"),
        ("5.2", gated(lambda x: F.softmax(torch.from_numpy(x), -1).numpy()), "The gate is a softmax"),
        *(
            ("5.4", place_by_two_ifs(order), "An `else` belongs")
            for order in itertools.permutations(("post", "pre", "peri"))
        ),
        ("5.4", places(post=lambda X, f, norm: norm(norm(X) + f(X))), "carries norm(X). Post-LN"),
        ("5.4", places(peri=lambda X, f, norm: norm(norm(X) + f(norm(X)))), "the second norm acts on the sum"),
        ("5.5", block_that_ends(lambda X, norm, f: X + norm(f(X))), "The last norm acts"),
        ("5.5", block_that_ends(lambda X, norm, f: norm(X + f(X))), "The last sublayer is Post-LN"),
        ("5.5", block_that_ends(pre_norm, source=True), "the source H, with a causal mask"),
        ("5.5", block_that_ends(pre_norm, skips=(0, 0)), "The first two skip connections"),
        ("5.5", block_that_ends(lambda X, norm, f: f(norm(X)), skips=(1, 0)), "The last two skip connections"),
        ("5.5", block_that_ends(lambda X, norm, f: f(norm(X)), skips=(0, 1)), "The first and the last skip"),
        (
            "5.7",
            lambda d, h, g, e, w: sizes_from_configs(d, h, g, e, w) | {"attention": 3 * d * h * e},
            "with n_heads heads each",
        ),
        (
            "5.7",
            lambda d, h, g, e, w: sizes_from_configs(d, h, g, e, w) | {"attention": 2 * d * (h + g) * d / h},
            "the width of a head",
        ),
        (
            "5.7",
            lambda d, h, g, e, w: {"attention": 4 * d * (h + g) * e, "feed-forward": 6 * d * w, "norms": 2 * d},
            "These are FLOPs",
        ),
        (
            "5.7",
            lambda d, h, g, e, w: (
                sizes_from_configs(d, h, g, e, w) | {"attention": 2 * d * (h + g) * e + (h + 2 * g) * e}
            ),
            "The queries, keys and values have biases",
        ),
    ],
)
def test_answers_that_passed_or_heard_a_wrong_reason(number, answer, message):
    with np.errstate(all="ignore"):
        result = grade(EXERCISES[number], answer)
    assert result.passed is False and message in result.message, result.message


def block_with_keywords(X, H, norms, self_attention, cross_attention, feed_forward):
    normed = norms[0](X)
    X = X + self_attention(X_Q=normed, X_KV=normed, mask=torch.ones(len(X), len(X), dtype=torch.bool).tril())
    X = X + cross_attention(X_Q=norms[1](X), X_KV=H, mask=None)
    return X + feed_forward(norms[2](X))


def test_attention_takes_the_keywords_that_the_notebook_names():
    result = grade(EXERCISES["5.5"], block_with_keywords)
    assert result.passed is True, result.message


@pytest.mark.parametrize("kind", [np.int64, np.array, torch.tensor, float])
def test_counts_of_every_kind_are_right(kind):
    answer = lambda *sizes: {key: kind(n) for key, n in layer_sizes.count_by_part(*sizes).items()}  # noqa: E731
    assert grade(EXERCISES["5.7"], answer).passed is True


def test_minutes_in_the_title_of_the_notebook():
    assert sum(EXERCISES[number].minutes for number in ("5.1", "5.2", "5.3", "5.4", "5.5")) == 41
    assert sum(EXERCISES[number].minutes for number in ("5.6", "5.7", "5.8")) == 26


@pytest.mark.parametrize("where", ["post", "pre", "peri"])
def test_places_are_those_of_the_reference(where):
    rng = np.random.default_rng(1)
    X, W, norm = rng.normal(size=(5, 7)), rng.normal(size=(7, 7)), LayerNorm(*rng.normal(size=(2, 7)))
    theirs = {"post": PostLN(norm), "pre": PreLN(norm), "peri": PeriLN(norm, norm)}[where]
    ours = EXERCISES["5.4"].solution(X, lambda X: X @ W, norm, where)
    np.testing.assert_array_equal(ours, theirs(X, lambda X: X @ W))


def test_decoder_block_is_the_layer_of_the_reference():
    rng = np.random.default_rng(1)
    X, H = rng.normal(size=(5, 7)), rng.normal(size=(4, 7))
    shapes = {"W_Q": (3, 7, 2), "W_K": (3, 7, 2), "W_V": (3, 7, 2), "W_O": (3, 2, 7)}
    own, cross = (MultiHeadAttention(**{name: rng.normal(size=s) for name, s in shapes.items()}) for _ in range(2))
    norms = [LayerNorm(*rng.normal(size=(2, 7))) for _ in range(3)]
    W_1, W_2 = rng.normal(size=(7, 11)), rng.normal(size=(11, 7))
    ff = FeedForward(W_1=W_1, b_1=np.ones(11), W_2=W_2, b_2=np.ones(7))
    places = ("around_self_attention", "around_cross_attention", "around_feed_forward")
    around = {place: PreLN(norm) for place, norm in zip(places, norms, strict=True)}
    layer = DecoderLayer(self_attention=own, cross_attention=cross, feed_forward=ff, **around)
    ours = decoder_block.decoder_block(X, H, norms, own, cross, ff)
    np.testing.assert_allclose(ours, layer(X, H), rtol=0, atol=1e-12)  # sums of at most 11 terms of size 1 to 10


def test_the_parts_of_a_logit_add_up_to_it():
    rng = np.random.default_rng(1)
    parts, gamma, u = rng.normal(size=(5, 7)), rng.normal(size=7), rng.normal(size=7)
    logit = RMSNorm(gamma, 0.1)(parts.sum(0)[None])[0] @ u
    np.testing.assert_allclose(EXERCISES["5.3"].solution(parts, gamma, u, 0.1).sum(), logit, rtol=0, atol=1e-12)


def test_beam_search_lies_between_greedy_and_exhaustive_search():
    log_p = beams._random(1121, 5)

    def total(tokens):
        return sum(log_p(tuple(tokens[:i]))[t] for i, t in enumerate(tokens))

    best = max(map(total, itertools.product(range(5), repeat=4)))
    greedy, found = (total(beams.beam_search(log_p, n, 4)) for n in (1, 3))
    assert greedy < found < best
    assert total(beams.beam_search(log_p, 5**4, 4)) == pytest.approx(best, rel=1e-12)


def test_sizes_are_those_of_llama_3_8b():
    """The published count of Llama 3 8B, 8,030,261,248 parameters: 32 blocks, a norm, two matrices of 128256 x 4096."""
    block = sum(layer_sizes.count_by_part(4096, 32, 8, 128, 14336).values())
    assert 32 * block + 4096 + 2 * 128_256 * 4096 == 8_030_261_248
