"""Text to token ids and back (paper, section 1). `train` learns a vocabulary, `encode` and `decode` use it."""

from course_lib.text.tokenizers.base import Tokenizer
from course_lib.text.tokenizers.bpe import BPETokenizer
from course_lib.text.tokenizers.pairs import PairTokenizer
from course_lib.text.tokenizers.saved import load
from course_lib.text.tokenizers.words import WordTokenizer

__all__ = ["BPETokenizer", "PairTokenizer", "Tokenizer", "WordTokenizer", "load"]
