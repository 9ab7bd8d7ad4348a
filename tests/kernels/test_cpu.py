"""Code tuned to processors: all ways give the same values, and a clock decides between them, in inference only."""

import copy
import itertools
import os
import subprocess
import sys
import threading
from functools import partial

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.kernels import attention, cpu, rowwise
from course_lib.kernels.attention import Seen, attend
from course_lib.kernels.rowwise import project
from course_lib.limits import START
from course_lib.models import DecoderModel, shipped
from course_lib.models.ablation import Ablation
from course_lib.surgery.calibration import calibrate
from course_lib.training import NextTokenData, Recipe, evaluate, train

PRODUCTS = {cpu.PLAIN: rowwise.plain_product} | cpu.PRODUCTS
ATTENTIONS = {cpu.PLAIN: attention.plain_attention} | cpu.ATTENTIONS
ATTENTIONS_OF_ONE_HEAD = {cpu.PLAIN: attention.plain_attention} | cpu.ATTENTIONS_OF_ONE_HEAD
EXACT = dict(rtol=0, atol=1e-12)  # sums of up to 560 products of size 1 in float64, in another order: 560 times 1e-16


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def turned(V):
    return V.mT.contiguous().mT


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """Nothing measured yet, whatever the environment of the tests says."""
    monkeypatch.setattr(cpu, "setting", "measured")
    monkeypatch.setattr(cpu, "choices", {})


@pytest.fixture
def forged(monkeypatch):
    """`forged(seconds)`: a clock on which the calls of each way take these times in turn, and then the last of them."""

    def forge(seconds: dict[str, list[float]]):
        now, calls = [0.0], {}

        def slow(name, way, *arguments):
            times = seconds[name]
            calls[name] = calls.get(name, -1) + 1
            now[0] += times[min(calls[name], len(times) - 1)]
            return way(*arguments)

        monkeypatch.setattr(cpu, "clock", lambda: now[0])
        for ways in (cpu.PRODUCTS, cpu.ATTENTIONS, cpu.ATTENTIONS_OF_ONE_HEAD):
            for name, way in ways.items():
                monkeypatch.setitem(ways, name, partial(slow, name, way))
        monkeypatch.setattr(rowwise, "plain_product", partial(slow, cpu.PLAIN, rowwise.plain_product))
        monkeypatch.setattr(attention, "plain_attention", partial(slow, cpu.PLAIN, attention.plain_attention))

    return forge


@pytest.mark.parametrize("way", PRODUCTS)
@pytest.mark.parametrize("m", [1, 2, 5, 8])
@pytest.mark.parametrize("d, w", [(560, 48), (35, 1), (7, 3), (11, 121), (64, 2)])
def test_every_product_is_the_same(way, m, d, w, threads):
    """Widths that parts divide and that leave some over, and fewer columns than parts."""
    x, W = random(m, d), cpu.by_columns(random(d, w, seed=1))
    torch.testing.assert_close(PRODUCTS[way](x, W), torch.einsum("md,dw->mw", x, W), **EXACT)


@pytest.mark.parametrize("way", PRODUCTS)
def test_in_float32_a_product_is_rounded_as_a_sum_is(way, threads):
    """At most d roundings of 2^-24 each, of the sum of absolute values (Higham, Accuracy and stability, 3.5)."""
    x, W = random(3, 501, dtype=torch.float32), cpu.by_columns(random(501, 77, seed=1, dtype=torch.float32))
    off = (PRODUCTS[way](x, W).double() - torch.einsum("md,dw->mw", x.double(), W.double())).abs()
    assert bool((off <= 502 * 2**-24 * (x.abs().double() @ W.abs().double())).all())


WAYS = [(way, 1) for way in ATTENTIONS_OF_ONE_HEAD] + [(way, 6) for way in ATTENTIONS]


