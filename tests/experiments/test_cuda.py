"""On a CUDA device a job of an experiment comes to the losses that it has on the CPU.

Where there is no such device these tests are skipped.
"""

import math
from dataclasses import replace

import pytest
import torch

from course_lib.experiments import run
from course_lib.experiments.probes import copying, extrapolation
from course_lib.experiments.recall import recall_job

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
STEPS = 3


def losses(job, sweep) -> dict:
    """Nats by split and document."""
    run.carry_out(job, sweep.folder)
    assert run.failure_of(job.folder(sweep.folder)) == {}
    return {(row["split"], row["document"]): row["nats"] for row in run.read_documents(job.folder(sweep.folder))}


def sweeps(tiny, tmp_path, **settings):
    """The same sweep on the CPU and on the device."""
    for device in ("cpu", "cuda"):
        preset = replace(tiny.PRESET, steps=STEPS, recall_steps=STEPS, device=device, **settings)
        yield tiny.new_sweep(tmp_path / device, preset)


@pytest.mark.parametrize("arm", ["GQA2", "MLA-16", "partly rotary 16", "RoPE on up-projected keys", "ALiBi on latents"])
def test_training_and_probes(tiny, tmp_path, arm):
    """In float32, where sums in another order change 1e-7 of each; AdamW makes more of that."""
    found = []
    for sweep in sweeps(tiny, tmp_path):
        job = sweep.training(arm, 0, 1e-2, STEPS, ("tune", "test"), "equal")
        found.append(losses(job, sweep) | losses(copying(job), sweep) | losses(extrapolation(job), sweep))
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_recall(tiny, tmp_path):
    found = [losses(recall_job(sweep.preset, "MLA 16", 0, 3e-3), sweep) for sweep in sweeps(tiny, tmp_path)]
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_bfloat16_on_auto_is_the_device(tiny, tmp_path):
    preset = replace(tiny.PRESET, steps=STEPS, device="auto", precision="bfloat16")
    sweep = tiny.new_sweep(tmp_path, preset)
    before = torch.cuda.memory_stats().get("allocation.all.allocated", 0)
    found = losses(sweep.compared("GQA2", 0, 1e-2, STEPS), sweep)
    assert torch.cuda.memory_stats()["allocation.all.allocated"] > before
    assert all(math.isfinite(nats) for nats in found.values())
