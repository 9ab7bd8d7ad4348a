"""What a deck's author may write: titles, notes, minutes and numbers."""

import re
from pathlib import Path

import deck_text
import pytest
from quotes import Quotes

from course_lib import exercises

FRONT = "---\ntitle: Small\nminutes: 3\nallow: [float32]\n---\n"
ROOT = Path(__file__).resolve().parents[2]
NOTES = "<!--\nminutes: {minutes}\n\nSay this.\n-->\n"


def slide(text: str = "# A title\n", minutes: float = 3) -> str:
    return f"\n{text}\n{NOTES.format(minutes=minutes)}"


def read(tmp_path, *slides: str, front: str = FRONT) -> deck_text.Deck:
    path = tmp_path / "02_small.md"
    path.write_text(front + "\n---\n".join(slides), encoding="utf-8")
    return deck_text.read(path)


def test_a_deck_has_its_slides_with_notes_and_minutes(tmp_path):
    notes = "<!--\nminutes: 1.5\npaper: section 2,\n  Figure 3\nask: Why?\n\nFirst\nline.\n\nSecond.\n-->\n"
    deck = read(tmp_path, slide(minutes=1.5), f"\n# B\n\n{notes}")
    assert deck.name == "02_small" and deck.front["title"] == "Small"
    assert [each.minutes for each in deck.slides] == [1.5, 1.5]
    expected = {"minutes": "1.5", "paper": "section 2, Figure 3", "ask": "Why?", "say": "First\nline.\n\nSecond."}
    assert deck.slides[1].notes == expected


@pytest.mark.parametrize(
    "text",
    [
        "It takes 5 steps.",
        "- about $4$ of 7 keys",
        "See page 3.",
        "In 1964 it was known.",
        "`x = 3` is code",
        "<b>12</b> keys",
        "between $$a$$ and 2",
    ],
)
def test_a_number_in_prose_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="quote or allow the number in: "):
        read(tmp_path, slide(f"# A title\n\n{text}\n"))


def test_a_number_in_the_notes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="quote or allow the number in: Say 5 words."):
        read(tmp_path, slide().replace("Say this.", "Say 5 words."))


@pytest.mark.parametrize(
    "text",
    [
        "The factor is $\\tfrac12$ and $$x = 3$$ holds.",
        "The value is {{number 02#puppy value of puppy:}}.",
        "Notebook 04 and notebooks 06 and 07 go on; see section 2.1 and Figure 3.",
        "In float32 it overflows.",
        "1. first\n2. second",
        '<span style="width: 3px">wide</span>',
    ],
)
def test_a_number_from_a_quote_a_formula_or_a_reference_may_stand(tmp_path, text):
    read(tmp_path, slide(f"# A title\n\n{text}\n"))


@pytest.mark.parametrize(
    "text, message",
    [
        ("\nno title\n\n" + NOTES.format(minutes=3), "a slide must have a title"),
        ("\n## A title\n\n" + NOTES.format(minutes=3), "a slide must have a title"),
        ("\n# A title\n", "one comment that begins with minutes"),
        ("\n# A\n" + 2 * NOTES.format(minutes=3), "one comment that begins with minutes"),
        ("\n# A\n<!--\nminutes: soon\n\nSay.\n-->\n", "notes must have minutes"),
        ("\n# A\n<!--\nminutes: 3\nspeaker: me\n\nSay.\n-->\n", "other keys among minutes, paper, exercise, ask"),
        ("\n# A\n<!--\nminutes: 3\n-->\n", "and a text"),
        (slide().replace("\n\nSay", "\nexercise: 2.99\n\nSay"), "there is no exercise '2.99'"),
        (slide(minutes=3.5), "the slides take 3.5 minutes, the deck states 3"),
        (slide(minutes=2.5), "the slides take 2.5 minutes, the deck states 3"),
        (slide("{{exercise 2.1}}"), "the slide of Exercise 2.1 must have minutes: 8, as in the registry"),
        (slide("<!-- _class: backup -->\n# B", 5) + "\n---\n" + slide(), "back-up slides must stand at the end"),
    ],
)
def test_a_fault_is_told_in_a_sentence(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(tmp_path, text)


@pytest.mark.parametrize("front", ["", "---\n\n---\n", "---\ntitle: Small\n---\n", "---\nminutes: 3\n---\n"])
def test_a_deck_has_a_title_and_minutes(tmp_path, front):
    with pytest.raises(ValueError, match="02_small.md must begin with a title and minutes"):
        read(tmp_path, slide(), front=front)


def test_front_matter_is_yaml(tmp_path):
    with pytest.raises(ValueError, match="front matter must be YAML: (.|\n)*\ntitle: A: B"):
        read(tmp_path, slide(), front="---\ntitle: A: B\nminutes: 3\n---\n")


def test_minutes_may_miss_the_stated_ones_by_a_tenth_and_backup_slides_do_not_count(tmp_path):
    deck = read(tmp_path, slide(minutes=3.3), slide("<!-- _class: backup -->\n# B", 9))
    assert len(deck.slides) == 2 and len(deck.counted) == 1


def test_the_slide_of_an_exercise_names_it(tmp_path):
    minutes = exercises.find("2.4").minutes
    deck = read(tmp_path, slide("{{exercise 2.4 bare}}", minutes), front=FRONT.replace("3", str(minutes)))
    assert deck.slides[0].exercise == "2.4"


def test_marp_gets_notes_in_paragraphs_and_the_section_of_the_paper_at_the_foot(tmp_path):
    notes = "<!--\nminutes: 3\npaper: section 2\nexercise: 2.1\nask: Why?\n\nFirst\nline.\n\nSecond.\n-->\n"
    text = deck_text.markdown(read(tmp_path, f"\n# A\n\n{notes}"), Quotes())
    assert "<!--\n3 min. Exercise 2.1.\n\nAsk: Why?\n\nFirst line.\n\nSecond.\n-->" in text
    assert "<!-- _footer: Paper, section 2 -->" in text
    assert "lang: en" in text and "theme: course" in text and "title: Small" in text


def test_backup_slides_have_no_number(tmp_path):
    text = deck_text.markdown(read(tmp_path, slide(), slide("<!-- _class: backup -->\n# B")), Quotes())
    first, second = text.split("\n---\n")[-2:]
    assert "_paginate: skip" not in first and "_paginate: skip" in second


def test_a_changed_number_in_a_notebook_changes_the_deck(tmp_path):
    deck, before = deck_text.read(ROOT / "slides" / "02_attention.md"), "value of puppy: 3.66"
    source = ROOT / "notebooks" / "02_attention.ipynb"
    planted = source.read_text(encoding="utf-8")
    assert planted.count(before) == 1
    (tmp_path / source.name).write_text(planted.replace(before, "value of puppy: 3.77"), encoding="utf-8")
    text = deck_text.markdown(deck, Quotes(tmp_path))
    assert "The answer for puppy is 3.77." in text and "3.66" not in text
