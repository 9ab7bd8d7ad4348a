"""A figure whose numbers Python computes: which answer belongs to which choice, in a notebook's host and in a page."""

import json

import pytest

from course_lib.widgets import page
from course_lib.widgets.base import AskingFigure, packed, unpacked
from course_lib.widgets.choices import Index

pytestmark = pytest.mark.browser

SQUARES = """
function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ state, choose, preview }) => {
    const slider = rangeControl({
      label: "Number", count: 9, text: String,
      onInput: (number) => preview({ number }), onChange: (number) => choose({ number }),
    });
    const shown = make("output", { class: "square" });
    const show = () => {
      slider.show(state.number);
      shown.textContent = String(unpack(state.answer.square).at(0));
    };
    return { controls: [slider.element], body: [shown], show, sentence: () => [`number ${state.number}`] };
  });
}
"""
# The least that anywidget's model does, with Python behind window.ask; save_changes tells what was set.
MODEL = """
async ([source, json]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const revive = (_, v) => v?.$bytes === undefined ? v : bytes(v.$bytes);
  const state = JSON.parse(json, revive), listeners = {};
  let set = {};
  const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; set[name] = value; listeners[`change:${name}`]?.forEach((f) => f()); },
    save_changes: () => { window.sent.push(set); set = {}; },
    on: (name, f) => (listeners[name] ??= []).push(f),
    off: () => {},
  };
  window.sent = [];
  window.fromPython = (json) => {
    for (const [name, value] of Object.entries(JSON.parse(json, revive))) {
      state[name] = value;
      listeners[`change:${name}`]?.forEach((f) => f());
    }
  };
  widget.render({ model, el: document.body });
}
"""


class Squares(AskingFigure):
    entry = "figure"
    asks = ("number",)
    number = Index(1).tag(sync=True, chosen=True)

    def __init__(self):
        super().__init__({}, title="Squares", caption="The square of a number.")

    def allowed(self):
        return {"number": range(9)}

    def compute(self, number):
        return {"square": packed([number**2])}

    def foreseen(self):
        return [{"number": number} for number in range(4)]

    def twin(self, layout="page"):
        return ""


Squares._esm = Squares._esm.replace("\nexport {", SQUARES + "\nexport {", 1)


def square(opened):
    return opened.locator(".square").inner_text()


def test_a_page_answers_what_was_foreseen_and_says_of_the_rest_that_it_needs_python(open_figure):
    opened = open_figure(Squares())
    assert square(opened) == "1"
    opened.get_by_role("slider").focus()
    for key, shown in (("ArrowRight", "4"), ("ArrowRight", "9")):
        opened.keyboard.press(key)
        assert square(opened) == shown and opened.locator(".clf-notice").inner_text() == ""
    opened.keyboard.press("ArrowRight")
    assert "Python computes them" in opened.locator(".clf-notice").inner_text()
    assert opened.locator(".clf-pending").count() == 1
    opened.keyboard.press("Home")
    assert square(opened) == "0" and opened.locator(".clf-pending").count() == 0


def test_a_notebook_waits_for_the_answer_to_the_newest_choice(open_page):
    figure, opened = Squares(), open_page()
    opened.evaluate(MODEL, [figure._esm, page.to_json(figure.state())])
    opened.get_by_role("slider").focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("() => sent") == [{"number": 2}, {"number": 3}]
    for choice, waiting in (({"number": 2}, True), ({"number": 3}, False)):
        notice = opened.locator(".clf-notice").inner_text()
        assert "Python is computing" in notice and "run the cell again" in notice
        figure.set_state(choice)
        opened.evaluate("(json) => fromPython(json)", page.to_json({"answer": figure.answer}))
        assert (opened.locator(".clf-pending").count() == 1) is waiting
        assert opened.get_by_role("slider").input_value() == "3"  # does not jump back to what was answered
    assert square(opened) == "9" == str(int(unpacked(figure.answer["square"])[0]))


def test_a_slider_under_way_asks_nothing_and_is_not_moved_by_an_answer(open_page):
    figure, opened = Squares(), open_page()
    opened.evaluate(MODEL, [figure._esm, page.to_json(figure.state())])
    slider = opened.get_by_role("slider")
    slider.evaluate("(e) => { e.value = 6; e.dispatchEvent(new Event('input')); }")
    opened.evaluate("(json) => fromPython(json)", page.to_json({"answer": figure.answer_to({"number": 1})}))
    assert slider.input_value() == "6" and opened.evaluate("() => sent") == []
    slider.evaluate("(e) => e.dispatchEvent(new Event('change'))")
    assert opened.evaluate("() => sent") == [{"number": 6}]
    opened.evaluate("(json) => fromPython(json)", json.dumps({"number": 2}))
    assert slider.input_value() == "2" and opened.evaluate("() => sent.length") == 1
