"""Two processes that talk through gloo, as torchrun starts them, do what one does with the same batch."""

import json

import pytest
import torch
from safetensors.torch import load_file

from course_lib.training.distributed import Place, dtype_of


def losses(folder) -> list[float]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row["loss"] if "loss" in row else row["validation"]["nats_per_token"] for row in rows]


@pytest.mark.parametrize("kind", ["grouped", "masked", "translation"])
def test_two_processes_train_as_one(runs, tmp_path, kind):
    """Without dropout, whose random numbers differ from process to process."""
    one, two = tmp_path / "one", tmp_path / "two"
    assert runs.run(one, kind=kind, steps=12, dropout=0.0) == [0]
    assert runs.run(two, kind=kind, steps=12, dropout=0.0, processes=2) == [0, 0]
    # Sums in float32, in another order: 1e-7 of each. AdamW's first steps divide a gradient by its own size, which
    # makes more of that where a gradient is small.
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    there = load_file(two / "checkpoint.safetensors")
    for name, tensor in load_file(one / "checkpoint.safetensors").items():
        if "b_K" not in name:  # adds the same number to all scores of a query, so that its gradient is rounding alone
            torch.testing.assert_close(there[name], tensor, rtol=0, atol=1e-3 * float(tensor.abs().max()), msg=name)


def test_when_the_first_cannot_begin_all_end(runs, tmp_path):
    """And none waits for the others forever."""
    (tmp_path / "file").write_text("no folder")
    assert runs.run(tmp_path / "file" / "run", processes=2) == [1, 1]


@pytest.mark.parametrize(
    "processes, kind, rows", [(2, "latent", None), (2, "latent", 1), (2, "translation", None), (3, "large", None)]
)
def test_a_run_of_several_processes_is_killed_and_goes_on(runs, tmp_path, processes, kind, rows):
    """Three or more numbers have sums that depend on their order, so that order must not depend on the step.

    A matrix that lies row by row gives other roundings, so it must not in the second process alone.
    """
    recipe = {"kind": kind, "steps": 12, "processes": processes, "rows": rows}
    assert runs.run(tmp_path / "whole", **recipe) == [0] * processes
    assert runs.run(tmp_path / "killed", place="update", when=9, **recipe) == [-9] * processes
    assert runs.run(tmp_path / "killed", **recipe) == [0] * processes
    whole, killed = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(tensor, killed[name]) for name, tensor in whole.items())


def test_each_takes_a_share_of_the_batch():
    batch = (torch.arange(6), torch.arange(6) * 10)
    shares = [Place(torch.device("cpu"), rank, 3).share(batch) for rank in range(3)]
    assert [share[0].tolist() for share in shares] == [[0, 3], [1, 4], [2, 5]]
    assert [share[1].tolist() for share in shares] == [[0, 30], [10, 40], [20, 50]]


def test_each_has_random_numbers_of_its_own_that_depend_on_seed_and_step_alone():
    drawn = {}
    with torch.random.fork_rng([]):
        for rank in (0, 1, 0):
            for seed, step in ((0, 0), (0, 1), (1, 0)):
                Place(torch.device("cpu"), rank, 2).seed(seed, step)
                value = float(torch.rand(()))
                assert drawn.setdefault((rank, seed, step), value) == value
    assert len(set(drawn.values())) == 6


@pytest.mark.parametrize("has", [True, False])
def test_auto_precision_is_bfloat16_where_the_device_has_instructions_for_it(monkeypatch, has):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": has}, raising=False)
    expected = torch.bfloat16 if has else torch.float32
    assert dtype_of("auto", torch.device("cuda")) == dtype_of("auto", torch.device("cpu")) == expected
    assert dtype_of("auto", torch.device("mps")) == torch.float32
    assert dtype_of("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert dtype_of("float32", torch.device("cuda")) == torch.float32


def test_precision_is_that_of_matrix_products_alone():
    x = torch.ones(2, 3)
    with Place(torch.device("cpu"), dtype=torch.bfloat16).precision():
        assert (x @ x.T).dtype == torch.bfloat16 and (x + x).dtype == torch.float32
    with Place(torch.device("cpu")).precision():
        assert (x @ x.T).dtype == torch.float32
