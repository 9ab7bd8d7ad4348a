"""Saving and loading trained models; the ones that come with the course."""

import json

import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig, Rope
from course_lib.models import ClassifierModel, DecoderModel, shipped
from course_lib.text.tokenizers import BPETokenizer

TOKENIZER = BPETokenizer.train("the cat sat on the mat, the cat sat", 261)
CONFIG = ModelConfig(
    vocab_size=len(TOKENIZER), n_layers=2, attention=GroupedConfig(d_model=12, n_heads=3, rope=Rope()), d_ff=7
)


def new_model() -> DecoderModel:
    torch.manual_seed(0)
    model = DecoderModel(CONFIG)
    shipped.round_to_stored(model)
    return model


@pytest.fixture
def folder(tmp_path):
    shipped.save(tmp_path / "mine", new_model(), TOKENIZER, {"name": "mine"})
    return tmp_path / "mine"


def test_what_is_saved_comes_back(folder):
    mine = shipped.load(folder)
    tokens = torch.tensor([TOKENIZER.encode("the mat sat")])
    assert torch.equal(mine.model(tokens), new_model().eval()(tokens))  # the same float32 numbers
    assert mine.tokenizer.vocab == TOKENIZER.vocab and mine.model.config == CONFIG
    assert not mine.model.training and not any(p.requires_grad for p in mine.model.parameters())
    assert mine.card["name"] == "mine"
    assert mine.card["model"]["parameters"] == sum(p.numel() for p in mine.model.parameters())


def test_rounding_is_what_storing_does(folder):
    model = DecoderModel(CONFIG)
    before = [p.detach().clone() for p in model.parameters()]
    shipped.round_to_stored(model)
    # Half a unit in the last of 11 bits, relative; below 2^-14 an absolute one.
    assert all(torch.allclose(a, b, rtol=2**-11, atol=2**-25) for a, b in zip(before, model.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_what_could_not_be_loaded_again_is_not_written(tmp_path):
    model = new_model()
    with torch.no_grad():
        model.embedding.W_E[0, 0] = 1e6
    too_large = "embedding.W_E must lie within the range"
    with pytest.raises(ValueError, match=too_large):
        shipped.round_to_stored(model)
    for wrong, message in ((model, too_large), (ClassifierModel(CONFIG, 3), "model must be .*, got ClassifierModel")):
        with pytest.raises(ValueError, match=message):
            shipped.save(tmp_path, wrong, TOKENIZER, {})
    assert not list(tmp_path.iterdir())


def test_a_save_that_stops_half_way_leaves_nothing_that_loads(folder, monkeypatch):
    """The card comes last: new weights with the tokenizer of an old model are refused."""

    def full(tokenizer, path):
        raise OSError("no space left")

    torch.manual_seed(1)
    monkeypatch.setattr(type(TOKENIZER), "save", full)
    with pytest.raises(OSError, match="no space left"):
        shipped.save(folder, DecoderModel(CONFIG), TOKENIZER, {"name": "other"})
    with pytest.raises(ValueError, match="sha256 differs"):
        shipped.load(folder)


def test_weights_of_another_model_are_refused(folder):
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match="sha256 differs"):
        shipped.load(folder)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda card: card["model"]["configs"][0].update(n_layers=3), "weights.safetensors .* but: .*Missing key"),
        (lambda card: card["model"]["configs"][0].update(n_layers=1), "weights.safetensors .* but: .*Unexpected key"),
        (lambda card: card["model"].update({"class": "Module"}), "class of a model must be one of .*, got 'Module'"),
        (lambda card: card.pop("weights_sha256"), "must be the card of a model"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(folder, change, message):
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=f"(?s){message}"):
        shipped.load(folder)


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="name must be one of .* or a folder with a model, got 'docs-mhl'"):
        shipped.load("docs-mhl")
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(ValueError, match="must hold JSON"):
        shipped.load(tmp_path)
