"""A panel for notebook 00 that shows which exercises were passed on this machine."""

from html import escape

import ipywidgets

from course_lib.exercises import Exercise, standing


class ProgressPanel(ipywidgets.VBox):
    """A table with a line for each notebook, and a button that reads the results again."""

    def __init__(self):
        self.lines, again = ipywidgets.HTML(), ipywidgets.Button(description="Look again")
        again.on_click(lambda _: self.look())
        super().__init__([self.lines, again])
        self.look()

    def look(self) -> None:
        """Show the results that the local file holds now."""
        self.lines.value = table(standing())

    def __repr__(self):  # the same at each run, so that notebook 00 can be compared
        return "ProgressPanel()"


def table(found: dict[str, list[tuple[Exercise, bool]]]) -> str:
    """An HTML table: for each notebook how many exercises are passed, and which."""
    rows = "".join(
        f'<tr><th scope="row">{int(number):02}</th><td>{sum(done for _, done in exercises)} of {len(exercises)}</td>'
        f"<td>{' '.join(_mark(e, done) for e, done in exercises)}</td></tr>"
        for number, exercises in found.items()
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("notebook", "passed", "exercises (✓ passed)"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _mark(exercise: Exercise, done: bool) -> str:
    return f'<span title="{escape(exercise.title)}">{exercise.id}{"&nbsp;✓" if done else ""}</span>'
