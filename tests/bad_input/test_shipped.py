"""Bad input of models in folders: cards, weights and names."""

import hashlib
import json

import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import ClassifierModel, DecoderModel, shipped
from course_lib.text.tokenizers import BPETokenizer

CONFIG = ModelConfig(vocab_size=29, n_layers=1, attention=GroupedConfig(d_model=14, n_heads=2), d_ff=23)
FIELDS = CONFIG.as_dict()
WEIGHTS = b"any weights"
CARD = {"model": {"class": "DecoderModel", "configs": [FIELDS]}, "weights_sha256": hashlib.sha256(WEIGHTS).hexdigest()}


@pytest.mark.parametrize(
    "card, argument, got, rule",
    [
        ({"model": {}}, "card.json", (), ("model", "weights_sha256")),
        (CARD | {"weights_sha256": "0" * 64}, "weights.safetensors", "sha256", "card.json"),
        (CARD, "weights.safetensors", (), "card.json"),
        (CARD | {"model": "DecoderModel"}, "card.json", "'DecoderModel'", "object"),
        (
            CARD | {"model": {"class": ["DecoderModel"]}},
            "class",
            "['DecoderModel']",
            ("EncoderModel", "MaskedTokenModel"),
        ),
        (CARD | {"model": {"class": "DecoderModel"}}, "configs", "None", ("list", "1")),
        (CARD | {"model": {"class": "DecoderModel", "configs": FIELDS}}, "configs", str(FIELDS), ("list", "1")),
        (
            CARD | {"model": {"class": "DecoderModel", "configs": ["small"]}},
            "configs",
            "['small']",
            ("object|objects", "1"),
        ),
        (CARD | {"model": {"class": "TranslationModel", "configs": [FIELDS]}}, "configs", str([FIELDS]), ("list", "2")),
        (
            CARD | {"model": {"class": "DecoderModel", "configs": [FIELDS | {"dropout": "none"}]}},
            "configs",
            "'str'",
            ("DecoderModel", "types"),
        ),
    ],
)
def test_a_card_made_by_hand(refuses, tmp_path, card, argument, got, rule):
    (tmp_path / "card.json").write_text(json.dumps(card))
    (tmp_path / "weights.safetensors").write_bytes(WEIGHTS)
    refuses(lambda: shipped.load(tmp_path), argument, got, rule)


def test_a_name_that_is_not_there(refuses):
    refuses(lambda: shipped.load("docs-mah"), "name", "'docs-mah'", ("docs-mha", "folder"))


@pytest.mark.parametrize("value", [1e5, torch.nan])
def test_what_cannot_be_saved(refuses, tmp_path, value):
    tokenizer, model = BPETokenizer([]), DecoderModel(CONFIG)
    other = ClassifierModel(CONFIG, 3)
    refuses(lambda: shipped.save(tmp_path, other, tokenizer, {}), "model", "ClassifierModel", "DecoderModel")
    with torch.no_grad():
        model.blocks[0].attention.W_O[0, 0] = value
    refuses(lambda: shipped.save(tmp_path, model, tokenizer, {}), "blocks.0.attention.W_O", (), "torch.float16")
    assert list(tmp_path.iterdir()) == []
