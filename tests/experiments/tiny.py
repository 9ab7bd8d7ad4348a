"""A sweep so small that a run takes a tenth of a second: random words, a model of width 8, two or three arms."""

import json
import random
from pathlib import Path

from course_lib.experiments import data, sweep
from course_lib.experiments.presets import Preset
from course_lib.experiments.run import DOCUMENTS, RESULT
from course_lib.text.corpus import Corpus, Document

PRESET = Preset(
    name="tiny",
    d_model=8,
    n_layers=1,
    d_ff=24,
    vocab_size=290,
    context=16,
    sequences=3,
    steps=14,
    tuning_steps=6,
    recall_steps=6,
    rates=(1e-2, 2e-2),
    seeds=2,
    more_seeds={"GQA2": 3},
    arms=("MHA", "MHA again", "GQA2", "MQA-64"),
    save_every=4,
)
# Stands in training documents too, and is longer than the limit of lines that count as repeated.
BOILERPLATE = "Parameters: a number, or an array of numbers of any shape."


def corpus(documents: int = 60) -> Corpus:
    """Documents of random words; one in ten ends with BOILERPLATE, one in thirty consists of it, one stutters."""
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefgh", k=draw.randint(2, 5))) for _ in range(40)]
    texts = [" ".join(draw.choices(words, k=draw.randint(30, 90))) for _ in range(documents)]
    texts[::10] = [f"{text}\n{BOILERPLATE}" for text in texts[::10]]
    texts[21::30] = [f"{text}\n{'ab cd ' * 12}" for text in texts[21::30]]
    texts[5::30] = [f"{BOILERPLATE}\n" * 3 for _ in texts[5::30]]
    return Corpus("tiny", tuple(Document(f"document {i}", text) for i, text in enumerate(texts)), "ours", {})


def tokens() -> data.Tokens:
    return data.make(corpus(), PRESET.vocab_size)


def new_sweep(folder: Path, preset: Preset = PRESET) -> sweep.Sweep:
    """A sweep in this folder, or the one that is there."""
    file = folder / "given.safetensors"
    if not file.exists():
        tokens().write(file)
    return sweep.open_sweep(folder, preset, "tiny", file)


def results(folder: Path) -> dict:
    """The folder's results by run, without times and without what says where a run was resumed."""
    found = {}
    for each in (folder / "runs").iterdir():
        result = json.loads((each / RESULT).read_text())
        del result["training"], result["machine"], result["seconds"]
        log = [json.loads(line) for line in (each / "log.jsonl").read_text().splitlines()]
        lines = [{key: value for key, value in row.items() if key != "seconds"} for row in log]
        found[each.name] = result, (each / DOCUMENTS).read_bytes(), lines
    return found
