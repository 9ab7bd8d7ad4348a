"""How a test states a refusal: the call, the argument at fault, the value that was given, and the rule."""

import re

import pytest


def pattern(token: str) -> str:
    """A regular expression of the whole token: 5 is found neither in 15 nor in -5, 5.0 and n_5."""
    before = r"(?<!\w)(?<!\d\.)(?<!-)" if token[0].isalnum() else ""
    return before + re.escape(token) + (r"(?!\w|\.\d)" if token[-1].isalnum() else "")


def missing(message: str, tokens: list[str]) -> list[str]:
    """The tokens that the message does not hold. Each needs a place of its own: one 5 is not both value and limit."""
    lost = []
    for token in sorted(tokens, key=len, reverse=True):
        either = "|".join(map(pattern, token.split("|")))
        message, found = re.subn(either, "\N{WHITE SQUARE}", message, count=1)
        lost += [] if found else [token]
    return lost


@pytest.fixture(scope="session")
def refuses():
    """A function that fails unless `call` raises exactly `error`, and its message holds argument, value and rule.

    `got` and `rule` are a token or a tuple of tokens: numbers, names and terms, never the words between them. Of a
    token "a|b" the message may hold either.
    """

    def check(call, argument: str, got=(), rule=(), error: type[Exception] = ValueError):
        with pytest.raises(error) as caught:
            call()
        assert caught.type is error
        tokens = [argument, *([got] if isinstance(got, str) else got), *([rule] if isinstance(rule, str) else rule)]
        assert missing(str(caught.value), tokens) == [], caught.value

    return check
