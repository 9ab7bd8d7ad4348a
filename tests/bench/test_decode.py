"""`bench decode`: its figures on tiny models, and what it refuses."""

import json
import sys

import pytest
import torch
from typer.testing import CliRunner

from course_lib import accounting, cli
from course_lib.bench import decode, decode_contenders, memory, overhead
from course_lib.bench.decode_contenders import VARIANTS, Transformers, contenders
from course_lib.bench.memory import PeakMemory
from course_lib.kernels import cpu
from course_lib.layers import LatentAttention
from course_lib.packages import install_command

FEW = {"ROUNDS": 2, "BLOCK": 3, "WARM_UP": 2}  # steps, in place of as many as a measurement takes
MACHINE = accounting.Machine("toy", bandwidth=1e9, flops=1e10)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    for name, size in {"vocab_size": 101, "hidden_size": 64, "intermediate_size": 48}.items():
        monkeypatch.setitem(decode_contenders.SIZES, name, size)
    monkeypatch.setattr("course_lib.bench.rates.measure_machine", lambda: MACHINE)
    monkeypatch.setattr(decode, "measure_decode_machine", lambda: MACHINE)
    for name, value in FEW.items():
        monkeypatch.setattr(decode, name, value)
        monkeypatch.setattr(overhead, name, value)
    for name, value in {"setting": "measured", "choices": {}, "SMALL": 2**10, "COPIES": 2**16}.items():
        monkeypatch.setattr(cpu, name, value)


def bench(*arguments):
    return CliRunner().invoke(cli.app, ["bench", "decode", *map(str, arguments)])


def test_figures_of_every_variant(tmp_path):
    output = tmp_path / "new" / "figures.json"
    shown = bench("--json", output, "--context", 23, "--context", 37, "--threads", 1)
    assert shown.exit_code == 0, shown.output
    found = json.loads(output.read_text())
    assert found["benchmark"] == "decode" and found["machine"]["transformers"]
    assert found["peak"] == {"bytes_per_second": 1e9, "flops_per_second": 1e10}
    assert {"processor", "instructions", "blas"} <= found["machine"].keys() and found["machine"][
        "COURSE_CPU"
    ] == "measured"
    assert {way["product"] for way in found["ways"]} == {"product", "attention, V turned", "attention, V in K"}
    for way in found["ways"]:
        assert way["threads"] == 1 and way["taken"] in way["microseconds"] and "plain" in way["microseconds"]
        assert all(time > 0 for time in way["microseconds"].values())
    rows = found["rows"]
    for course, *peers in (found["narrow"][i : i + 4] for i in range(0, 12, 4)):
        assert course["implementation"] == "course" and course["times"] == 1
        for row in (course, *peers):
            assert row["variant"] == course["variant"] and 0 < row["us_quartiles"][0] <= row["us_per_layer"]
            assert row["times"] == pytest.approx(row["us_per_layer"] / course["us_per_layer"])
    names = ["course", "plain-course", "transformers-dynamic", "transformers-static"]
    assert [(row["variant"], row["context"], row["implementation"]) for row in rows] == [
        (variant, context, name) for variant in VARIANTS for context in (23, 37) for name in names
    ]
    for course, *peers in (rows[i : i + 4] for i in range(0, len(rows), 4)):
        model = contenders(VARIANTS[course["variant"]])[0]
        config, attention = model.config, model.blocks[0].attention
        absorbs = isinstance(attention, LatentAttention) and attention.absorbs(1, course["context"])
        assert course["form"] == ("absorbed" if absorbs else "grouped")
        room = course["context"] + 2 + 2 * 3 + 1
        assert course["cache_bytes"] == 4 * accounting.cache_bytes(config.attention, room, dtype="float32")
        assert course["faster"] == course["faster_prefill"] == 1 and course["logits_difference"] == 0
        work = accounting.model_decode(config, course["context"] + 2 + 3, dtype="float32")
        assert course["floor_ms"] == pytest.approx(1e3 * max(work.bytes / 1e9, work.flops / 1e10))
        assert course["predicted_ms"] == pytest.approx(1e3 * (work.bytes / 1e9 + work.flops / 1e10))
        for row in (course, *peers):
            assert row["ms_quartiles"][0] <= row["ms_per_token"] <= row["ms_quartiles"][1]
            assert row["faster"] == pytest.approx(row["ms_per_token"] / course["ms_per_token"])
            assert 0 <= row["logits_difference"] < 1e-4 and row["prefill_s"] > 0 and row["cache_bytes"] > 0


def test_the_plain_course_takes_no_other_way(monkeypatch):
    """All ways are the plain one for it, and the course asks for others in the same step."""
    asked = []
    monkeypatch.setattr(cpu, "choose", lambda key, *_: asked.append(key) or cpu.Choice("plain", {}))
    course, plain, *_ = contenders(VARIANTS["gqa"])[1]
    tokens, logits = torch.arange(32)[None], {}
    for contender, asks in ((plain, False), (course, True)):
        with torch.inference_mode():
            contender.prefill(tokens, 2)
            logits[contender.name] = contender.step(tokens[:, :1])
        assert bool(asked) == asks
    assert torch.equal(logits["course"], logits["plain-course"])


def test_other_tokens_stop_it(tmp_path, monkeypatch):
    right = Transformers.step
    monkeypatch.setattr(Transformers, "step", lambda self, token: -right(self, token))
    shown = bench("--json", tmp_path / "o.json", "--variant", "gqa", "--context", 9)
    assert shown.exit_code == 1 and "transformers-dynamic must give the tokens that the course gives" in shown.output
    assert not (tmp_path / "o.json").exists()


def test_nothing_to_compare_with(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    shown = bench("--json", tmp_path / "o.json", "--variant", "gqa", "--context", 9)
    assert shown.exit_code == 1 and f"needs transformers; `{install_command('test')}`" in shown.output


def test_another_variant_and_another_place(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "measure", lambda *_: pytest.fail("it measured"))
    shown = bench("--json", tmp_path / "o.json", "--variant", "mqa")
    assert shown.exit_code == 2 and "must be one of mha, gqa, mla, got 'mqa'" in shown.output.replace("\n", " ")
    shown = bench("--json", ".")  # a short name, so that the sentence stands in one line
    assert shown.exit_code == 2 and "is a folder" in shown.output


def test_peak_of_memory(monkeypatch):
    """64 MiB that are given back before the end; the system counts in pages and lags behind by some."""
    with PeakMemory() as found:
        torch.ones(2**24)
    if sys.platform == "linux":
        assert 2**25 < found.peak < 2**27
    monkeypatch.setattr(memory, "PEAK_RESET", memory.Path("/no/such/counter"))
    with PeakMemory() as found:
        pass
    assert found.peak is None
