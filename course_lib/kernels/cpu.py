"""What is tuned to processors: the order of numbers in memory, and the way in which a decode step is computed.

A decode step multiplies one row, or a few, by every weight matrix, and its queries by every cached key. Reading these
numbers from memory takes most of its time. Several ways compute the same values. Which one is fastest depends on the
processor: each may take two to four times as long as another. So the code names no way as the best. The plain way is
the default. In inference on a CPU all ways are timed when a process first meets a shape, and another way is taken when
it is clearly faster.

The timed calls read tensors of ones, not the model's: their size is bounded, and like weights that were not used for a
while they are not in the processor's caches. The call that measures already computes in the way that is taken.

COURSE_CPU=plain in the environment fixes the plain way. Training, evaluation and experiments run within `plain()`.
"""

import contextlib
import itertools
import math
import mmap
import os
import statistics
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter as clock

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.config import require

SETTINGS = ("measured", "plain")
PLAIN = "plain"

# Where and for how long we measure. The clock decides which way is taken.
FEW = 8  # rows: with more, the speed of multiplying counts, not that of reading
SMALL = 2**16  # numbers: reading fewer takes less time than calling torch
LARGE = 2**21  # numbers: with more, the times of all ways grow in proportion
COPIES = 2**23  # numbers in all copies together: more than the caches of the cores hold
ROUNDS, BUDGET = 9, 0.05  # timed calls of each way, and seconds for the timed calls of all
HUGE = 2**22  # bytes, two huge pages: less may hold no whole one, wherever it begins
PER_THREAD = 2  # parts: a thread that is late leaves its second one to another


# The order of numbers in memory is fixed and never measured, because training walks through memory in this order.


def by_columns(W: Float[Tensor, "d w"]) -> Float[Tensor, "d w"]:
    """The same matrix, each of its columns in one piece of memory.

    Each output is then an inner product with numbers that lie together, and the columns of a head are one block.
    Measured for one row and 512 x 2048 float32 on two cores, in the best way for each order: 50 GB/s by columns and 35
    by rows with the code that MKL runs on AMD processors, 45 and 43 with its code for Intel's.
    """
    return W.T.contiguous().T


def new_rows(name: str, like: Float[Tensor, "b ... n w"], size: int) -> Float[Tensor, "b ... size w"]:
    """Zeros for `size` cached rows, of the dtype and device of `like`.

    On a CPU, the values of grouped attention lie coordinate by coordinate in float32 and float64, because a decode step
    sums each coordinate over all tokens. For 16 heads of width 32 and 2048 tokens, in the best way for each order: 159
    microseconds, and 179 by rows, with MKL's code for AMD; 214 and 280 with its code for Intel. In half precision
    torch's fused kernel reads V, and it wants rows. On a GPU it reads V in every prefill. A decode step in float32 or
    float64 is computed by products there.

    name: "V" are the values that `Grouped.compress` gives. Rows of other names, as keys and latent rows, lie by rows.
    """
    *lead, _, width = like.shape
    if name == "V" and like.is_cpu and like.element_size() >= 4:
        return zeros(like, (*lead, width, size)).mT
    return zeros(like, (*lead, size, width))


