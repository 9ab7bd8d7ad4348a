"""Two published checkpoints do here what they do in transformers: a Llama writes, an encoder compares sentences."""

import os
import re
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
import transformers
from nbclient import NotebookClient

from course_lib import limits
from course_lib.models import EncoderModel, generate, pretrained
from course_lib.training.translation import padded

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
HOW = "set COURSE_CHECKPOINTS to the folder that tests/models/make_checkpoints.py wrote"
TEXTS = (
    "The cache keeps the keys and values of earlier tokens.",
    "Earlier tokens leave their keys and values in a cache.",
    "Tomorrow it will rain in Zürich, 12°C: take an umbrella!",
    "x = np.einsum('hnd,hmd->hnm', Q, K)\n\n    return x / √d  # 注意",
)


def folder(name: str) -> Path:
    """Of a checkpoint. Skips the test where none is given, and fails where the one given is not there."""
    if "COURSE_CHECKPOINTS" not in os.environ:
        pytest.skip(HOW)
    path = Path(os.environ["COURSE_CHECKPOINTS"]) / name
    assert path.is_dir(), f"{path} is not there: {HOW}"
    return path


@pytest.fixture(scope="module")
def smollm2():
    path = folder("smollm2-135m")
    oracle = transformers.AutoModelForCausalLM.from_pretrained(path)
    return pretrained.load(path), transformers.AutoTokenizer.from_pretrained(path), oracle.eval()


@pytest.fixture(scope="module")
def minilm():
    path = folder("all-minilm-l6-v2")
    oracle = transformers.BertModel.from_pretrained(path, dtype=torch.float64, attn_implementation="eager")
    found = pretrained.load(path)
    return found.model.double(), found.tokenizer, transformers.AutoTokenizer.from_pretrained(path), oracle.eval()


@pytest.mark.parametrize("text", TEXTS)
def test_smollm2_cuts_texts_into_the_same_tokens(smollm2, text):
    found, theirs, _ = smollm2
    ids = theirs(text)["input_ids"]
    assert found.tokenizer.encode(text) == ids and found.tokenizer.decode(ids) == theirs.decode(ids) == text


@torch.no_grad()
@pytest.mark.parametrize("text", TEXTS)
def test_smollm2_gives_the_same_logits(smollm2, text):
    """Both in float32. Logits reach 41, of which rounding is 2e-6, and each comes after 60 sums in the stream."""
    found, theirs, oracle = smollm2
    ids = theirs(text, return_tensors="pt")["input_ids"]
    torch.testing.assert_close(found.model(ids), oracle(ids).logits, rtol=0, atol=5e-4)


@torch.no_grad()
def test_smollm2_writes_the_same_tokens(smollm2):
    """With the course's caches and theirs. The first logit leads the second by more than rounding can take away."""
    found, theirs, oracle = smollm2
    prompt = theirs("The KV cache of a transformer", return_tensors="pt")["input_ids"]
    settings = {"min_new_tokens": 40, "max_new_tokens": 40, "do_sample": False}
    new = oracle.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    n = prompt.shape[1]
    first, second = oracle(new).logits[0, n - 1 : -1].topk(2).values.T
    assert (first - second).min() > 1e-2
    assert generate(found.model, prompt, 40) == new[:, n:].tolist() and len(new[0]) == n + 40


def test_minilm_loads_as_an_encoder_with_its_tokens(minilm):
    model, tokenizer, theirs, _ = minilm
    assert type(model) is EncoderModel
    for text in TEXTS:
        assert tokenizer.encode(text, special=True) == theirs(text)["input_ids"]


@torch.no_grad()
def test_minilm_gives_the_same_rows_and_sentences(minilm):
    """In float64, but for one sum that was rounded to float32, 2^-24 of 0.1, which the norm after it enlarges by 20."""
    model, tokenizer, theirs, oracle = minilm
    tokens, lengths = padded([tokenizer.encode(text, special=True) for text in TEXTS], theirs.pad_token_id)
    inputs = theirs(list(TEXTS), padding=True, return_tensors="pt")
    assert torch.equal(tokens, inputs["input_ids"])
    seen = inputs["attention_mask"].bool()
    rows, their_rows = model(tokens, lengths), oracle(**inputs).last_hidden_state
    torch.testing.assert_close(rows[seen], their_rows[seen], rtol=0, atol=1e-6)

    own = torch.stack([row[:length].mean(0) for row, length in zip(rows, lengths, strict=True)])
    mask = inputs["attention_mask"][..., None].double()
    torch.testing.assert_close(own, (their_rows * mask).sum(1) / mask.sum(1), rtol=0, atol=1e-6)
    cosines = F.normalize(own) @ F.normalize(own).T
    assert cosines[0, 1] > 0.7 and cosines[:2, 2:].max() < 0.3  # two ways to say the same, and two other things


@pytest.mark.parametrize(
    ("number", "says"), [("03", "a third of that is left: False"), ("06", "30 layers"), ("07", "is docs-mha")]
)
def test_notebooks_run_on_smollm2(number, says):
    """As a participant runs them: the line in the comment is put in force. A cell that fails ends the run."""
    path = folder("smollm2-135m")
    node = nbformat.read(next(NOTEBOOKS.glob(f"{number}_*.ipynb")), as_version=4)
    changed = 0
    for cell in node.cells:
        found = re.search(r"^# (from course_lib.models import pretrained; .*)$", cell.source, flags=re.MULTILINE)
        if cell.cell_type == "code" and found:
            cell.source = cell.source.replace(found[0], found[1].replace('"FOLDER"', repr(str(path))))
            changed += 1
    NotebookClient(node, timeout=limits.NOTEBOOK, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    printed = "".join(out.get("text", "") for cell in node.cells for out in cell.get("outputs", []))
    assert changed == 1 and str(path) in printed and says in printed
