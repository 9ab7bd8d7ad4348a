"""Pictures of latent attention: what heads read, its two forms as products of matrices, their cost, what is stored."""

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from course_lib import accounting
from course_lib.config import GroupedConfig, LatentConfig
from course_lib.figures import motifs, style
from course_lib.figures.blocks import block, key
from course_lib.figures.matrices import Matrix, canvas, draw_formula

LATENT, MULTI_HEAD = (motifs.METHODS[name].light for name in ("MLA", "MHA"))
LOOKS = {
    "expanded": {"color": LATENT, "label": "expanded", **motifs.EXPANDED},
    "absorbed": {"color": LATENT, "label": "absorbed", **motifs.ABSORBED},
}
ROWS, HEADS = 5, 33.5  # where rows and heads begin in `heads_and_rows`, in widths of a number


def heads_and_rows() -> Figure:
    """Draw, to scale, what one token leaves for four heads and what each head reads: MHA, GQA of two groups, MLA."""
    width, d_latent = 3, 8  # numbers in a head's key, and in its value; in the latent row
    with style.context():
        fig = Figure(figsize=(8.2, 3.1), layout="none")
        ax = fig.add_axes((0, 0.1, 1, 0.9))
        for x, text in ((ROWS, "one token's row in the cache"), (HEADS, "what heads 0 to 3 read")):
            ax.text(x, 10.6, text, fontsize=10)
        for y, name, g in ((7.6, "MHA", 4), (4.2, "GQA", 2)):
            row = [(f"${letter}_{k}$", width, letter) for letter in "KV" for k in range(g)]
            _draw_row(ax, y, name, row)
            _draw_heads(ax, y, [i * g // 4 for i in range(4)], width, motifs.CACHED)
        _draw_row(ax, 0.8, "MLA", [("$L$", d_latent, "L")])
        _draw_heads(ax, 0.8, range(4), width, motifs.MADE_NOW)
        arrow = {"arrowstyle": "->", "color": "0.25"}
        ax.annotate("", (HEADS - 0.6, 1.5), (ROWS + d_latent + 3, 1.5), arrowprops=arrow)
        ax.text((ROWS + d_latent + HEADS) / 2, 1.9, "$W^{LK}_h, \\, W^{LV}_h$", ha="center", va="bottom", fontsize=10)
        ax.set(xlim=(0, 62), ylim=(-0.4, 11.6))
        ax.set_axis_off()
        kinds = [key("cached", thing="learnt"), key("made now from $L$", thing="learnt", frame=motifs.MADE_NOW)]
        fig.legend(handles=kinds, loc="lower center", ncols=2, handlelength=3.2)
    return fig


def _draw_row(ax: Axes, y: float, name: str, row: Sequence[tuple[str, int, str]]) -> None:
    """Draw the blocks (label, width, thing) that one token leaves in the cache, and write how many numbers they are."""
    ax.text(0.5, y + 0.7, name, va="center", fontsize=11, weight="bold", color=motifs.METHODS[name].light)
    x = ROWS
    for label, width, thing in row:
        block(ax, (x, y), (width, 1.4), label, thing=thing)
        x += width
    ax.text(x + 0.6, y + 0.7, f"{sum(width for _, width, _ in row)}", va="center", fontsize=10)


def _draw_heads(ax: Axes, y: float, groups: Sequence[int], width: int, frame: dict) -> None:
    """Draw the key and the value that each head reads; head i reads those with the index groups[i]."""
    for i, k in enumerate(groups):
        for column, letter in enumerate("KV"):
            x = HEADS + i * (2 * width + 1) + column * width
            block(ax, (x, y), (width, 1.4), f"${letter}_{k}$", thing=letter, frame=frame)


def two_forms() -> Figure:
    """Draw the product Q_h W_LK_h^T L^T with brackets in either place, to scale: what a step makes in each form."""
    n, e, r, N = 1, 3, 5, 15
    Q = _matrix("$Q_h$", n, e, "Q", motifs.MADE_NOW)
    W, L = _matrix(r"$W^{LK\top}_h$", e, r, "learnt"), _matrix(r"$L^\top$", r, N, "L")
    K = _matrix(r"$K_h^\top$, for each head", e, N, "K", motifs.MADE_NOW)
    asking = _matrix(r"$Q_h W^{LK\top}_h$", n, r, "Q", motifs.MADE_NOW)
    with style.context():
        fig, ax = canvas(55, 23)
        ax.text(1, 1.4, "expanded form: first the keys of all tokens", fontweight="bold", va="center")
        draw_formula(ax, [Q, "(", W, L, ")", "=", Q, K], 1, 5.3, gap=1)
        ax.text(1, 11.2, "absorbed form: first the new query", fontweight="bold", va="center")
        draw_formula(ax, ["(", Q, W, ")", L, "=", asking, L], 1, 15.1, gap=1)
        kinds = [
            key("$L$: in the cache", thing="L"),
            key("learnt", thing="learnt"),
            key("queries, made now", thing="Q", frame=motifs.MADE_NOW),
            key("keys, made now", thing="K", frame=motifs.MADE_NOW),
        ]
        fig.legend(handles=kinds, loc="lower center", ncols=4, handlelength=3.2)
    return fig


def _matrix(name: str, rows: int, columns: int, thing: str, frame: dict = motifs.CACHED) -> Matrix:
    """A matrix in a motif: its thing's colour, and a frame that says whether it is made now."""
    return Matrix(name, rows, columns, motifs.THINGS[thing].light, frame=frame)


def storage_over_tokens(latent: LatentConfig, grouped: GroupedConfig, tokens: Sequence[int]) -> Figure:
    """Draw how many numbers a layer stores (parameters and the cache of one sequence) over the cached tokens.

    latent, grouped: the layers of DeepSeek-V2's sizes that are compared. tokens: rising.
    """
    kinds = (
        ("MHA", MULTI_HEAD, "-", partial(accounting.grouped_storage, grouped)),
        ("MLA, merged, as printed", LATENT, ":", partial(accounting.merged_storage_printed, latent)),
        ("MLA, merged, with query latent", LATENT, "--", partial(accounting.merged_storage, latent)),
        ("MLA, two factors each", LATENT, "-", partial(accounting.factored_storage, latent)),
    )
    with style.context():
        fig = Figure(figsize=(7.2, 3.6))
        ax = fig.add_subplot()
        for name, colour, line, storage in kinds:
            ax.plot(tokens, [millions(storage(t)) for t in tokens], color=colour, linestyle=line, label=name)
        ax.set(xlabel="cached tokens", ylabel="million numbers per layer", xlim=(tokens[0], tokens[-1]), ylim=(0, None))
        ax.set_title("What one layer stores, sizes of DeepSeek-V2")
        for *_, storage in kinds[1:3]:
            meeting = accounting.crossover(storage, kinds[0][-1])
            height = millions(storage(meeting))
            ax.plot(meeting, height, "ko")
            ax.annotate(f"{meeting:,}", (meeting, height), (-6, 7), textcoords="offset points", ha="right")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 0.2))
    return fig


