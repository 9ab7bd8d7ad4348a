"""Read a deck as its author writes it: slides in Markdown, and for each slide one comment with its notes.

    <!--
    minutes: 2
    paper: section 2
    ask: What would a database return for a key that it does not have?

    What to say, in paragraphs.
    -->

`read` refuses a deck that breaks the rules: each slide has a title, notes and minutes, the minutes add up to those that
the deck states, and numbers in prose come from a quote or a formula.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import quotes
import yaml

from course_lib import exercises

KEYS = ("minutes", "paper", "exercise", "ask")
NOTES = re.compile(r"<!--\n(minutes:.*?)\n?-->", re.DOTALL)
SLACK = 0.1  # by how much the minutes of the slides may miss those that the deck states

# Where digits may stand; they may also stand in the words of a deck's `allow`. All other text is prose.
NO_PROSE = [
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),
    quotes.QUOTE,
    re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL),
    re.compile(r"^(?:minutes|paper|exercise):.*$", re.MULTILINE),
    re.compile(r"^\d+\. ", re.MULTILINE),
    re.compile(r"<(?!!--)[^>]*>"),
    re.compile(r"[Nn]otebooks? \d\d(?:,? (?:and |to )?\d\d)*|[Ss]ections? \d+(?:\.\d+)*|(?:Figure|Equation) \d+"),
]


@dataclass(frozen=True)
class Slide:
    """One slide of a deck, before its quotes are resolved."""

    text: str
    notes: dict[str, str]  # the keys above the empty line, and "say" for what stands below

    @property
    def backup(self) -> bool:
        return "_class: backup" in self.text

    @property
    def minutes(self) -> float:
        return float(self.notes["minutes"])

    @property
    def exercise(self) -> str | None:
        """The id of the exercise that the slide quotes."""
        return next((target for kind, target, _ in quotes.QUOTE.findall(self.text) if kind == "exercise"), None)


@dataclass(frozen=True, eq=False)
class Deck:
    """A deck's front matter and its slides."""

    name: str
    front: dict
    slides: tuple[Slide, ...]

    @property
    def counted(self) -> tuple[Slide, ...]:
        return tuple(slide for slide in self.slides if not slide.backup)


def read(path: Path) -> Deck:
    """The deck of a file. Raises ValueError for a deck that breaks the rules above."""
    text = path.read_text(encoding="utf-8")
    match = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, flags=re.DOTALL)
    front = matter(match[1]) if match else {}
    if not {"title", "minutes"} <= set(front):
        raise ValueError(f"{path.name} must begin with a title and minutes between two lines ---")
    deck = Deck(path.stem, front, tuple(map(slide, match[2].split("\n---\n"))))
    faults = [*digits(text, front.get("allow", [])), *faults_of(deck)]
    if faults:
        raise ValueError(f"{path.name}:\n  " + "\n  ".join(faults))
    return deck


def matter(text: str) -> dict:
    """The keys and values of front matter. Raises ValueError if it is no YAML, such as `title: Attention: hands on`."""
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"front matter must be YAML: {error}\n{text}") from error


def slide(text: str) -> Slide:
    """A slide and what its comment says. Raises ValueError without title, notes or minutes."""
    title = re.search(r"^# +\S.*$|^\{\{(?:exercise|mistakes) .*$", text, flags=re.MULTILINE)
    notes = NOTES.findall(text)
    if title is None or len(notes) != 1:
        raise ValueError(f"a slide must have a title (# ...) and one comment that begins with minutes:\n{text.strip()}")
    head, _, say = notes[0].partition("\n\n")
    keys = dict(re.findall(r"^(\w+): *((?:.|\n +)*)$", head, flags=re.MULTILINE))
    unknown = set(keys) - set(KEYS)
    if unknown or not re.fullmatch(r"\d+(?:\.\d+)?", keys.get("minutes", "")) or not say.strip():
        raise ValueError(f"notes must have minutes, other keys among {', '.join(KEYS)}, and a text:\n{notes[0]}")
    keys = {key: " ".join(value.split()) for key, value in keys.items()}
    return Slide(text, keys | {"say": say.strip()})


def digits(text: str, allowed: Iterable[str]) -> list[str]:
    """Lines of prose with a number that no quote, formula or reference explains."""
    for pattern in NO_PROSE:
        text = pattern.sub(" ", text)
    for words in allowed:
        text = text.replace(str(words), " ")
    return [f"quote or allow the number in: {line.strip()}" for line in text.splitlines() if re.search(r"\d", line)]


def faults_of(deck: Deck) -> list[str]:
    """What is wrong with times and order, in sentences. Raises ValueError for an unknown exercise."""
    faults, total, stated = [], sum(each.minutes for each in deck.counted), deck.front["minutes"]
    if abs(total - stated) > SLACK * stated:
        faults.append(f"the slides take {total:g} minutes, the deck states {stated}")
    for each in deck.slides:
        if "exercise" in each.notes:
            exercises.find(each.notes["exercise"])
        wanted = exercises.find(each.exercise).minutes if each.exercise else each.minutes
        if each.minutes != wanted:
            faults.append(f"the slide of Exercise {each.exercise} must have minutes: {wanted}, as in the registry")
    if deck.slides[len(deck.counted) :] != tuple(each for each in deck.slides if each.backup):
        faults.append("back-up slides must stand at the end")
    return faults


def markdown(deck: Deck, quoted: quotes.Quotes) -> str:
    """The deck as Marp reads it: quotes resolved, notes in paragraphs, the paper's section below the slide."""
    front = {"marp": True, "theme": "course", "lang": "en", "paginate": True, "title": deck.front["title"]}
    body = "\n---\n".join(prepared(each, quoted) for each in deck.slides)
    return f"---\n{yaml.safe_dump(front)}---\n{body}"


def prepared(each: Slide, quoted: quotes.Quotes) -> str:
    text = NOTES.sub(lambda _: f"<!--\n{spoken(each.notes)}\n-->", each.text)
    directives = ["<!-- _paginate: skip -->"] if each.backup else []
    if "paper" in each.notes:
        directives.append(f"<!-- _footer: Paper, {each.notes['paper']} -->")
    return "\n".join(["", *directives, quoted.resolve(text.strip()), ""])


def spoken(notes: dict[str, str]) -> str:
    """The notes in paragraphs: minutes and exercise, what to ask, what to say."""
    first = f"{notes['minutes']} min." + (f" Exercise {notes['exercise']}." if "exercise" in notes else "")
    ask = [f"Ask: {notes['ask']}"] if "ask" in notes else []
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", notes["say"]))
    return "\n\n".join([first, *ask, *paragraphs])
