"""Figure 8 in Chromium: sizes, formula, table and decode steps are those of Python."""

import itertools
import re

import pytest

from course_lib.accounting import in_binary_units, model
from course_lib.widgets.cache_growth import CacheGrowth, texts
from course_lib.widgets.numbers.cache_variants import ACCELERATORS

pytestmark = pytest.mark.browser


def figure():
    return CacheGrowth([model(name) for name in ("Llama-3-70B", "Gemma-3-27B", "GPT-OSS-120B")])


def multiplied_out(formula):
    """What the left side of the shown formula comes to."""
    left = formula.split("=")[0].replace(",", "").replace("(the window)", "").replace("×", "*")
    return eval(re.sub(r"[a-zA-Z]+", "", left))


@pytest.mark.parametrize(
    ("model", "variant", "context", "batch", "dtype", "new"),
    [
        (0, 0, 7, 4, "bfloat16", 0),
        (1, 4, 0, 2, "bfloat16", 3),
        (1, 4, 2, 0, "float32", 2),
        (2, 4, 12, 6, "float8", 4),
        (2, 3, 0, 1, "bfloat16", 1),
    ],
)
def test_size_formula_and_tables_are_pythons(mount, model, variant, context, batch, dtype, new):
    python = figure()
    choice = dict(model=model, variant=variant, context=context, batch=batch, dtype=dtype, new=new)
    opened = mount(python)
    opened.evaluate("(choice) => window.handles[0].update(choice)", choice)
    for name, value in choice.items():
        setattr(python, name, value)
    size = int(python.bytes[variant])
    assert opened.locator(".clf-growth-total strong").inner_text() == in_binary_units(size)
    formula = opened.locator(".clf-growth-formula").inner_text()
    assert multiplied_out(formula) == size and formula.endswith(f"= {size:,} bytes")
    windows = [term["window"] for term in python.data["layers"][model][variant]]
    assert formula.count("(the window)") == sum(window is not None and window <= python.tokens for window in windows)
    own = opened.get_by_label("Kind of attention").locator("option").filter(has_text="(as it is)").all_inner_texts()
    assert own == [f"{python.kinds[python.data['own'][model]]} (as it is)"]
    opened.locator("summary").click()
    kinds, steps = (opened.locator(".clf-table").nth(i).locator("tbody tr") for i in (0, 1))
    for v, (row, of) in enumerate(zip(kinds.all(), python.bytes, strict=True)):
        python.variant = v
        cells = row.locator("th, td").all_inner_texts()
        assert cells == [python.kinds[v], in_binary_units(int(of)), *(f"{n:,}" for n in python.texts_that_fit)]
    python.variant = variant
    before = None
    for python.new, row in enumerate(steps.all()):
        tokens, written, dropped, held = (
            cell.replace("−", "-").replace(" ", "").replace(",", "") for cell in row.locator("th, td").all_inner_texts()
        )
        assert (int(tokens), int(held)) == (python.tokens, python.bytes[variant])
        assert before is None or before + int(written) + int(dropped) == int(held)
        if python.new == max(new, 1):
            said = opened.locator(".clf-growth-change").inner_text().replace(",", "")
            assert said.endswith(f"{int(written)} bytes written {-int(dropped)} dropped.")
        before = int(held)
    assert steps.nth(new).get_attribute("class") == "clf-current"


def test_points_of_the_lines_are_said_with_their_sizes(mount):
    python = figure()
    opened = mount(python)
    lines = opened.get_by_role("listbox", name="Cache against")
    lines.focus()
    opened.keyboard.press("Home")
    point = opened.locator(f"#{lines.get_attribute('aria-activedescendant')}")
    python.context = 0
    assert point.text_content() == f"{python.kinds[0]}: {in_binary_units(int(python.bytes[0]))} at 256 tokens"
    for _ in range(4):
        opened.keyboard.press("ArrowDown")
    opened.keyboard.press("End")
    python.choose(tokens=2**20)
    assert point.text_content() == f"{python.kinds[4]}: {in_binary_units(int(python.bytes[4]))} at 1,048,576 tokens"
    opened.keyboard.press("Enter")
    assert opened.evaluate("() => window.changes[0]") == [{"variant": 4}]


