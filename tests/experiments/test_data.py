"""Documents, tokens and the loss of a document."""

import ast
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_lib.experiments import arms, data, documents
from course_lib.experiments.evaluation import document_losses
from course_lib.models import DecoderModel
from course_lib.text import corpora
from course_lib.text.corpus import Document


@pytest.fixture(scope="module")
def tokens(tiny):
    return tiny.tokens()


def names(side):
    return [document.name for document in side]


def test_each_document_is_on_one_side(tiny):
    corpus = tiny.corpus(2_000)
    split = documents.split(corpus)
    assert sorted(sum(map(names, split), [])) == sorted(names(corpus.documents))
    shares = [len(side) / 2_000 for side in split]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)  # four standard errors


def test_the_side_depends_on_the_name_alone(tiny):
    """These names stood there when the test was written; texts and other documents do not matter."""
    split = documents.split(tiny.corpus())
    assert names(split.test) == TEST_DOCUMENTS and names(split.tune) == TUNE_DOCUMENTS
    others = tuple(Document(each.name, "other") for each in tiny.corpus().documents[::-2])
    fewer = documents.split(replace(tiny.corpus(), documents=others))
    for before, now in zip(split, fewer, strict=True):
        assert set(names(now)) <= set(names(before))


TEST_DOCUMENTS = [f"document {i}" for i in (21, 22, 51, 55, 59)]
TUNE_DOCUMENTS = [f"document {i}" for i in (0, 5, 8, 9, 12, 29, 30)]


def test_the_test_documents_are_those_that_shipped_models_did_not_see():
    corpus = corpora.load("networkx")
    assert set(corpus.split()[1].documents) == set(documents.split(corpus).test)


def test_a_side_without_documents_is_refused(tiny):
    with pytest.raises(ValueError, match="of 1 none is for training, test"):
        documents.split(tiny.corpus(1))


def test_a_share_of_a_corpus_is_part_of_a_larger_share():
    few, more = (set(names(documents.load("networkx", share).documents)) for share in (0.2, 0.5))
    whole = set(names(documents.load("networkx").documents))
    assert few < more < whole == set(names(corpora.load("networkx").documents))


def test_repeated_characters_are_counted_by_hand():
    long, short = "a line of forty characters is long enough", "a short line"
    of = documents.repeated([Document("training", f"before\n  {long}\n{short}")])
    text = f"{long}\n{short}\n\t{long}\n{'x' * 50}"
    assert of(text) == 2 * len(long) / len(text)
    assert of("") == of(short) == 0.0


def test_a_document_of_boilerplate_is_left_out(tokens, tiny):
    left_out = [each.name for split in (tokens.tune, tokens.test) for each in split if not each.kept]
    assert left_out == LEFT_OUT
    facts = tokens.describe()
    assert facts["tune"]["documents left out"] + facts["test"]["documents left out"] == len(LEFT_OUT)


LEFT_OUT = ["document 5"]


def test_the_tokenizer_comes_from_training_documents(tiny, tokens):
    corpus = tiny.corpus()
    held_out = set(names(documents.split(corpus)[1] + documents.split(corpus)[2]))
    other = [Document(d.name, "z" * 500) if d.name in held_out else d for d in corpus.documents]
    made = data.make(replace(corpus, documents=tuple(other)), tiny.PRESET.vocab_size)
    assert made.vocab == tokens.vocab and torch.equal(made.training, tokens.training)
    assert made.digest != tokens.digest


def test_tokens_come_back_from_their_file(tokens, tmp_path):
    tokens.write(tmp_path / "tokens")
    read = data.read(tmp_path / "tokens")
    assert read.digest == tokens.digest and read.vocab == tokens.vocab and read.origin == tokens.origin
    assert torch.equal(read.training, tokens.training) and read.separator == tokens.separator
    for split in ("tune", "test"):
        for before, now in zip(getattr(tokens, split), getattr(read, split), strict=True):
            assert torch.equal(before.tokens, now.tokens) and before._replace(tokens=0) == now._replace(tokens=0)


