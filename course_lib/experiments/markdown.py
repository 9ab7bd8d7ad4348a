"""A report as Markdown: tables of the numbers that `report.numbers` gives."""

from collections.abc import Iterable

VIEWS = {
    "tuned": "Each arm at its own learning rate",
    "common": "Arms at the common learning rate",
    "equal widths": "Equal d_ff, so unequal parameters",
    "fewer steps": "After fewer steps",
}
EXPLORATORY = (
    "The same statements for runs in which all arms have one learning rate. This table is exploratory: the hypotheses "
    "are registered for tuned rates."
)
POSITIONS = {
    "of positions": "Positions in latent attention, at the common learning rate",
    "of positions, tuned": "Positions in latent attention, at tuned rates: exploratory",
}
COPYING = (
    "Loss in nats per token. A string of random tokens is written twice: `first` and `second` are its halves. Of the "
    "test documents, `repeated` are the tokens that end a span which stood before in the same window, and `new` are "
    "the others."
)
EXTRAPOLATION = (
    "Loss in nats per token of the test's tokens that stand further from the beginning of a window than any token in "
    "training. A column without `read at` is headed by the width of the window. A column with `read at` has the same "
    "tokens in windows as short as in training, which begin anew behind each cut. A negative difference means that the "
    "loss is smaller in the long window."
)
SPEED = (
    "As measured while the runs were made. A machine that did other work at the same time was slower; "
    "`experiment speed` measures anew."
)

ARM_COLUMNS = {
    "arm": "{arm}",
    "cached": "{cached:.0f}",
    "decode FLOPs": "{decode FLOPs:,}",
    "parameters": "{parameters:,}",
    "d_ff": "{d_ff}",
    "rate": "{rate:g}",
    "seeds": "{seeds}",
    "loss": "{loss:.4f}",
    "repeated documents too": "{loss, repeated documents too:.4f}",
    "per token": "{loss per token:.4f}",
}
DIFFERENCE_COLUMNS = {
    "arm": "{first}",
    "minus": "{second}",
    "difference": "{mean:+.4f}",
    "interval": "{interval[0]:+.4f} to {interval[1]:+.4f}",
    "t": "{t interval[0]:+.4f} to {t interval[1]:+.4f}",
    "bootstrap": "{bootstrap interval[0]:+.4f} to {bootstrap interval[1]:+.4f}",
    "seeds": "{seeds}",
    "repeated documents too": "{mean, repeated documents too:+.4f}",
    "against 0": "{verdict against 0}",
    "against the margin": "{verdict}",
}
HYPOTHESIS_COLUMNS = {
    "": "{name}",
    "hypothesis": "{text}",
    "difference": "{mean:+.4f}",
    "interval": "{interval[0]:+.4f} to {interval[1]:+.4f}",
    "p": "{p:.4f}",
    "Holm's p": "{Holm's p:.4f}",
    "outcome": "{outcome}",
    "half width 0.01 needs": "{needed[in words]}",
}
H6_HEADS = ["test", "MLA, by seed", "MQA, by seed", "ratio", "interval", "outcome"]
GAIN_COLUMNS = {
    "arm and window": "{first}",
    "minus": "{second}",
    "difference": "{mean:+.4f}",
    "interval": "{interval[0]:+.4f} to {interval[1]:+.4f}",
    "seeds": "{seeds}",
    "documents": "{documents}",
    "verdict": "{verdict}",
}
SPEED_COLUMNS = {
    "arm": "{arm}",
    "runs": "{runs}",
    "tokens per second": "{tokens per second:,.0f}",
    "seconds of training": "{seconds of training:,.0f}",
    "resumed runs": "{resumed}",
}


def markdown(found: dict, drawn: dict[str, tuple[bytes, str]]) -> str:
    """The report as Markdown; pictures are linked by their names."""
    text = [f"# Results of the sweep {found['sweep']['preset']['name']} on {found['sweep']['corpus']}", preface(found)]
    text += ["## Hypotheses", table(HYPOTHESIS_COLUMNS, tested(found["hypotheses"])), not_run(found["hypotheses"])]
    if again := tested(found["at the common rate"]):
        text += ["## The hypotheses at the common learning rate", EXPLORATORY, table(HYPOTHESIS_COLUMNS, again)]
    for name, title in POSITIONS.items():
        if rows := tested(found[name]):
            text += [f"## {title}", table(HYPOTHESIS_COLUMNS, rows)]
    for name, title in VIEWS.items():
        if len(found[name]["arms"]) > 1:  # one arm alone compares nothing
            text += [f"## {title}", table(ARM_COLUMNS, found[name]["arms"])]
            text += [table(DIFFERENCE_COLUMNS, found[name]["differences"])]
    text += recall(found["recall"]) + copying(found["copying"]) + extrapolation(found["extrapolation"])
    text += ["## Pictures"] if drawn else []
    text += [f"![{alt}]({name})" for name, (_, alt) in drawn.items()]
    for task in ("learning rates", "learning rates of recall"):
        if found[task]:
            text += [f"## {task.capitalize()}", rates(found[task])]
    text += ["## Failed and diverged runs", failures(found)]
    if found["speed"]:
        text += ["## Speed", SPEED, table(SPEED_COLUMNS, found["speed"])]
    return "\n\n".join(filter(None, text)) + "\n"