def millions(parts: Mapping[str, int]) -> float:
    """The sum of the parts, in millions of numbers."""
    return sum(parts.values()) / 1e6


def counted_and_timed(config: LatentConfig, past: int, best: Mapping[str, Mapping[int, float]], border: int) -> Figure:
    """Draw the cost per new token over the new tokens of a call: FLOPs counted, and milliseconds measured.

    past: cached tokens. best: form -> new tokens -> milliseconds of the call. border: the number of new tokens up to
    which the absorbed form takes fewer FLOPs.
    """
    with style.context():
        fig = Figure(figsize=(8.2, 3.4))
        counted, timed = fig.subplots(1, 2)
        chunk_flops(config, past, list(best["absorbed"]), counted)
        counted.axvline(border, color="#6b7785", linewidth=1, linestyle="-")
        counted.annotate(
            f"{border} new tokens", (border, 0.6), (-5, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right", fontsize=9,
        )  # fmt: skip
        counted.set_title("Counted")
        for form, times in best.items():
            timed.plot(list(times), [time / n for n, time in times.items()], **LOOKS[form])
        _over_chunks(timed, list(best["absorbed"]), "ms per new token, best of 3")
        timed.set_title("Measured on this machine")
    return fig


def chunk_flops(config: LatentConfig, past: int, chunks: Sequence[int], ax: Axes) -> None:
    """Draw into `ax` the FLOPs per new token, in millions, of calls with n new tokens after `past` cached ones."""
    for form in (accounting.expanded(config), accounting.absorbed(config)):
        flops = [accounting.chunk(form, n, past).flops / n / 1e6 for n in chunks]
        ax.plot(chunks, flops, **LOOKS[form.name])
    _over_chunks(ax, chunks, "million FLOPs per new token")


def _over_chunks(ax: Axes, chunks: Sequence[int], label: str) -> None:
    ax.set(xscale="log", yscale="log", xlabel="new tokens in one call", ylabel=label)
    ax.set_xticks(chunks, [str(n) for n in chunks])
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    ax.legend()