def test_held_out_tokens_are_the_texts(tiny, tokens):
    texts = dict(tiny.corpus().documents)
    for each in tokens.tune + tokens.test:
        assert b"".join(tokens.vocab[i] for i in each.tokens) == texts[each.name].encode()
        assert each.characters == len(texts[each.name])


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="path must lead to the tokens of a sweep"):
        data.read(tmp_path / "file")


def test_the_order_of_batches_depends_on_the_seed_alone(tokens):
    first, again, other = (tokens.batches(16, 3, seed) for seed in (1, 1, 2))
    for step in (0, 5, 40):
        assert torch.equal(first.batch(step)[0], again.batch(step)[0])
        assert not torch.equal(first.batch(step)[0], other.batch(step)[0])


def test_code_is_left_without_its_docstrings():
    """Python parses what is left to the same tree, but for the docstrings, which are gone or have become `pass`."""
    for _, text in corpora.load("code").documents[:40]:
        wanted = ast.parse(text)
        for node in ast.walk(wanted):
            if isinstance(node, documents.DOCUMENTED) and ast.get_docstring(node) is not None:
                empty = len(node.body) == 1 and not isinstance(node, ast.Module)
                node.body = [ast.Pass()] if empty else node.body[1:]
        assert ast.dump(ast.parse(documents.without_docstrings(text))) == ast.dump(wanted)
    assert documents.without_docstrings("def broken(") == "def broken("


def test_code_of_a_docstring_alone_still_parses():
    source = 'class A(Exception):\n    """Nothing else."""\n\n\nclass B:\n    """Text."""\n    x = 1\n'
    assert ast.dump(ast.parse(documents.without_docstrings(source))) == ast.dump(
        ast.parse("class A(Exception):\n    pass\n\n\nclass B:\n    x = 1\n")
    )


@pytest.mark.parametrize(
    "source, left",
    [
        ('def f(): """Text."""\nx = 1\n', "def f(): pass\nx = 1\n"),
        ('"""Text."""; x = 1\n', "pass; x = 1\n"),
        ('def f():\n    """Two\n    lines."""; return 1\n', "def f():\n    pass; return 1\n"),
        ('def ü(): "Text."  # why\n', "def ü(): pass  # why\n"),
        ('"""Text."""  # noqa\nx = 1\n', "x = 1\n"),
        ('def f():\n\t"""Text."""  # noqa\n\treturn 1\n', "def f():\n\treturn 1\n"),
    ],
)
def test_code_beside_a_docstring_stays(source, left):
    assert documents.without_docstrings(source) == left


def one_by_one(model, document, separator, context):
    """The loss of a document by its definition: a window at a time, nothing filled up."""
    tokens = torch.cat([torch.tensor(separator), document.tokens.long()])
    total = 0.0
    for start in range(0, len(tokens) - 1, context):
        inputs, targets = tokens[start : start + context + 1][:-1], tokens[start : start + context + 1][1:]
        losses = F.cross_entropy(model(inputs[None])[0].double(), targets, reduction="none")
        counts = torch.arange(start + 1, start + 1 + len(targets)) >= len(separator)
        total += float(losses[counts].sum().detach())
    return total


@pytest.mark.parametrize("context", [5, 16, 1000])
def test_the_loss_of_each_document(tiny, tokens, context):
    torch.manual_seed(0)
    sizes = {"vocab_size": len(tokens.vocab), "n_layers": 2, "d_model": 8, "d_ff": 20}
    model = DecoderModel(arms.model_config(arms.arm("GQA2"), **sizes))
    with torch.no_grad():
        model.embedding.W_E.mul_(20)  # so that losses differ from token to token
    held_out = tokens.tune + tokens.test
    found = document_losses(model, held_out, tokens.separator, context)
    assert found == pytest.approx([one_by_one(model, each, tokens.separator, context) for each in held_out], rel=1e-5)


def test_a_model_that_knows_nothing_has_the_loss_of_a_uniform_guess(tokens):
    """So each token of a document counts once, the first one too."""

    class Uniform(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, inputs):
            return self.weight.expand(*inputs.shape, len(tokens.vocab))

    found = document_losses(Uniform(), tokens.tune, tokens.separator, 16)
    assert found == pytest.approx([len(each.tokens) * math.log(len(tokens.vocab)) for each in tokens.tune])
