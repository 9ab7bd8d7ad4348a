"""Load a saved tokenizer without knowing its class."""

from pathlib import Path

from course_lib.config import require
from course_lib.text.tokenizers.base import Tokenizer, read_saved
from course_lib.text.tokenizers.bpe import BPETokenizer
from course_lib.text.tokenizers.pairs import PairTokenizer
from course_lib.text.tokenizers.words import WordTokenizer

KINDS = {kind.kind: kind for kind in (BPETokenizer, PairTokenizer, WordTokenizer)}


def load(path: str | Path) -> Tokenizer:
    """The tokenizer that `Tokenizer.save` wrote to `path`, of whichever class.

    Raises ValueError when the file holds something else, OSError when it is missing.
    """
    kind, _ = read_saved(path)
    good = isinstance(kind, str) and kind in KINDS
    require(good, f"path must lead to a tokenizer of kind {', '.join(KINDS)}, got {kind!r} in {path}")
    return KINDS[kind].load(path)
