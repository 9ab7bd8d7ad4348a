"""Fill the generated parts of docs/instructor.md: python tools/instructor.py [--check].

A part stands between `<!-- filled: NAME -->` and `<!-- end -->`. NAME is a notebook's number, for the tables of its
sections and exercises, `times` for the minutes of all notebooks, or a timetable's name in PLANS. With --check nothing
is written: the script prints the names of the parts that differ from the notebooks and the exercises' registry, and
exits with code 1 if there are any.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from notebook_kernels import all_notebooks

from course_lib import exercises
from course_lib.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "instructor.md"
PART = re.compile(r"(<!-- filled: (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
# Minutes in the room, then what happens: a notebook's number stands for its core path; all else states its minutes.
WELCOME, LUNCH = ("Welcome, and the doctor on all computers", 15), ("Lunch", 60)
BREAK, SHORT_BREAK = ("Break", 15), ("Break", 10)
PLANS = {
    "half_day": (210, (WELCOME, "00", "02", BREAK, "03", SHORT_BREAK, "06")),
    "one_day": (
        390,
        (
            *(WELCOME, "00", "02", BREAK, "03", ("04 from its deck, rotary positions only", 15), LUNCH),
            *("06", BREAK, "07", SHORT_BREAK, "08"),
        ),
    ),
    "day_1": (390, (WELCOME, "00", "01", BREAK, "02", LUNCH, "03", BREAK, "04", SHORT_BREAK, "05")),
    "day_2": (390, ("06", BREAK, "07", LUNCH, "08", BREAK, "09", SHORT_BREAK, "10")),
    "third": (210, ("11", BREAK, "12", BREAK, "13")),
}
MISTAKES = 3  # that are listed for each exercise; the registry has the frequent ones first
UNMARKED = "unmarked"  # sections of the sitting outside of the core path, as notebook 00 calls them


def notebooks() -> dict[str, Path]:
    return {path.stem[:2]: path for path in all_notebooks()}


def sections(path: Path) -> list[tuple[str, str, int]]:
    """Name, path (core, optional or neither) and minutes of each section that is counted by itself."""
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        if minutes := [int(tag.removeprefix("minutes-")) for tag in tags if tag.startswith("minutes-")]:
            name = re.sub(r"^#+ (.*) \(.*?\)$", r"\1", cell.source.splitlines()[0])
            found.append((name, next((tag for tag in ("core", "optional") if tag in tags), ""), minutes[0]))
    return found


def summed(path: Path) -> tuple[int, int, int]:
    """Minutes of the core path, of the sitting, and of what is optional beyond it."""
    found = sections(path)
    core, optional = (sum(m for _, kind, m in found if kind == wanted) for wanted in ("core", "optional"))
    return core, sum(m for *_, m in found) - optional, optional


def placed(path: Path) -> dict[str, str]:
    """Heading of each exercise -> the path to which its section belongs."""
    found, kind = {}, ""
    for cell in nbformat.read(path, as_version=4).cells:
        tags = cell.metadata.get("tags", [])
        if any(tag.startswith("minutes-") for tag in tags):
            kind = next((tag for tag in ("core", "optional") if tag in tags), UNMARKED)
        if cell.cell_type == "markdown":
            found |= dict.fromkeys(re.findall(r"^#+ (Exercise .*)$", cell.source, flags=re.MULTILINE), kind)
    return found


def escaped(text: str) -> str:
    """Plain text for a cell of a Markdown table. Bars are escaped, and outside of code stars and angles, too."""
    pieces = re.split(r"(`[^`]*`)", text.replace("|", "\\|"))
    return "".join(piece if piece.startswith("`") else re.sub(r"([*<])", r"\\\1", piece) for piece in pieces)


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def table(head: tuple[str, ...], rows: list[str]) -> str:
    return "\n".join([row(*head), row(*("---" for _ in head)), *rows])


def exercise_row(exercise: exercises.Exercise, kind: str) -> str:
    mistakes = "<br>".join(escaped(mistake.message) for mistake in exercise.mistakes[:MISTAKES])
    return row(exercise.heading.removeprefix("Exercise "), kind, escaped(exercise.hints[0]), mistakes)


def notebook_part(number: str) -> str:
    path = notebooks()[number]
    times = [row(name, kind or UNMARKED, minutes) for name, kind, minutes in sections(path)]
    kinds = placed(path)
    tasks = [exercise_row(exercise, kinds[exercise.heading]) for exercise in exercises.of_notebook(str(int(number)))]
    first, second = ("section", "path", "minutes"), ("exercise", "path", "first hint", "what the check says")
    return f"{table(first, times)}\n\n{table(second, tasks)}"


def times_part() -> str:
    rows = [row(f"`{path.stem}`", *summed(path)) for path in notebooks().values()]
    return table(("notebook", "core path", "sitting", "optional beyond"), rows)


def plan_part(name: str) -> str:
    """A timetable: when each block begins, and what is left at the end. Raises ValueError if the time is too short."""
    room, blocks = PLANS[name]
    paths, rows, clock = notebooks(), [], 0
    for block in blocks:
        what, minutes = (f"{block}, core path", summed(paths[block])[0]) if block in paths else block
        rows.append(row(f"{clock // 60}:{clock % 60:02}", what, minutes))
        clock += minutes
    if clock > room:
        raise ValueError(f"the plan {name} must fit into {room} minutes, got {clock}")
    rows.append(row(f"{clock // 60}:{clock % 60:02}", "Questions, and what took longer", room - clock))
    return table(("begins", "what", "minutes"), rows)


def names() -> tuple[str, ...]:
    return "times", *PLANS, *notebooks()


def part(name: str) -> str:
    """What stands between the markers of that name. Raises ValueError for a name that means nothing."""
    if name not in names():
        raise ValueError(f"a filled part must be named {', '.join(names())}, got {name!r}")
    if name == "times":
        return times_part()
    return plan_part(name) if name in PLANS else notebook_part(name)


def filled(text: str) -> str:
    return PART.sub(lambda found: f"{found[1]}\n{part(found[2])}\n\n{found[3]}", text)


def stale(text: str) -> list[str]:
    """Names of the parts that are out of date or missing."""
    parts = {found[2]: found[0] for found in PART.finditer(text)}
    return [name for name in names() if name not in parts or filled(parts[name]) != parts[name]]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say which parts differ")
    text = GUIDE.read_text(encoding="utf-8")
    if parser.parse_args(arguments).check:
        if differing := stale(text):
            sys.exit(f"{GUIDE.name} differs in: {', '.join(differing)}. Run python tools/instructor.py.")
    else:
        write_atomically(GUIDE, filled(text).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
