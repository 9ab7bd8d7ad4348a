"""The commands `python -m course_lib bench NAME`. Each imports what it needs when it runs, so help comes at once."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measure the course on this machine: a table, and JSON to keep.", no_args_is_help=True)

TRAIN_FIGURES = {
    "parameters": "{parameters:,}",
    "precision": "{precision}",
    "steps": "{steps:,}",
    "seconds of training": "{seconds:.1f}",
    "tokens per second": "{tokens_per_second:,.0f}",
    "validation loss, nats per character": "{nats_per_token:.4f}",
    "validation loss, bits per byte": "{bits_per_byte:.4f}",
}

TOKENIZER_FIGURES = {
    "what": "{about}",
    "ids": "{agreement}",
    "vocabulary": "{vocabulary:,}",
    "tokens per character": "{tokens_per_character:.3f}",
    "training, seconds (quartiles)": "{training_seconds:.2f} ({training_seconds_quartiles[0]:.2f}"
    " - {training_seconds_quartiles[1]:.2f})",
    "encoding, MB per second (quartiles)": "{encode_mb_per_second:.1f} ({encode_mb_per_second_quartiles[0]:.1f}"
    " - {encode_mb_per_second_quartiles[1]:.1f})",
    "decoding, MB per second (quartiles)": "{decode_mb_per_second:.1f} ({decode_mb_per_second_quartiles[0]:.1f}"
    " - {decode_mb_per_second_quartiles[1]:.1f})",
}

DECODE_FIGURES = {
    "": "{variant}",
    "tokens": "{context:,}",
    "implementation": "{implementation}",
    "ms/token": "{ms_per_token:.2f}",
    "times": "{faster:.2f}",
    "floor": "{floor_ms:.2f}",
    "predicted": "{predicted_ms:.2f}",
    "prefill, s": "{prefill_s:.2f}",
    "times ": "{faster_prefill:.2f}",
    "cache, MB": "{megabytes:.1f}",
}

OVERHEAD_FIGURES = {
    "": "{variant}",
    "implementation": "{implementation}",
    "microseconds per layer": "{us_per_layer:.0f}",
    "half of the steps": "{us_quartiles[0]:.0f} - {us_quartiles[1]:.0f}",
    "times": "{times:.2f}",
}

WAY_FIGURES = {
    "ways of": "{product}",
    "shape": "{shape}",
    "taken": "{taken}",
    "microseconds": "{times}",
}

RANDOMISED_FIGURES = {
    "method": "{method}",
    "layer": "{layer}",
    "tokens": "{N:,}",
    "error to keep": "{error:.2f}",
    "m": "{m}",
    "ms": "{ms}",
    "exact, ms": "{exact_ms:.2f}",
}

LOAD_FIGURES = {
    "weights, GB": "{weights}",
    "loading, seconds": "{load_s:.2f}",
    "peak of loading, GB": "{peak}",
    "peak / weights": "{times}",
    "first token, seconds from the start": "{first_token_s:.2f}",
    "tokens per second": "{tokens_per_second:.2f}",
    "tokens that are the course's": "{same}",
    "peak of loading and decoding, GB": "{in_use}",
    "form of attention": "{form}",
    "cache, bytes per token": "{cache_bytes_per_token:,}",
}

WHOLE_FIGURES = {
    "parameters": "{parameters:,}",
    "weights, GB": "{weights}",
    "loading, seconds": "{load_s:.1f}",
    "peak of loading, GB": "{peak}",
    "cache, bytes per token": "{cache_bytes_per_token:,}",
}

Output = Annotated[Path, typer.Option("--json", help="File for the results; it is written whole, at the end.")]


@app.command()
def train(
    corpus: Annotated[Path, typer.Option(help="A UTF-8 text file; its last tenth is for validation.")],
    output: Output,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the baseline; the other run gets as much time.")] = 2000,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of torch; default: torch's own choice.")] = None,
) -> None:
    """Train two small character models: nanoGPT's small CPU run, then the course's best recipe in the same time.

    Losses are on the whole last tenth of the text, in windows of 64 characters side by side.
    """
    import torch

    from course_lib.bench import report
    from course_lib.bench.characters import CharacterText
    from course_lib.bench.contenders import CONTEXT
    from course_lib.bench.train import measure
    from course_lib.training.folder import machine

    text = read(lambda: CharacterText.read(corpus, CONTEXT), corpus)
    require_output(output)
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        rows = [row.as_dict() for row in measure(text, steps)]
    except (OSError, ArithmeticError) as error:  # a full disk; a loss that is no longer a number
        typer.echo(f"The measurement stopped: {error}", err=True)
        raise typer.Exit(1) from error
    report.show(f"Training on {text.origin['name']}", TRAIN_FIGURES, rows)
    report.write(output, "train", rows, text=text.origin, machine=machine())


@app.command()
def tokenizer(
    output: Output,
    corpus: Annotated[str, typer.Option(help="A corpus of the course, or a UTF-8 text file.")] = "docs",
    repeats: Annotated[int, typer.Option(min=2, help="Timed runs of each tokenizer, after one that checks it.")] = 5,
) -> None:
    """Time tokenizers: the course's and the package `tokenizers` learn 2048 tokens, encode a text and decode it."""
    from course_lib.bench import report
    from course_lib.bench.text_contenders import PEER
    from course_lib.bench.tokenizer import long_text, measure
    from course_lib.training.folder import machine

    text = read(lambda: long_text(corpus), corpus)
    require_output(output)
    try:
        rows = [row.as_dict() for row in measure(text, repeats)]
    except ValueError as error:  # a tokenizer makes other ids than it should
        typer.echo(f"The measurement stopped: {error}", err=True)
        raise typer.Exit(1) from error
    report.show(f"Tokenizers on {text.name}", TOKENIZER_FIGURES, rows)
    origin, where = {"name": text.name} | asdict(text.fingerprint), machine() | {PEER: version_of(PEER)}
    report.write(output, "tokenizer", rows, repeats=repeats, text=origin, machine=where)