@pytest.mark.parametrize("way, B", WAYS)
@pytest.mark.parametrize("lay", [torch.Tensor.contiguous, turned, "in keys"])
@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("m, N", [(1, 64), (5, 67), (2, 3), (1, 1)])
def test_every_way_of_attention_is_the_same(way, B, lay, size, m, N, threads):
    """Scores of size 1, and of size 300, at which exp overflows unless the largest is taken off."""
    q, K = size * random(B, m, 7), random(B, N, 7, seed=1)
    K[:, -1] *= 10  # the last part, which is shorter, holds the largest score or the smallest
    V = K[..., :5] if lay == "in keys" else lay(random(B, N, 5, seed=2))
    want = torch.einsum("bmN,bNv->bmv", torch.einsum("bme,bNe->bmN", q, K).softmax(-1), V)
    way = (ATTENTIONS_OF_ONE_HEAD if B == 1 else ATTENTIONS)[way]
    torch.testing.assert_close(way(q, K, V), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way, B", WAYS)
def test_in_float32_an_answer_is_rounded_as_its_sums_are(way, B, threads):
    """Scores of size 5 are off by 7 roundings, which change weights in proportion; sums of 1001 by as many at most."""
    q, K, V = (random(B, n, e, seed=e, dtype=torch.float32) for n, e in ((3, 7), (1001, 7), (1001, 5)))
    way = (ATTENTIONS_OF_ONE_HEAD if B == 1 else ATTENTIONS)[way]
    want = attention.plain_attention(q.double(), K.double(), V.double())
    torch.testing.assert_close(way(q, K, V).double(), want, rtol=0, atol=2**-24 * (2 * 7 * 20 + 2 * 1001))


X, W, b = random(1, 2, 512, dtype=torch.float32), cpu.by_columns(random(512, 261, dtype=torch.float32)), torch.ones(261)
HEADS = [random(1, h, n, e, seed=h, dtype=torch.float32) for h, n, e in ((6, 1, 32), (2, 2000, 32), (2, 2000, 48))]
FAST, SLOW = [1e-5], [3e-5]


def taken() -> set[str]:
    return {choice.way for choice in cpu.choices.values()}


@torch.no_grad()
def test_the_clock_decides(forged):
    """As on a processor where parts are faster; layers give the values that the plain ways give."""
    forged({"plain": SLOW, "in parts": FAST, "keys first": FAST})
    torch.testing.assert_close(project(X, W, b), X @ W + b, rtol=0, atol=1e-4)
    with cpu.plain():
        want = attend(*HEADS, Seen(), 0.2)
    torch.testing.assert_close(attend(*HEADS, Seen(), 0.2), want, rtol=0, atol=1e-5)
    assert taken() == {"in parts", "keys first"}
    assert cpu.way_of_product(rowwise.plain_product, X, W) is cpu.PRODUCTS["in parts"]


@torch.no_grad()
def test_where_parts_are_slower_nothing_is_cut(forged):
    """As with MKL on Intel's processors: parts take three times as long."""
    forged({"plain": FAST, "in parts": SLOW, "keys first": [1.1e-5]})
    assert torch.equal(project(X, W, b), torch.nn.functional.linear(X, W.T, b))
    attend(*HEADS, Seen(), 0.2)
    attend(HEADS[0], HEADS[1][:, :1], HEADS[2][:, :1], Seen(), 0.2)  # one head
    assert taken() == {"plain"} and len(cpu.choices) == 3


@torch.no_grad()
@pytest.mark.parametrize("least, way", [(1.9e-5, "plain"), (2.3e-5, "in parts")])
def test_another_way_is_taken_when_faster_by_more_than_the_spread(forged, least, way):
    """Half of its calls must be faster than every plain one, the fastest of which takes `least`.

    The first call of each way, which may have to start threads, is not counted.
    """
    forged({"plain": [1e-9, least, 3e-5], "in parts": [1.0, 9e-4, 9e-4, 2e-5]})
    project(X, W)
    (choice,) = cpu.choices.values()
    assert choice.way == way and choice.seconds == pytest.approx({"plain": 3e-5, "in parts": 2e-5})


@torch.no_grad()
def test_a_busy_machine_computes_plainly(forged):
    """Without the time for all rounds nothing is concluded, and measuring ends."""
    forged({"plain": [0.04], "in parts": [0.01]})
    project(X, W)
    assert taken() == {"plain"}
    assert cpu.clock() < 0.2


@torch.no_grad()
def test_a_process_that_is_halted_while_it_measures_computes_plainly(monkeypatch):
    """A second passes between any two looks at the clock, also before the first round."""
    monkeypatch.setattr(cpu, "clock", itertools.count(0.0).__next__)
    project(X, W)
    assert taken() == {"plain"}


@torch.no_grad()
def test_a_shape_is_measured_once_for_each_number_of_threads(monkeypatch):
    measure, met = cpu.measure, []
    monkeypatch.setattr(cpu, "measure", lambda *given: met.append(torch.get_num_threads()) or measure(*given))
    before = torch.get_num_threads()
    for threads in (1, 2, 1, 2):
        torch.set_num_threads(threads)
        project(X, W)
        project(X[0, 1:], W)  # another number of rows
    torch.set_num_threads(before)
    assert met == [1, 1, 2, 2]
    callers = [threading.Thread(target=torch.no_grad()(project), args=(X.double(), W.double())) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(met) == 5


@torch.no_grad()
def test_lengths_share_a_choice_within_powers_of_two():
    for N in (1024, 1500, 2000):
        attend(HEADS[0], HEADS[1][:, :, :N], HEADS[2][:, :, :N], Seen(), 0.2)
    assert [key[1][-1] for key in cpu.choices] == [1024]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_measuring_leaves_nothing_behind(mode):
    """Neither random numbers, nor tensors, nor gradients; what it finds serves both modes."""
    state = torch.random.get_rng_state()
    with mode():
        project(X, W)
        project(X[:, :1], W)
        attend(*HEADS, Seen(), 0.2)
    assert torch.equal(state, torch.random.get_rng_state())
    held = [part for key, choice in cpu.choices.items() for part in (*key, choice.way, *choice.seconds.values())]
    assert len(cpu.choices) == 3 and not any(isinstance(part, torch.Tensor) for part in held)
    leaf = W.clone().requires_grad_()
    project(X, leaf).sum().backward()
    assert leaf.grad is not None


@torch.no_grad()
def test_each_precision_is_measured_for_itself():
    for dtype in (torch.float32, torch.float64):
        project(X.to(dtype), W.to(dtype))
        attend(*(x.to(dtype) for x in HEADS), Seen(), 0.2)
    assert {key[2] for key in cpu.choices} == {torch.float32, torch.float64} and len(cpu.choices) == 4


@torch.no_grad()
def test_a_row_of_another_precision_than_the_weight_is_refused():
    """As by torch's product. The message is torch's."""
    with pytest.raises(RuntimeError, match="same dtype"):
        project(X.double(), W)


def test_small_products_are_not_measured(forbidden):
    with torch.no_grad():
        project(random(1, 100), cpu.by_columns(random(100, 300)))
        project(random(9, 512), cpu.by_columns(random(512, 512)))  # many rows
        project(random(1, 512), random(512, 512))  # a weight that lies by rows
        attend(random(1, 4, 1, 8), random(1, 4, 60, 8), random(1, 4, 60, 8), Seen(), 1.0)


@pytest.fixture
def forbidden(monkeypatch):
    monkeypatch.setattr(cpu, "choose", lambda *_: pytest.fail("a choice was asked for"))


@pytest.fixture
def group(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_processes_of_a_group_compute_alike(forbidden, group):
    with torch.no_grad():
        project(X, W)


def with_gradients():
    assert torch.equal(project(X, W), X @ W)
    attend(*HEADS, Seen(), 0.2)


def in_plain():
    with cpu.plain(), torch.inference_mode():
        project(X, W)
        attend(*HEADS, Seen(), 0.2)


def under_the_setting():
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(cpu, "setting", "plain")
        project(X, W)
        attend(*HEADS, Seen(), 0.2)


@torch.no_grad()
def on_another_device():
    assert project(X.to("meta"), W.to("meta")).shape == (1, 2, 261)


@torch.no_grad()
def with_fake_tensors():
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert project(torch.ones(1, 512), W).shape == (1, 261)


@torch.no_grad()
def in_vmap():
    want = (X[0] @ W)[:, None]
    torch.testing.assert_close(torch.vmap(lambda x: project(x[None], W))(X[0]), want, rtol=0, atol=1e-4)


@torch.no_grad()
def in_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert project(X, W).dtype == torch.bfloat16


@torch.no_grad()
def while_counted():
    with FlopCounterMode(display=False) as counter:
        project(X, W)
    assert counter.get_total_flops() == 2 * W.numel() * 2


@torch.no_grad()
def in_a_compiled_graph():
    with pytest.MonkeyPatch.context() as patch:  # what torch.compile says to the code that it traces
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        project(X, W)


PLAIN_PLACES = [
    with_gradients,
    in_plain,
    under_the_setting,
    on_another_device,
    with_fake_tensors,
    in_vmap,
    in_autocast,
    while_counted,
    in_a_compiled_graph,
]


@pytest.mark.parametrize("place", PLAIN_PLACES, ids=lambda place: place.__name__)
def test_elsewhere_everything_is_plain(place, forbidden):
    place()


def test_decoding_takes_the_ways_that_were_found(monkeypatch):
    """With any of them the shipped models write the logits of the plain ones, and more than one way is at work.

    In float64: logits of size 10 after four layers of sums of some hundred products.
    """
    for name in ("docs-mha", "docs-gqa", "docs-mla"):
        model = shipped.load(name).model.double()
        tokens = torch.arange(2 * 607).view(2, 607)
        with torch.no_grad():
            model(tokens[:, :600], read := model.new_caches())
        found = {}
        for way in ("plain", "in parts", "keys first"):
            asked = []

            def forced(key, ways, _, way=way, asked=asked):
                asked.append(key[0].partition(",")[0])
                return cpu.Choice(way if way in ways else "plain", {})

            monkeypatch.setattr(cpu, "choose", forced)
            caches = copy.deepcopy(read)
            with torch.no_grad():
                found[way] = torch.cat([model(tokens[:, i : i + 1], caches) for i in range(600, 607)], 1)
            assert set(asked) == {"product", "attention"}
        for logits in found.values():
            torch.testing.assert_close(logits, found["plain"], rtol=0, atol=1e-10)


RECIPE = Recipe(steps=3, learning_rate=0.01, evaluate_every=1, checkpoint_every=3)


def wide_model() -> DecoderModel:
    """One whose decode steps are measured."""
    torch.manual_seed(5)
    size = {"vocab_size": 256, "n_layers": 2, "d_ff": 256, "max_length": 8}
    return DecoderModel(ModelConfig(attention=GroupedConfig(d_model=256, n_heads=4), positions="learned", **size))


def experiments(folder) -> list[torch.Tensor]:
    """What a run of training, its evaluations, a calibration and an ablation come to, on windows of few tokens."""
    model = wide_model()
    text = torch.randint(256, (300,), generator=torch.Generator().manual_seed(1))
    data = NextTokenData((text[:294], text[294:]), [b"a"] * 256, 1, 2)
    result = train(model, data, RECIPE, folder, "cpu", watchers=())
    found = [
        torch.tensor([result.evaluation.nats_per_token, evaluate(model, data).nats_per_token], dtype=torch.float64)
    ]
    found += [torch.from_numpy(layer.gram) for layer in calibrate(model, [text[None, :3]])]
    return found + [Ablation(model, text[None, :4]).losses([(0, 1)]), *(p.detach() for p in model.parameters())]


def test_training_and_experiments_do_not_depend_on_a_measurement(tmp_path, monkeypatch):
    """A measurement that took wrong ways, which give zeros, would change them; it changes a generation."""
    want = experiments(tmp_path / "plain")

    def wrong(x, *rest):
        return torch.zeros(*x.shape[:-1], rest[-1].shape[-1])

    monkeypatch.setitem(cpu.PRODUCTS, "wrong", wrong)
    monkeypatch.setattr(cpu, "choose", lambda *_: cpu.Choice("wrong", {}))
    got = experiments(tmp_path / "forged")
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(got, want, strict=True))
    model, prompt = wide_model().eval(), torch.tensor([[3]])
    with torch.no_grad():
        assert not model(prompt).any()


FORKING = """
import os, threading
from course_lib.kernels import cpu

held, over = threading.Event(), threading.Event()

def measuring():
    with cpu._measuring:
        held.set()
        over.wait()

thread = threading.Thread(target=measuring)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(0 if cpu._measuring.acquire(blocking=False) else 1)
over.set()
thread.join()
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_process_forked_while_a_thread_measures_does_not_wait_for_it():
    """In a process of its own: pytest's has other threads, whose locks a forked process might find locked."""
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=START)


@torch.no_grad()
def test_a_step_may_be_taken_within_a_measurement_of_the_same_thread():
    """As by the handler of a signal: it measures for itself, and does not wait for what it interrupted."""
    with cpu._measuring:
        project(X, W)
    assert len(cpu.choices) == 1
