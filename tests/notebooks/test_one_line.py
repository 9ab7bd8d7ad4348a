"""Notebooks 03, 06 and 07 with another checkpoint: the cells that show it run, or the notebook says what it needs.

Each takes a checkpoint by one line, which stands in a comment. Here it loads a tiny random checkpoint of each family.
Only the cells that depend on this line run, and those that they need, with the shortest texts that the notebook takes.
"""

import re
from pathlib import Path

import matplotlib
import nbformat
import pytest
import torch
import transformers
from cells import Cell, cell, with_needs
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from course_lib.accounting import effort
from course_lib.models.pretrained.look import look

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LINE = re.compile(r"^# (from course_lib\.models import pretrained; .*\))", re.MULTILINE)
CHECKS = re.compile(r"^(check|hint|solution)\(.*", re.MULTILINE)  # they belong to exercises
VOCABULARY = 280
SIZES = dict(
    vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
    max_position_embeddings=512, pad_token_id=0, bos_token_id=0, eos_token_id=0,
)  # fmt: skip
LATENT = SIZES | dict(
    kv_lora_rank=12, q_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=8, v_head_dim=8, num_key_value_heads=4
)  # fmt: skip
EXPERTS = dict(first_k_dense_replace=1, n_routed_experts=4, num_experts_per_tok=2, n_shared_experts=1)
GEMMA = SIZES | dict(num_key_value_heads=2, head_dim=8, sliding_window_pattern=2)
CASES = {
    "gpt2": dict(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=512, bos_token_id=0, eos_token_id=0
    ),
    "llama": SIZES | dict(num_key_value_heads=2),
    "mistral": SIZES | dict(num_key_value_heads=2, sliding_window=200),
    "qwen3": SIZES | dict(num_key_value_heads=1, head_dim=8),
    "gemma3_text": GEMMA | dict(sliding_window=20),
    "deepseek_v2": LATENT | EXPERTS | dict(moe_intermediate_size=16),
    "minicpm3": LATENT,
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A folder with a checkpoint of each family, all with one tokenizer of bytes and some pairs."""
    folder, alphabet = tmp_path_factory.mktemp("checkpoints"), pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = BpeTrainer(vocab_size=VOCABULARY, special_tokens=["<s>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(
        ["Keys and values of earlier tokens stay as they are, whatever follows."] * 9, trainer
    )
    assert tokenizer.get_vocab_size() == VOCABULARY
    for kind, sizes in CASES.items():
        torch.manual_seed(0)
        config = transformers.AutoConfig.for_model(kind, **sizes)
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder / kind)
        tokenizer.save(str(folder / kind / "tokenizer.json"))
    return folder


def cells_with(number: str, folder: Path) -> tuple[list[Cell], int]:
    """(the cells of a notebook in which the line loads this checkpoint, the number of the cell with the line)."""
    node = nbformat.read(next(NOTEBOOKS.glob(f"{number}_*.ipynb")), as_version=4)
    sources = [CHECKS.sub("", each.source) for each in node.cells if each.cell_type == "code"]
    (place,) = (i for i, source in enumerate(sources) if LINE.search(source))
    sources[place] = LINE.sub(lambda found: found[1].replace('"FOLDER"', repr(str(folder))), sources[place])
    return [cell(source) for source in sources], place


def behind(cells: list[Cell], place: int) -> list[int]:
    """The cells from `place` on that depend on it."""
    changed, found = set(cells[place].defined), [place]
    for i in range(place + 1, len(cells)):
        if cells[i].read & changed:
            found.append(i)
            changed |= cells[i].defined
    return found


def test_what_depends_on_a_cell_stands_behind_it():
    cells = [cell(source) for source in ("a = 1", "b = 2", "c = a", "print(c)")]
    assert behind(cells, 0) == [0, 2, 3] and behind(cells, 1) == [1]


@pytest.mark.parametrize("number", ["03", "06", "07"])
@pytest.mark.parametrize("kind", CASES)
def test_it_runs_or_says_what_it_needs(kind, number, checkpoints, monkeypatch, capsys):
    monkeypatch.setattr(effort, "largest_within", lambda seconds, lengths, work: min(lengths))
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    matplotlib.use("agg")
    cells, place = cells_with(number, checkpoints / kind)
    shown = dict(look(checkpoints / kind))[f"notebook {number}"].startswith("yes")
    space, threads = {"__name__": "__main__"}, torch.get_num_threads()
    try:
        for i in with_needs(cells, behind(cells, place) if shown else [place]):
            exec(compile(cells[i].source, f"notebook {number}, cell {i}", "exec"), space)
    finally:
        torch.set_num_threads(threads)  # the notebooks take two
    refused = re.search(r"the notebook needs|is not multi-head", capsys.readouterr().out)
    assert shown != bool(refused)
    if shown:
        assert space["source" if number == "07" else "found"].card["name"] == str(checkpoints / kind)
