"""`bench load`: small checkpoints of the four kinds are what transformers and the course read, and rows are whole."""

import errno
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import transformers
from safetensors import safe_open
from typer.testing import CliRunner

from course_lib import accounting, cli, container
from course_lib.bench import load, load_once, siblings
from course_lib.bench.siblings import INDEX, SIBLINGS
from course_lib.models import pretrained

# Parameters that Hugging Face states; of DeepSeek-V2-Lite the paper states 15.7 thousand millions.
PUBLISHED = {
    "llama-3.2-1b": 1_235_814_400,
    "gemma-3-1b": 999_885_952,
    "deepseek-v2-lite": 15_706_484_224,
    "minicpm3-4b": 4_073_875_968,
}
SHARD = 60_000  # bytes: several files for each small checkpoint
SINGLE = dict(rtol=0, atol=1e-4)  # both compute in float32: sums of tens of terms, through three layers
N = 17


@pytest.fixture
def small(monkeypatch):
    """The siblings at small sizes, as `SIBLINGS`, and their files in this process."""
    found = {name: replace(each, config=each.small_config) for name, each in SIBLINGS.items()}
    monkeypatch.setattr(siblings, "SIBLINGS", found)
    monkeypatch.setattr(siblings, "SHARD", SHARD)
    return found


@pytest.fixture
def here(monkeypatch):
    """The loading in this process, since a new one takes seconds to start."""

    def measure_once(sibling, dtype, implementation, large, small, threads):
        return load_once.run(large, small, implementation, dtype, 5, 3)

    monkeypatch.setattr(load, "measure_once", measure_once)
    for name, value in {"PROMPT": 5, "NEW": 3}.items():
        monkeypatch.setattr(load, name, value)


def bench(*arguments):
    return CliRunner().invoke(cli.app, ["bench", "load", *map(str, arguments)])


def said(shown):
    return " ".join(shown.output.replace("│", " ").split())


@pytest.mark.parametrize("name", SIBLINGS)
def test_sizes_are_those_of_the_published_model(name):
    sibling = SIBLINGS[name]
    assert accounting.model_parameters(sibling.published).total == PUBLISHED[name]
    assert sibling.model.n_layers == sibling.layers == (8 if sibling.whole else sibling.published.n_layers)
    wanted = {key: siblings.stored_bytes(shape) for key, shape in siblings.shapes(sibling.config).items()}
    assert 2 * accounting.model_parameters(sibling.model).total == sum(wanted.values())
    parts = list(siblings.split(siblings.shapes(sibling.config)))
    assert [key for part in parts for key in part] == list(wanted)
    assert max(sum(wanted[key] for key in part) for part in parts) <= 10**9
    assert len(parts) <= 1 + 2 * sum(wanted.values()) // 10**9