@app.command()
def decode(
    output: Output,
    variant: Annotated[list[str] | None, typer.Option(help="mha, gqa or mla; default: all.")] = None,
    context: Annotated[list[int] | None, typer.Option(min=1, help="Tokens before; default: 2048 and 8192.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 2,
) -> None:
    """Time a decode step after a long text: the course, and transformers with the same parameters.

    All must choose the same tokens. The course runs twice: in the ways of computing that it measured to be fastest on
    this processor, and in the plain way. The table also has the least time that the machine allows (floor) and a
    predicted time. The times of all ways are listed. Last come steps of narrow models, which take as long as all that
    is no arithmetic. The benchmark takes some minutes, most of them for the latent prefill of transformers.
    """
    import torch

    from course_lib.bench import overhead, report
    from course_lib.bench.decode import CONTEXTS, measure
    from course_lib.bench.decode_contenders import VARIANTS
    from course_lib.bench.rates import computing, measure_machine, ways
    from course_lib.training.folder import machine
    from course_lib.versions import installed

    require_names("--variant", variant, VARIANTS)
    require_output(output)
    torch.set_num_threads(threads)
    peak, variants = measure_machine(), variant or tuple(VARIANTS)
    try:
        rows = [row.as_dict() for row in measure(peak, variants, context or CONTEXTS)]
        narrow = overhead.measure(variants)
    except ValueError as error:  # other tokens than the course's; or nothing to compare with
        typer.echo(f"The measurement stopped: {error}", err=True)
        raise typer.Exit(1) from error
    report.show_lines("Decoding", DECODE_FIGURES, [row | {"megabytes": row["cache_bytes"] / 1e6} for row in rows])
    report.show_lines("A step of narrow models", OVERHEAD_FIGURES, narrow)
    where, how, taken = machine(), computing(), ways()
    times = [", ".join(f"{way} {time:.0f}" for way, time in row["microseconds"].items()) for row in taken]
    report.show_lines("Ways taken", WAY_FIGURES, [row | {"times": t} for row, t in zip(taken, times, strict=True)])
    typer.echo(f"{where['processor']}, {threads} threads, " + ", ".join(f"{k} {v}" for k, v in how.items()))
    rates = {"bytes_per_second": peak.bandwidth, "flops_per_second": peak.flops}
    versions = {"transformers": installed("transformers")}
    report.write(output, "decode", rows, narrow=narrow, ways=taken, peak=rates, machine=where | how | versions)


@app.command()
def load(
    output: Output,
    sibling: Annotated[
        list[str] | None, typer.Option(help="llama-3.2-1b, gemma-3-1b, deepseek-v2-lite or minicpm3-4b; default: all.")
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="bfloat16 or float32; default: bfloat16.")] = None,
    folder: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Where the checkpoints lie meanwhile.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 2,
) -> None:
    """Time the loading of checkpoints at the sizes of four published models, and measure the memory that it takes.

    Random weights are written to the disk in bfloat16, up to 9.2 GB, one checkpoint at a time, and removed. The course
    and transformers load each in a process of its own and decode some tokens. Of DeepSeek-V2-Lite 8 of 27 layers are
    written; the whole is predicted. What needs more memory than is free is left out.

    Memory is counted beside the process before loading. Pages of files count while the process has them mapped and has
    read them. transformers keeps weights there if their dtype is that of the file: they count from their first use on.
    """
    from itertools import groupby
    from operator import itemgetter

    from course_lib.bench import report
    from course_lib.bench.load import DTYPES, NEW, PEER, PROMPT, measure, predict
    from course_lib.bench.rates import computing
    from course_lib.bench.siblings import SIBLINGS
    from course_lib.training.folder import machine

    require_names("--sibling", sibling, SIBLINGS)
    require_names("--dtype", dtype, DTYPES)
    require_output(output)
    try:
        rows, left_out = measure(sibling or tuple(SIBLINGS), dtype or DTYPES[:1], folder, threads)
    except OSError as error:  # a full disk
        typer.echo(f"The measurement stopped: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error
    found, whole = [row.as_dict() for row in rows], [row.as_dict() for row in predict(rows)]
    for title, figures, group in (("", LOAD_FIGURES, found), (", predicted", WHOLE_FIGURES, whole)):
        for (name, layers, kind), those in groupby(group, itemgetter("sibling", "layers", "dtype")):
            report.show(f"{name}, {layers} layers, {kind}{title}", figures, [in_gigabytes(row) for row in those])
    for each in left_out:
        typer.echo(f"Left out: {each.sibling}, {each.dtype}, {each.implementation}: {each.why}.")
    where = machine() | computing() | {"threads": threads, PEER: version_of(PEER)}
    missing = [each.as_dict() for each in left_out]
    report.write(
        output, "load", found, predicted=whole, left_out=missing, prompt=PROMPT, timed_steps=NEW, machine=where
    )


def version_of(peer: str) -> str | None:
    """The installed version of a package that was measured beside the course; None, with a message, without it."""
    from course_lib.packages import install_command
    from course_lib.versions import installed

    version = installed(peer)
    if version is None:
        typer.echo(f"Only the course was measured: `{install_command('test')}` brings the package {peer}.")
    return version


def in_gigabytes(row: dict) -> dict:
    """The row with a name, and with its bytes in GB, its ratio and its share as text, or "unknown"."""
    bytes_of = {"weights": "weights_bytes", "peak": "peak_bytes", "in_use": "peak_in_use_bytes"}
    texts = {label: known(row.get(key), lambda size: f"{size / 1e9:.2f}") for label, key in bytes_of.items()}
    texts |= {"times": known(row.get("ratio"), "{:.2f}".format), "same": known(row.get("same_tokens"), "{:.0%}".format)}
    return row | texts | {"name": row.get("implementation", "course")}


def known(value: float | None, to_text: Callable[[float], str]) -> str:
    """The value as text, or "unknown" for None."""
    return "unknown" if value is None else to_text(value)


@app.command()
def figures(output: Output) -> None:
    """Time the interactive figures in Chromium: opening, painting, and answers of Python in JupyterLab.

    Each figure shows 64 tokens and twelve heads, if it shows tokens or heads. Opening is the median time. Painting is
    the 95th percentile of the slowest control, from an interaction to the painted frame. Python is the 95th percentile
    over all controls, from a choice to the frame with Python's answer.
    """
    from course_lib.bench import report
    from course_lib.bench.browser import running_chromium
    from course_lib.bench.figures import COLUMNS, as_line, measure
    from course_lib.training.folder import machine
    from course_lib.widgets import FIGURES

    require_output(output)
    try:
        with running_chromium() as browser:
            rows, version = measure(browser, FIGURES), browser.version
    except (LookupError, OSError) as error:  # no Chromium, or a JupyterLab that does not start
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    report.show_lines("Interactive figures", COLUMNS, [as_line(row) for row in rows])
    report.write(output, "figures", rows, machine=machine() | {"chromium": version})


@app.command()
def randomised(
    output: Output,
    longest: Annotated[int, typer.Option(min=256, help="Tokens of the longest text; 256, 1024, ... up to it.")] = 65536,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 2,
) -> None:
    """Time estimates of one block of attention against torch's fused kernel, for texts of 256 tokens and more.

    Heads of docs-mha. Each method keeps the error that it has at 256 tokens, where the loss is at most 1 % above that
    of exact attention (notebook 13). All 65,536 tokens take some minutes.
    """
    import numpy as np
    import torch

    from course_lib.bench import report
    from course_lib.models import shipped
    from course_lib.randomised import crossover
    from course_lib.text import corpora
    from course_lib.training.folder import machine

    require_output(output)
    torch.set_num_threads(threads)
    held = shipped.load("docs-mha")
    ids = torch.tensor(held.tokenizer.encode(corpora.load("docs").split()[1].text[: 5 * longest + 10_000]))
    lengths = [256 * 4**power for power in range(20) if 256 * 4**power <= longest]
    try:
        found = crossover.measure(held.model, ids, lengths, crossover.AT_256, np.random.default_rng(0))
    except ValueError as error:  # the held-out text has fewer tokens
        typer.echo(f"The measurement stopped: {error}", err=True)
        raise typer.Exit(1) from error
    rows = [row._asdict() for row in found]
    shown = [row | {"m": row["m"] or "none", "ms": f"{row['ms']:.2f}" if row["ms"] else ""} for row in rows]
    report.show_lines("One block of attention", RANDOMISED_FIGURES, shown)
    for name in crossover.AT_256:
        starts = [crossover.faster_from(found, name, layer) for layer in range(held.model.config.n_layers)]
        typer.echo(
            f"{name}: faster from {', '.join('none' if s is None else f'{s:,}' for s in starts)} (layers 0, 1, ...)"
        )
    report.write(output, "randomised", rows, machine=machine())


def require_names(option: str, names: list[str] | None, known: Collection[str]) -> None:
    """Stop the command unless each of the names is known."""
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"must be one of {', '.join(known)}, got {name!r}", param_hint=option)


def require_output(path: Path) -> None:
    """Stop the command before anything is measured if `path` cannot be written."""
    from course_lib.bench.report import require_writable

    try:
        require_writable(path)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {path}: {error.strerror}", param_hint="--json") from error


def read(reader, source):
    """The result of `reader()`; its errors become errors of the option --corpus, whose value is `source`."""
    try:
        return reader()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {source}: {error.strerror}", param_hint="--corpus") from error
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--corpus") from error
