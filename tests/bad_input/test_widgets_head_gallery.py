"""Bad input to figure 4: each message names argument, value and rule."""

import numpy as np
import pytest

from course_lib.widgets.head_gallery import HeadGallery

GOOD = np.full((2, 3, 4, 4), 0.25)
TOKENS = list("abcd")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.full((2, 3, 4, 5), 0.2), "weights must be of a text on itself, .* got 4 x 5"),
        (np.ones((2, 3, 1, 1)), "weights must be of a text on itself, .* with N at least 2, got 1 x 1"),
        (np.zeros((1, 1, 65, 65)), "weights must have at most 64 tokens, got 65"),
        (np.zeros((5, 29, 2, 2)), "weights must have at most 144 heads, got 5 layers of 29"),
        (GOOD * 8, r"weights must lie in \[0, 1\], got 2.0"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        HeadGallery(weights, ["t"] * weights.shape[-1])


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        ({"cost": np.ones((3, 2))}, ValueError, r"the score 'cost' must have shape \(2, 3\), got \(3, 2\)"),
        ({"cost": np.ones(6)}, ValueError, r"the score 'cost' must be numbers with 2 axes, got shape \(6,\)"),
        ({"cost": np.full((2, 3), np.nan)}, ValueError, "the score 'cost' must be finite"),
        ({"entropy, nats": np.ones((2, 3))}, ValueError, "scores must have names of their own, got 'entropy, nats'"),
        ({5: np.ones((2, 3))}, TypeError, "the names of scores must be text, got 5"),
    ],
)
def test_scores(scores, error, message):
    with pytest.raises(error, match=message):
        HeadGallery(GOOD, TOKENS, scores=scores)


def test_the_rest():
    with pytest.raises(ValueError, match="period must be half the number of tokens, got 3 for 4 tokens"):
        HeadGallery(GOOD, TOKENS, period=3)
    with pytest.raises(ValueError, match=r"mask must be one for all heads, of shape \(N, N\)"):
        HeadGallery(GOOD, TOKENS, mask=np.ones((3, 4, 4), bool))
    for layers in ([], [1, 0], [0, 0], [2], [0.0]):
        with pytest.raises(ValueError, match="layers must be rising numbers of layers below 2, got"):
            HeadGallery(GOOD, TOKENS, layers=layers)
    with pytest.raises(ValueError, match="tokens must hold one token for each of 4 positions, got 3"):
        HeadGallery(GOOD, TOKENS[:3])
    with pytest.raises(TypeError, match="caption must be text, got 5"):
        HeadGallery(GOOD, TOKENS, caption=5)
    figure = HeadGallery(GOOD, TOKENS)
    with pytest.raises(ValueError, match=r"heads must be two pairs of a layer in \[0, 1\] and a head below 3, got"):
        figure.heads = (0, 1), (2, 0)
    with pytest.raises(ValueError, match="heads must be two pairs"):
        figure.heads = 3, 4
    with pytest.raises(ValueError, match="name must be one of 'entropy, nats', 'on the previous token', got 'cost'"):
        figure.score("cost")