@pytest.mark.parametrize("name", SIBLINGS)
def test_the_checkpoint_is_what_both_read(name, small, tmp_path):
    """No tensor is missing or unknown for transformers, and logits are equal in float32."""
    total = siblings.write(small[name].config, tmp_path)
    oracle, told = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, dtype=torch.float32, output_loading_info=True
    )
    assert not any(told.values()), told
    assert oracle.num_parameters() == total // 2
    model = pretrained.load(tmp_path).model
    tokens = torch.randint(128, (2, N), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        want = oracle.eval()(tokens).logits
        torch.testing.assert_close(model(tokens), want, **SINGLE)
    assert 0.1 < want.std() < 100


@pytest.mark.parametrize("name", SIBLINGS)
def test_shards_and_index_agree(name, small, tmp_path):
    total = siblings.write(small[name].config, tmp_path)
    index, held = json.loads((tmp_path / INDEX).read_text()), {}
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert files == [f"model-{i:05}-of-{len(files):05}.safetensors" for i in range(1, len(files) + 1)]
    assert len(files) > 2 and sorted(path.name for path in tmp_path.iterdir()) == ["config.json", *files, INDEX]
    for name_of_file in files:
        with safe_open(tmp_path / name_of_file, framework="pt") as file:
            assert file.metadata() == {"format": "pt"}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        assert sum(each.nbytes for each in tensors.values()) <= SHARD
        held |= dict.fromkeys(tensors, name_of_file)
        for each in tensors.values():
            middle, spread = (1, 12**-0.5) if each.ndim == 1 else (0, each.shape[-1] ** -0.5)
            assert each.dtype == torch.bfloat16 and float(each.std()) == pytest.approx(spread, rel=0.5)
            assert float(each.mean()) == pytest.approx(middle, abs=0.3)
    assert held == index["weight_map"] and index["metadata"] == {"total_size": total}
    assert total == sum(map(siblings.stored_bytes, siblings.shapes(small[name].config).values()))


def test_rows_have_all_figures(small, here, tmp_path):
    """The form is the one that the course chooses, and caches have the counted size."""
    output, folder = tmp_path / "new" / "o.json", tmp_path / "disk"
    folder.mkdir()
    names = ("gemma-3-1b", "deepseek-v2-lite")
    chosen = [word for name in names for word in ("--sibling", name)]
    shown = bench("--json", output, *chosen, "--dtype", "float32", "--dtype", "bfloat16", "--folder", folder)
    assert shown.exit_code == 0, shown.output
    assert not list(folder.iterdir())
    for words in (
        "deepseek-v2-lite, 27 layers, float32, predicted",
        "gemma-3-1b, 3 layers, bfloat16",
        "peak of loading",
    ):
        assert words in said(shown)
    found = json.loads(output.read_text())
    assert found["benchmark"] == "load" and found["left_out"] == [] and found["machine"]["transformers"]
    rows = found["rows"]
    assert [(row["sibling"], row["dtype"], row["implementation"]) for row in rows] == [
        (name, dtype, who) for name in names for dtype in ("float32", "bfloat16") for who in load_once.IMPLEMENTATIONS
    ]
    for row in rows:
        config, size = small[row["sibling"]].model, accounting.itemsize(row["dtype"])
        count, course = accounting.model_parameters(config).total, row["implementation"] == "course"
        assert row["layers"] == 3 and row["stored_bytes"] == 2 * count
        latent, mixed = row["sibling"] == names[1], row["implementation"] == "transformers" and size == 2
        if latent and mixed:  # transformers keeps each router in float32: 64 numbers for each of 8 experts
            assert row["weights_bytes"] == 2 * count + 2 * (2 * 8 * 64)
        else:
            assert row["weights_bytes"] == size * count
        assert row["parameters"] == count
        assert 0 < row["load_s"] < row["first_token_s"] and row["tokens_per_second"] > 0
        if row["peak_bytes"] is not None:
            assert row["ratio"] == row["peak_bytes"] / row["weights_bytes"]
            assert row["peak_in_use_bytes"] >= 0
        assert row["form"] == ("grouped" if not latent else "absorbed" if course else "expanded")
        counted = accounting.Model(row["sibling"], config.attention_counts)
        assert row["cache_bytes_per_token"] == counted.bytes_per_token(row["dtype"])
        assert row["predicted_cache_bytes"] == counted.cache_bytes(5 + 2 + 3, dtype=row["dtype"])
        assert row["cache_bytes"] == row["predicted_cache_bytes"] or not course
        assert row["same_tokens"] == 1 or (mixed and 0 <= row["same_tokens"] < 1)
    for row, whole in zip(rows[4::2], found["predicted"], strict=True):
        assert whole["layers"] == 27 and whole["dtype"] == row["dtype"]
        published = small[row["sibling"]].published
        assert whole["weights_bytes"] == whole["parameters"] * accounting.itemsize(row["dtype"])
        assert (whole["parameters"], whole["active_parameters"]) == accounting.model_parameters(published)
        assert whole["cache_bytes_per_token"] == 9 * row["cache_bytes_per_token"]
        assert whole["load_s"] / row["load_s"] == pytest.approx(whole["weights_bytes"] / row["weights_bytes"])


def test_a_process_of_its_own_measures(small, tmp_path, monkeypatch):
    monkeypatch.setattr(load.importlib.util, "find_spec", lambda name: None)
    rows, left_out = load.measure(["llama-3.2-1b"], ["bfloat16"], tmp_path, 1)
    assert left_out == [] and not list(tmp_path.iterdir())
    assert [(row.implementation, row.form, row.same_tokens) for row in rows] == [("course", "grouped", 1.0)]
    assert load.predict(rows) == []


def test_what_does_not_fit_into_memory_is_left_out(small, tmp_path, monkeypatch):
    monkeypatch.setattr(container, "available", lambda: container.Memory(10**9, 2 * 10**9))
    shown = bench("--json", tmp_path / "o.json", "--sibling", "gemma-3-1b", "--folder", tmp_path)
    assert shown.exit_code == 0, shown.output
    assert "Left out: gemma-3-1b, bfloat16, course: needs 1.1 GB of memory, and 1 GB are free." in said(shown)
    found = json.loads((tmp_path / "o.json").read_text())
    assert found["rows"] == [] and [each["implementation"] for each in found["left_out"]] == ["course", "transformers"]


@pytest.mark.parametrize("code, why", [(-9, "signal 9"), (1, "code 1")])
def test_a_process_that_fails_is_told(small, tmp_path, monkeypatch, code, why):
    monkeypatch.setattr(load.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=code, stdout=""))
    rows, left_out = load.measure(["gemma-3-1b"], ["bfloat16"], tmp_path, 1)
    assert rows == [] and len(left_out) == 2 and why in left_out[0].why


def test_a_full_disk(tmp_path, monkeypatch):
    """The full sizes: nothing is written before the disk is asked."""
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10**9))
    with pytest.raises(OSError, match="must have 2.1 GB free for the checkpoint, got 1 GB") as told:
        siblings.write(SIBLINGS["gemma-3-1b"].config, tmp_path / "new")
    assert told.value.errno == errno.ENOSPC and not list((tmp_path / "new").iterdir())
    shown = bench("--json", tmp_path / "o.json", "--sibling", "gemma-3-1b", "--folder", tmp_path)
    assert shown.exit_code == 1 and "must have 2.1 GB free for the checkpoint, got 1 GB" in said(shown)
    assert not (tmp_path / "o.json").exists()


def test_a_shard_that_cannot_be_written_leaves_no_file(small, tmp_path, monkeypatch):
    def full(tensors, path, metadata):
        path.write_bytes(b"a part")
        raise siblings.SafetensorError("No space left on device")

    monkeypatch.setattr(siblings, "save_file", full)
    with pytest.raises(OSError, match="cannot write .*00001-of-.*No space left"):
        siblings.write(small["gemma-3-1b"].config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_other_names(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "measure", lambda *_: pytest.fail("it measured"))
    for option, known in (("--sibling", ", ".join(SIBLINGS)), ("--dtype", "bfloat16, float32")):
        shown = bench("--json", tmp_path / "o.json", option, "float8")
        assert shown.exit_code == 2 and f"must be one of {known}, got 'float8'" in said(shown)
    shown = bench("--json", tmp_path / "o.json", "--folder", tmp_path / "none")
    assert shown.exit_code == 2 and "--folder" in said(shown)
