"""Pictures of tokens: a text cut into boxes, the merges of byte pairs one below the other, sizes of vocabularies."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.figures import style
from course_lib.figures.motifs import INK

SINGLE, LONGER = "#ffffff", "#cfe2f3"
MARKERS = "osDv^"


def draw_box(ax: Axes, token: str, x: float, y: float, chosen: bool = False) -> None:
    """Draw a token as a box of as many cells as it has characters; a chosen one has a thick frame in ink."""
    frame = {"edgecolor": INK, "linewidth": 2.2, "zorder": 3} if chosen else {"edgecolor": "#6b7785", "linewidth": 0.8}
    ground = LONGER if len(token) > 1 else SINGLE
    ax.add_patch(Rectangle((x + 0.06, y), len(token) - 0.12, 1, facecolor=ground, **frame))
    for k, letter in enumerate(token.replace(" ", "␣")):
        ax.text(x + k + 0.5, y + 0.5, letter, ha="center", va="center", fontsize=11, family="monospace", zorder=4)


def token_boxes(tokens: Sequence[str], ids: Sequence[int], per_line: int, title: str = "") -> Figure:
    """A figure of tokens as boxes, `per_line` characters at most in a line, with their ids below."""
    with style.context():
        fig = Figure(figsize=(8, 2), layout="constrained")
        ax = fig.add_subplot()
        x = y = 0
        for token, number in zip(tokens, ids, strict=True):
            if x + len(token) > per_line:
                x, y = 0, y - 2
            draw_box(ax, token, x, y)
            ax.text(x + len(token) / 2, y - 0.1, number, ha="center", va="top", fontsize=9)
            x += len(token)
        ax.set(xlim=(0, per_line), ylim=(y - 0.8, 1.2), aspect="equal", title=title)
        ax.axis("off")
        fig.set_figheight(8 * (2.6 - y) / per_line)
    return fig


def merges(steps: Sequence[tuple[str, Sequence[Sequence[str]]]], per_line: int = 44) -> Figure:
    """Draw the steps of byte-pair encoding one below the other: the token that a step adds, and the text after it.

    steps: for each step the added token ("" for the start) and the tokens of the text, word by word. The added token
    has a frame in ink wherever it stands; beside each step stands the number of tokens. per_line: at most so many
    characters stand in a line, which holds whole words.
    """
    wrapped = [(added, sum(map(len, words)), lines_of(words, per_line)) for added, words in steps]
    height = sum(1.2 * len(lines) + 0.4 for _, _, lines in wrapped)
    length = max(sum(map(len, line)) for _, _, lines in wrapped for line in lines)
    left = max(map(len, ("start", *(added for added, _ in steps)))) + 1
    with style.context():
        fig = Figure(figsize=(8.2, 8.2 * (height + 0.4) / (length + left + 8)), layout="none")
        ax = fig.add_axes((0, 0, 1, 1))
        ax.set(xlim=(-left, length + 8), ylim=(-height, 0.4))
        ax.axis("off")
        y = 0.0
        for added, count, lines in wrapped:
            ax.text(-0.4, y - 0.5, added.replace(" ", "␣") or "start", ha="right", va="center", fontsize=10)
            ax.text(length + 0.4, y - 0.5, f"{count} ids", ha="left", va="center", fontsize=10)
            for line in lines:
                y -= 1.2
                for place, token in zip(np.cumsum([0, *map(len, line)]), line, strict=False):
                    draw_box(ax, token, float(place), y + 0.2, chosen=token == added)
            y -= 0.4
    return fig


def lines_of(words: Sequence[Sequence[str]], per_line: int) -> list[list[str]]:
    """The tokens of the words in lines of at most `per_line` characters; a longer word has a line of its own."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and sum(map(len, (*lines[-1], *word))) > per_line:
            lines.append([])
        lines[-1].extend(word)
    return lines


def vocabulary_sizes(sizes: np.ndarray, per_character: Mapping[str, np.ndarray], kind: str) -> Figure:
    """Draw what a larger vocabulary saves and costs, over its size N_T.

    sizes: (k,), rising. per_character: kind of tokenizer -> (k,) tokens per character, drawn at the left. At the right,
    for one `kind`: the pairs of tokens N^2 and the numbers N_T d in E, relative to the smallest vocabulary.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.6))
        left, right = fig.subplots(1, 2)
        for (name, values), marker in zip(per_character.items(), MARKERS, strict=False):
            left.plot(sizes, values, marker=marker, label=name)
        left.set(ylim=(0, 1.05), title="Length of the same text", ylabel="tokens per character")
        left.legend(loc="lower left")
        shorter = per_character[kind] / per_character[kind][0]
        right.plot(sizes, shorter**2, marker="o", label="pairs of tokens, $N^2$")
        right.plot(sizes, sizes / sizes[0], marker="s", label="numbers in $E$, $N_T d$")
        right.set_yscale("log", base=2)
        right.set(title=f"What {kind} saves and costs", ylabel=f"relative to $N_T$ = {sizes[0]}")
        right.set_yticks([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
        right.legend()
        for ax in (left, right):
            ax.set(xscale="log", xlabel="vocabulary size $N_T$")
            ax.set_xticks(sizes[::2], sizes[::2])
            ax.minorticks_off()
    return fig
