"""Figure 8 in Chromium: sizes, formula, table and decode steps are those of Python."""

import re

import pytest

from course_lib.accounting import in_binary_units, model
from course_lib.widgets.cache_growth import CacheGrowth

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
    own = opened.locator(".clf-choice").filter(has_text="(as it is)").all_inner_texts()
    assert own == [f"{python.kinds[python.data['own'][model]]} (as it is)"]
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
