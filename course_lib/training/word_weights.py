"""Which words of the source a translator looks at for each word that it writes."""

import numpy as np
import torch

from course_lib.models import TranslationModel
from course_lib.text.tokenizers import Tokenizer
from course_lib.training.translation import TranslationData


def word_weights(
    model: TranslationModel, data: TranslationData, english: str, french: str
) -> tuple[np.ndarray, list[str], list[str]]:
    """P (layers, heads, French words, English words) of the cross-attention, and the two lists of words.

    The row of a French word is that of the token before it, with which the model predicts the word. Blanks and signs
    count with the English word before them.
    """
    source, _ = data.sources([english])
    read = torch.tensor([[data.begin, *data.tokenizer.encode(french)]])
    P = torch.cat(model.cross_attention_weights(source, read)).double().numpy()
    (written, _), (pieces, word) = words_of(data.tokenizer, french), words_of(data.tokenizer, english)
    rows = [i for i, piece in enumerate(written) if piece.isalpha()]  # row i is that of the token before piece i
    merged = np.stack([P[..., word == w].sum(-1) for w in range(word.max() + 1)], axis=-1)
    return merged[:, :, rows], [written[i] for i in rows], [piece for piece in pieces if piece.isalpha()]


def words_of(tokenizer: Tokenizer, text: str) -> tuple[list[str], np.ndarray]:
    """The pieces of a text that begins with a word, and for each piece the number of its word."""
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode(text)]
    return pieces, np.cumsum([piece.isalpha() for piece in pieces]) - 1


def on_counterparts(found: tuple[np.ndarray, list[str], list[str]], same: dict[str, str]) -> list[np.ndarray]:
    """For each French word with one English counterpart in its pair: the heads (layers, heads) that look most at it.

    found: from `word_weights`. same: the counterpart of a French word.
    """
    P, french, english = found
    return [
        P[:, :, i].argmax(-1) == english.index(same[word])
        for i, word in enumerate(french)
        if french.count(word) == 1 and english.count(same.get(word, "")) == 1
    ]


def on_ten_and_unit(
    found: tuple[np.ndarray, list[str], list[str]], tens: set[str], units: dict[str, str]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (layers, heads) on a ten and on its unit, for each French word that is one word for both together.

    found: from `word_weights`. tens: the English tens; units: the English unit within a French word.
    """
    P, french, english = found
    return [
        (P[:, :, i, j - 1], P[:, :, i, j])
        for i, word in enumerate(french)
        for j in range(1, len(english))
        if french.count(word) == 1 and english[j - 1] in tens and english[j] == units.get(word)
    ]
