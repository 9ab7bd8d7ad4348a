"""Two processes of torchrun share each run of a sweep. When one ends, all end, and the same command goes on."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from course_lib.experiments.run import DOCUMENTS, FAILURE, RESULT

SCRIPT = Path(__file__).with_name("sweep_together.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def sweep(tiny, folder, *death, start=TORCHRUN) -> tuple[int, str]:
    """Carry out the sweep; (exit code, what all processes say)."""
    tiny.tokens().write(folder.with_suffix(".tokens"))
    command = [sys.executable, *start, SCRIPT, folder, *map(str, death)]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return shown.returncode, shown.stdout


def losses(folder) -> dict:
    """Nats by learning rate, seed and arm, and by document."""
    found = {}
    for path in folder.glob(f"runs/*/{RESULT}"):
        rows = pyarrow.parquet.read_table(path.with_name(DOCUMENTS)).to_pylist()
        labels = json.loads(path.read_text())["labels"]
        name = labels["arm"], labels["seed"], labels["rate"]
        found |= {(*name, row["split"], row["document"]): row["nats"] for row in rows}
    return found


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """A sweep by two processes, none of which was killed."""
    folder = tmp_path_factory.mktemp("together") / "whole"
    code, said = sweep(tiny, folder)
    assert code == 0, said
    assert said.count("0 failed. Tables and pictures") == 1, "process 1 says nothing"
    return folder


def test_two_processes_come_to_what_one_comes_to(whole, tiny, tmp_path):
    """Sums in float32 in another order: 1e-7 of each. AdamW makes more of that where a gradient is small."""
    code, said = sweep(tiny, tmp_path / "one", start=())
    assert code == 0, said
    assert losses(whole) == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    alone, together = (
        {path.parent.name: json.loads(path.read_text())["identity"] for path in folder.glob(f"runs/*/{RESULT}")}
        for folder in (tmp_path / "one", whole)
    )
    assert all(identity["processes"] == 2 for identity in together.values())
    assert not any("processes" in identity for identity in alone.values())
    assert not alone.keys() & together.keys()


def test_when_one_ends_all_end_and_the_same_command_goes_on(whole, tiny, tmp_path):
    """In one sweep process 1 is killed, and then it raises an error. Each time a run goes on where it was."""
    folder = tmp_path / "ended"
    deaths = {
        (1, "step", 20): "Signal 9 (SIGKILL)",  # of torchrun, since the killed one says nothing
        (1, "error", 8): "MemoryError: no room",
    }
    for (rank, place, when), reason in deaths.items():
        code, said = sweep(tiny, folder, rank, place, when)
        assert code == 1 and reason in said, said
        assert len(list(folder.glob(f"runs/*/{RESULT}"))) < len(tiny.results(whole))
        assert not list(folder.glob(f"runs/*/{FAILURE}")), "an error of several processes is no failed try"
    code, said = sweep(tiny, folder)
    assert code == 0, said
    assert tiny.results(folder) == tiny.results(whole)
    resumed = [json.loads(path.read_text())["training"]["resumed"] for path in folder.glob(f"runs/*/{RESULT}")]
    assert any(resumed)
