"""Attention weights between words: which English words a translator looks at for each French word that it writes."""

import numpy as np
import torch

from course_lib.models import TranslationModel
from course_lib.text.tokenizers import Tokenizer
from course_lib.training.translation import TranslationData


def word_weights(
    model: TranslationModel, data: TranslationData, english: str, french: str
) -> tuple[np.ndarray, list[str], list[str]]:
    """Cross-attention weights P (layers, heads, French words, English words), the French and the English words.

    The row of a French word is that of the token before it, where the model predicts the word. Weights on blanks and
    signs are added to the English word before them.
    """
    source, _ = data.sources([english])
    read = torch.tensor([[data.begin, *data.tokenizer.encode(french)]])
    P = torch.cat(model.cross_attention_weights(source, read)).double().numpy()
    (written, _), (pieces, word) = words_of(data.tokenizer, french), words_of(data.tokenizer, english)
    rows = [i for i, piece in enumerate(written) if piece.isalpha()]  # row i is that of the token before piece i
    merged = np.stack([P[..., word == w].sum(-1) for w in range(word.max() + 1)], axis=-1)
    return merged[:, :, rows], [written[i] for i in rows], [piece for piece in pieces if piece.isalpha()]


def words_of(tokenizer: Tokenizer, text: str) -> tuple[list[str], np.ndarray]:
    """The tokens of a text as strings, and for each the number of its word, (tokens,), counted from 0.

    The text must begin with a word. A blank or sign has the number of the word before it.
    """
    pieces = [tokenizer.decode([token]) for token in tokenizer.encode(text)]
    return pieces, np.cumsum([piece.isalpha() for piece in pieces]) - 1


def on_counterparts(found: tuple[np.ndarray, list[str], list[str]], same: dict[str, str]) -> list[np.ndarray]:
    """For each French word: which heads, (layers, heads) of bool, have their largest weight on its English counterpart.

    found: from `word_weights`. same: French word -> English counterpart. Left out are words that occur twice and words
    whose counterpart does not occur exactly once.
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
    """For French words that need an English ten and its unit: the weights on the two, each (layers, heads).

    Example: treize in soixante-treize needs both seventy and three.
    found: from `word_weights`. tens: English tens, such as seventy. units: French word -> English unit.
    """
    P, french, english = found
    return [
        (P[:, :, i, j - 1], P[:, :, i, j])
        for i, word in enumerate(french)
        for j in range(1, len(english))
        if french.count(word) == 1 and english[j - 1] in tens and english[j] == units.get(word)
    ]