def zeros(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Zeros of the dtype and device of `like`, on huge pages where Linux has them.

    The processor then looks up fewer addresses. A decode step after 8,192 tokens, with 16 heads of width 32 in 4
    layers, took 2 to 7 % less time on two AMD processors.
    """
    nbytes = math.prod(shape) * like.element_size()
    if not like.is_cpu or nbytes < HUGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return like.new_zeros(shape)
    memory = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # raised by a kernel without huge pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=like.dtype).view(shape)


# The ways beside the plain one, which stands where it is used: `rowwise.plain_product` and `attention.plain_attention`.
# Letters: m rows x, each times W (d, w); or B key/value heads, each read by m queries (see `kernels.attention`).


def product_in_parts(x: Float[Tensor, "m d"], W: Float[Tensor, "d w"]) -> Float[Tensor, "m w"]:
    """x W as a batch of products with parts of the columns: MKL on AMD computes a single product in one thread."""
    P, whole = parts_of(W.shape[1])
    Y = torch.bmm(W.T[:whole].unflatten(0, (P, -1)), x.T.expand(P, -1, -1)).flatten(0, 1).T.contiguous()
    return Y if whole == W.shape[1] else torch.cat([Y, x @ W[:, whole:]], 1)


def attention_keys_first(
    q: Float[Tensor, "B m e"], K: Float[Tensor, "B N e"], V: Float[Tensor, "B N v"]
) -> Float[Tensor, "B m v"]:
    """softmax((K q^T)^T) V: some BLAS are faster when the larger factor stands first."""
    return torch.bmm(torch.bmm(K, q.mT).mT.contiguous().softmax(-1), V)


def attention_in_parts(
    q: Float[Tensor, "1 m e"], K: Float[Tensor, "1 N e"], V: Float[Tensor, "1 N v"]
) -> Float[Tensor, "1 m v"]:
    """softmax(q K^T) V of a single key head, whose keys and values are cut into parts for threads to share."""
    q, K, V = q[0], K[0], V[0]
    P, whole = parts_of(K.shape[0])
    K_c, V_c = (rows[:whole].unflatten(0, (P, -1)) for rows in (K, V))
    scores = torch.bmm(q.expand(P, -1, -1), K_c.mT).transpose(0, 1).flatten(1)
    weights = torch.cat([scores, q @ K[whole:].T], 1).softmax(-1)
    Y_c = torch.bmm(weights[:, :whole].unflatten(1, (P, -1)).transpose(0, 1), V_c)
    return torch.addmm(Y_c.sum(0), weights[:, whole:], V[whole:])[None]


def parts_of(size: int) -> tuple[int, int]:
    """The number of parts for torch's threads, and how many of `size` rows or columns they divide evenly."""
    P = min(PER_THREAD * torch.get_num_threads(), size)
    return P, size - size % P


Way = Callable[..., Tensor]
PRODUCTS: dict[str, Way] = {"in parts": product_in_parts}
ATTENTIONS: dict[str, Way] = {"keys first": attention_keys_first}
ATTENTIONS_OF_ONE_HEAD: dict[str, Way] = ATTENTIONS | {"in parts": attention_in_parts}


# Which way: the plain one, or what measuring has found.

_plainly: ContextVar[bool] = ContextVar("plainly", default=False)


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Compute everything within this context, or function, in the plain way, and measure nothing."""
    before = _plainly.set(True)
    try:
        yield
    finally:
        _plainly.reset(before)


def checked(given: str) -> str:
    """The value of COURSE_CPU, if it is one of SETTINGS. Raises ValueError for another one."""
    require(given in SETTINGS, f"COURSE_CPU must be {' or '.join(SETTINGS)}, got {given!r}")
    return given


setting = checked(os.environ.get("COURSE_CPU") or SETTINGS[0])


def measures(*tensors: Tensor) -> bool:
    """Whether ways are measured here: in inference, on tensors of a CPU, of no subclass but parameters.

    Not while gradients are recorded, under torch.compile, vmap or autocast, or while operations are watched (fake
    tensors, counters of FLOPs). Not in a process group either, where all processes must compute alike.
    """
    if torch.compiler.is_compiling() or torch.is_grad_enabled() or setting == PLAIN or _plainly.get():
        return False
    return (
        all(x.is_cpu and type(x) in (Tensor, torch.nn.Parameter) for x in tensors)
        and torch._C._functorch.peek_interpreter_stack() is None
        and torch._C._len_torch_dispatch_stack() == 0
        and not torch.is_autocast_enabled("cpu")
        and not (torch.distributed.is_available() and torch.distributed.is_initialized())
    )


def way_of_product(plain: Way, X: Float[Tensor, "*b d"], W: Float[Tensor, "d w"]) -> Way:
    """The way to compute X W: `plain`, or one of PRODUCTS. It takes the rows of X below each other."""
    d, w = W.shape
    if not 0 < X.numel() <= FEW * d or d * w < SMALL or W.stride(0) != 1 or not measures(X, W):
        return plain
    if X.shape[-1] != d or X.dtype != W.dtype:
        return plain  # which raises the usual error
    m = X.numel() // d
    w = min(w, max(1, LARGE // d))
    key = ("product", (m, d, w), W.dtype, torch.get_num_threads())
    ways = {PLAIN: plain} | PRODUCTS
    return ways[choose(key, ways, lambda: (W.new_ones(m, d), lambda ones: (ones.view(w, d).T,), w * d)).way]


def way_of_attention(
    plain: Way, q: Float[Tensor, "B m e"], K: Float[Tensor, "B N e"], V: Float[Tensor, "B N v"]
) -> Way:
    """The way to compute softmax(q K^T) V: `plain` or one of ATTENTIONS_OF_ONE_HEAD. N is measured in powers of two."""
    (B, m, e), (N, v) = q.shape, V.shape[1:]
    if B * N * (e + v) < SMALL or not measures(q, K, V):
        return plain
    most = LARGE // (B * (e + v) * -(-m // FEW))  # as much work as for the largest weight
    N = 2 ** (max(1, min(N, most)).bit_length() - 1)
    shared, turned = V.data_ptr() == K.data_ptr(), V.stride(-1) != 1  # values may be columns of the keys

    def copy(ones: Tensor) -> tuple[Tensor, Tensor]:
        keys = ones[: B * N * e].view(B, N, e)
        values = ones[len(ones) - B * N * v :]
        return keys, keys[..., :v] if shared else values.view(B, v, N).mT if turned else values.view(B, N, v)

    ways = {PLAIN: plain} | (ATTENTIONS_OF_ONE_HEAD if B == 1 else ATTENTIONS)
    order = "V in K" if shared else "V turned" if turned else "V by rows"
    key = (f"attention, {order}", (B, m, e, v, N), K.dtype, torch.get_num_threads())
    return ways[choose(key, ways, lambda: (q.new_ones(B, m, e), copy, B * N * (e if shared else e + v))).way]


@dataclass(frozen=True)
class Choice:
    """The way taken for one shape, and the times that decided it."""

    way: str
    seconds: dict[str, float]  # the median of each way


choices: dict[tuple, Choice] = {}  # of this process: kind, shape, dtype and number of threads -> what was found
_measuring = threading.RLock()  # a signal may call again while the same thread measures


def _unlock() -> None:
    """Make a new lock in a forked process: the old one may be held by a thread that only the parent has."""
    global _measuring
    _measuring = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def choose(key: tuple, ways: dict[str, Way], material: Callable[[], tuple]) -> Choice:
    """The choice for `key`, measured when there is none yet.

    material() -> the first argument of the ways; a function that makes the others out of a row of ones; its length.
    """
    found = choices.get(key)
    if found is None:
        with _measuring:  # another thread may have measured it meanwhile
            found = choices.get(key) or choices.setdefault(key, measure(ways, *material()))
    return found


def measure(ways: dict[str, Way], rows: Tensor, copy: Callable[[Tensor], tuple], size: int) -> Choice:
    """Time the ways in turn, each time on another copy, as a decode step reads one weight after the other.

    The way with the least median is taken if this median is below the fastest plain call, and if there was time for all
    rounds. For a way that is as fast as the plain one this happens by chance once in 68 times. On a busy machine the
    plain way stays.
    """
    copies = itertools.cycle([copy(ones) for ones in rows.new_ones(max(2, COPIES // size), size)])
    for way in ways.values():
        way(rows, *next(copies))  # which may start threads
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    began = clock()
    while not seconds[PLAIN] or (len(seconds[PLAIN]) < ROUNDS and clock() - began < BUDGET):
        for name, way in ways.items():
            arguments, start = next(copies), clock()
            way(rows, *arguments)
            seconds[name].append(clock() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    best = min(medians, key=medians.get)
    finished = len(seconds[best]) == ROUNDS
    return Choice(best if finished and medians[best] < min(seconds[PLAIN]) else PLAIN, medians)