def preface(found: dict) -> str:
    """What the numbers are."""
    test, rule = found["sweep"]["tokens"]["test"], found["statistics"]
    return (
        f"Loss is the mean over {test['documents'] - test['documents left out']} held-out documents of nats per token. "
        f"Documents are left out if over half of their characters stand in lines that occur in training: "
        f"{test['documents left out']} of them. Of all characters {test['repeated']:.1%} stand in such lines. "
        f"A difference has an interval of {rule['level']:.0%} over seeds and documents: the shortest one that contains "
        f"the t interval and that of the crossed bootstrap ({rule['resamples']:,} resamples). "
        f"Verdicts hold it against a margin of {rule['margin']} nats."
    )


def tested(rows: Iterable[dict]) -> list[dict]:
    return [row for row in rows if row["outcome"] != "not run"]


def not_run(rows: Iterable[dict]) -> str:
    """A sentence on the hypotheses without runs; empty if all have some."""
    names = [row["name"] for row in rows if row["outcome"] == "not run"]
    return f"Without runs of two seeds at least: {', '.join(names)}." if names else ""


def recall(found: dict) -> list[str]:
    """The sections on recall."""
    if not found["arms"]:
        return []
    splits = list(found["arms"][0]["right"])
    lines = [
        [row["arm"], f"{row['cached']:.0f}", *(f"{row['right'][split]:.1%}" for split in splits), f"{row['seeds']}"]
        for row in found["arms"]
    ]
    h6 = "H6: the cached numbers with which MLA and MQA recall 90% of the values. It fails if the ratio cannot be 1."
    text = ["## Recall", as_table(["arm", "cached", *splits, "seeds"], lines)]
    return [*text, h6, as_table(H6_HEADS, list(map(h6_cells, found["H6"])))] if found["H6"] else text


def h6_cells(row: dict) -> list[str]:
    """The cells of a test; those of the ratio are empty where a side needs more or less than was tried."""
    known = row["interval"] is not None
    ratio = [f"{row['ratio']:.3f}", "{:.3f} to {:.3f}".format(*row["interval"])] if known else ["", ""]
    return [row["split"], ", ".join(row["MLA"]), ", ".join(row["MQA"]), *ratio, row["outcome"]]


def copying(found: dict) -> list[str]:
    """The sections on text that stands in the context already."""
    if not found["arms"]:
        return []
    text = ["## Copying", COPYING, by_split(found["arms"])]
    for split, rows in found["differences"].items():
        if rows:
            text += [f"Differences on the split {split}:", table(DIFFERENCE_COLUMNS, rows)]
    return text


def extrapolation(found: dict) -> list[str]:
    """The sections on windows longer than those of training."""
    if not found["arms"]:
        return []
    text = ["## Extrapolation", EXTRAPOLATION, by_split(found["arms"]), table(GAIN_COLUMNS, found["gains"])]
    return [*text, table(HYPOTHESIS_COLUMNS, tested(found["stated"]))]


def by_split(rows: list[dict]) -> str:
    """A table of losses by arm and split."""
    splits = list(rows[0]["losses"])
    lines = [[row["arm"], *(f"{row['losses'][split]:.4f}" for split in splits), f"{row['seeds']}"] for row in rows]
    return as_table(["arm", *splits, "seeds"], lines)


def rates(rows: list[dict]) -> str:
    """A table of losses on the tune split, by arm and learning rate."""
    columns = sorted({rate for row in rows for rate in row["losses"]}, key=float)
    lines = [[row["arm"], *(loss(row["losses"].get(rate)) for rate in columns), best(row)] for row in rows]
    return as_table(["arm", *columns, "best"], lines)


def best(row: dict) -> str:
    if row["best"] is not None:
        return f"{row['best']:g}"
    return "none" if all(isinstance(each, str) for each in row["losses"].values()) else "open"


def loss(value: float | str | None) -> str:
    return "" if value is None else "diverged" if isinstance(value, str) else f"{value:.4f}"


def failures(found: dict) -> str:
    """A list of the runs that failed or diverged, with their reasons."""
    failed = [f"- {named(each)}: failed {each['tries']} times, last {each['reasons'][-1]}" for each in found["failed"]]
    diverged = [f"- {named(each)}: {each['reason']}" for each in found["diverged"]]
    return "\n".join(failed + diverged) or "None."


def named(row: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in row["labels"].items())


def table(columns: dict[str, str], rows: list[dict]) -> str:
    """A Markdown table with a line for each row; columns: heading -> format string. Empty without rows."""
    lines = [[form.format_map(row) for form in columns.values()] for row in rows]
    return as_table(list(columns), lines) if rows else ""


def as_table(heads: list[str], lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *lines])