NAMES = """(plot, which) => [...plot.querySelectorAll(which)].map((name) => {
  const { top, bottom } = name.getBoundingClientRect();
  return [name.textContent, (top + bottom) / 2, name.classList.contains("clf-chosen")];
})"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("model", [0, 1, 2])
def test_lines_have_their_names_at_their_ends_and_apart(mount, model, width):
    python = figure()
    python.model, python.variant = model, 3
    opened = mount(python, viewport={"width": width, "height": 900})
    names = opened.locator(".clf-plot").evaluate(NAMES, ".clf-end")
    assert [name for name, _, _ in names] == ["MHA", "GQA", "MQA", "MLA", "windows"]
    assert [chosen for _, _, chosen in names] == [False, False, False, True, False]
    python.choose(tokens=2**20)
    by_size = [names[i] for i in python.bytes.argsort(kind="stable")]
    heights = [height for _, height, _ in by_size]
    assert all(above < below - 13.9 for below, above in itertools.pairwise(heights))
    ends = opened.locator(".clf-plot").evaluate("""(plot) => [...plot.querySelectorAll("polyline")].map((line) =>
      line.points[line.points.length - 1].matrixTransform(line.getScreenCTM()).y)""")
    for (_, height, _), end in zip(names, ends, strict=True):
        assert abs(height - end) < 3 * 14
    assert sum(height for _, height, _ in names) == pytest.approx(sum(ends), abs=5)  # moved as little as can be
    assert opened.locator(".clf-plot + .clf-legend").is_hidden()


# Of each name of a level line: its text, its box, and how many points of curves lie in this box.
LEVELS = """(plot) => {
  const curves = [...plot.querySelectorAll("polyline")].map((line) => {
    const length = line.getTotalLength(), to = line.getScreenCTM();
    return Array.from({ length: 400 }, (_, i) => line.getPointAtLength((length * i) / 399).matrixTransform(to));
  });
  return [...plot.querySelectorAll(".clf-rule-name")].filter((e) => e.textContent).map((e) => {
    const { left, right, top, bottom } = e.getBoundingClientRect();
    const [over, under] = [top + 4, bottom - 4]; // the line's leading
    const inside = ({ x, y }) => x > left && x < right && y > over && y < under;
    return { text: e.textContent, left, right, top: over, bottom: under, crossed: curves.flat().filter(inside).length };
  });
}"""


@pytest.mark.parametrize("width", [390, 852, 1280])
@pytest.mark.parametrize(
    ("model", "batch", "dtype"), [(0, 4, "bfloat16"), (0, 6, "bfloat16"), (1, 4, "bfloat16"), (2, 0, "float8")]
)
def test_each_level_line_within_the_plot_has_a_name_that_no_curve_crosses(mount, model, batch, dtype, width):
    python = figure()
    python.model, python.batch, python.dtype = model, batch, dtype
    python.variant = python.data["own"][model]
    names = mount(python, viewport={"width": width, "height": 900}).locator(".clf-plot").evaluate(LEVELS)
    low, high = python.data["sizes"][model]["domain"]
    inside = [each for each in zip(ACCELERATORS, python.texts_that_fit, strict=True) if low < each[0].memory < high]
    expected = [(device.name, texts(count)) for device, count in reversed(inside)]
    assert [(re.split(", |: ", name["text"])[0], name["text"].split(": ")[1]) for name in names] == expected
    assert [name["text"] for name in names if name["crossed"]] == []
    assert all(above["bottom"] <= below["top"] for above, below in itertools.pairwise(names))


def test_a_model_is_chosen_with_its_own_kind_of_attention(mount):
    python = figure()
    opened = mount(python)
    opened.get_by_label("Model").select_option("Gemma-3-27B")
    assert opened.evaluate("() => window.changes[0]") == [{"model": 1, "variant": 4}]
    kinds = opened.get_by_label("Kind of attention")
    assert kinds.evaluate("(e) => e.selectedOptions[0].text") == f"{python.data['kinds'][1][4]} (as it is)"


def test_ticks_are_sixteen_times_apart(mount):
    plot = mount(figure()).locator(".clf-plot")
    names = plot.evaluate("(plot) => [...plot.querySelectorAll('text[text-anchor=end]')].map((e) => e.textContent)")
    units = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
    sizes = [int(number) * units[unit] for number, unit in (name.split() for name in names)]
    assert len(sizes) > 4 and all(high == 16 * low for low, high in itertools.pairwise(sizes))


def test_a_click_on_a_line_chooses_its_kind(mount):
    opened = mount(figure())
    plot = opened.locator(".clf-plot")
    x, y = plot.evaluate("""(plot) => {
      const { points } = plot.querySelector("polyline"), line = plot.querySelector("polyline");
      const { x, y } = points[2].matrixTransform(line.getScreenCTM());
      return [x, y];
    }""")
    opened.mouse.click(x, y)
    assert opened.evaluate("() => window.changes[0]") == [{"variant": 0}]


def test_sizes_are_worded_as_in_python(open_page):
    sizes = [
        0,
        1,
        1023,
        1024,
        1075,
        68864,
        69376,
        69120,
        1023 * 1024 + 999,
        2**20 - 1,
        5 * 2**38,
        2**52,
        1536,
        2**30 * 67 + 2**28,
    ]
    source = "\n".join(figure()._esm.split("export {")[:1])
    worded = open_page().evaluate(f"(sizes) => {{ {source}; return sizes.map(asBytesText); }}", sizes)
    assert worded == [in_binary_units(size) for size in sizes]
