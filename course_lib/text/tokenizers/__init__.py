"""Tokenizers: text to token ids and back (paper, section 1). `train` learns a vocabulary from a text.

    from course_lib.text.tokenizers import BPETokenizer
    tokenizer = BPETokenizer.train(text, vocab_size=1000)
    tokenizer.decode(tokenizer.encode("attention"))  # 'attention'

All tokenizers share the interface of `Tokenizer`.
"""

from course_lib.text.tokenizers.base import Tokenizer
from course_lib.text.tokenizers.bpe import BPETokenizer
from course_lib.text.tokenizers.pairs import PairTokenizer
from course_lib.text.tokenizers.saved import load
from course_lib.text.tokenizers.words import WordTokenizer

__all__ = ["BPETokenizer", "PairTokenizer", "Tokenizer", "WordTokenizer", "load"]
