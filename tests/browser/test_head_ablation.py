"""Figure 5 in Chromium: what is shown is what Python computed for the heads removed."""

import re

import numpy as np
import pytest
import torch

from course_lib.config import GroupedConfig, ModelConfig
from course_lib.models import DecoderModel
from course_lib.widgets import page
from course_lib.widgets.base import unpacked
from course_lib.widgets.head_ablation import COSTS, ROLES, HeadAblation

pytestmark = pytest.mark.browser

HEADS = 4
ANSWER = """(json) => {
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const answer = JSON.parse(json, (_, value) => (value?.$bytes === undefined ? value : bytes(value.$bytes)));
  window.handles[0].update({ answer });
}"""


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(5)
    attention = GroupedConfig(d_model=16, n_heads=HEADS)
    model = DecoderModel(ModelConfig(vocab_size=19, n_layers=2, attention=attention, d_ff=9)).eval()
    for block in model.blocks:
        block.attention.W_O.data.mul_(8)  # so that a removal is seen in two decimals
    return model


@pytest.fixture
def python(model):
    return HeadAblation(model, torch.arange(14).view(2, 7) * 5 % 19, list("abcdefg"))


def name(head):
    return "L{} H{}".format(*divmod(head, HEADS))


def signed(text):
    return float(text.replace("−", "-"))


def shown(opened):
    """The two losses, and the cell under the crosshair: the change in loss."""
    losses = [float(text) for text in opened.locator(".clf-losses strong").all_inner_texts()]
    return losses, float(opened.get_by_role("gridcell").text_content())


def check(opened, python):
    losses, change = shown(opened)
    np.testing.assert_allclose(losses, python.losses, rtol=0, atol=0.00501)
    at = python.copy, python.position
    before, now = (unpacked(tokens)[at] for tokens in (python.data["whole"]["tokens"], python.answer["tokens"]))
    # What is positive and rounds to zero is said to be "below 0.01"; none of these is.
    np.testing.assert_allclose(change, now - before, rtol=0, atol=0.00501)
    texts = opened.locator(".clf-token").inner_text()
    assert f"{before:.2f} with all heads, {now:.2f} without the removed" in texts


def test_a_page_removes_heads_and_puts_them_back(open_figure, python):
    opened = open_figure(python)
    check(opened, python)
    tiles = opened.get_by_role("listbox", name="Heads")
    opened.get_by_role("button", name="Put all back").click()
    python.removed = []
    losses, change = shown(opened)
    np.testing.assert_allclose(losses, python.all_heads, rtol=0, atol=0.00501)
    assert change == 0 and opened.locator(".clf-tile[aria-selected=true]").count() == 0
    assert opened.locator(".clf-token").inner_text().endswith(" with all heads.")
    for head in (6, 1):
        tiles.get_by_role("option").nth(head).click()
        python.removed = [head]
        check(opened, python)
        assert opened.locator(".clf-tile[aria-selected=true]").inner_text().startswith(name(head))
        tiles.get_by_role("option").nth(head).click()
    assert "no head is removed" in opened.locator(".clf [aria-live=polite]").inner_text()


def test_several_heads_against_one_at_a_time(open_figure, python):
    opened = open_figure(python)
    opened.get_by_role("button", name="Put all back").click()
    pair = next(choice["removed"] for choice in python.foreseen() if len(choice["removed"]) == 2)
    for head in pair:
        opened.get_by_role("option").nth(head).click()
    python.removed = pair
    check(opened, python)
    together, alone = (signed(text) for text in opened.locator(".clf-together b").all_inner_texts())
    np.testing.assert_allclose(together, python.losses[1] - python.all_heads[1], rtol=0, atol=0.00501)
    np.testing.assert_allclose(alone, python.alone[1], rtol=0, atol=0.00501)
    said = opened.locator(".clf-losses p:nth-of-type(3)").inner_text()
    found = re.findall(r"(easier|harder) by ([\d.]+) nats", said)
    gains = [float(number) * (1 if how == "easier" else -1) for how, number in found]
    expected = [first - second for first, second in (python.losses, python.all_heads)]
    np.testing.assert_allclose(gains, expected, rtol=0, atol=0.00501)


@pytest.mark.parametrize(
    ("means", "words"),
    [([2.0, 1.2], "easier by 0.80"), ([2.0, 2.05], "harder by 0.05"), ([2.0, 2.001], "easier by 0.00")],
)
def test_a_second_copy_with_the_larger_loss_is_harder(mount, python, means, words):
    opened = mount(python)
    opened.evaluate(ANSWER, page.to_json(python.answer | {"means": means}))
    assert f"The second copy is {words} nats; with all heads it is " in opened.locator(".clf-losses").inner_text()


def test_an_unforeseen_set_waits_for_python_while_costs_stay(mount, python):
    opened = mount(python)
    tiles = opened.get_by_role("listbox", name="Heads")
    tiles.focus()
    for key in ("Control+Home", "Enter", "ArrowRight", "ArrowDown", " "):
        opened.keyboard.press(key)
    removed = sorted({*python.removed, 0, HEADS + 1})
    assert opened.evaluate("() => window.changes[0].at(-1)") == {"removed": removed}
    assert "Python is computing" in opened.locator(".clf-notice").inner_text()
    python.removed = removed
    opened.evaluate(ANSWER, page.to_json(python.answer))
    assert opened.locator(".clf-notice").inner_text().strip() == ""
    check(opened, python)


def test_heads_show_costs_and_roles(mount, python):
    opened = mount(python)
    for view in (*COSTS, *ROLES):
        opened.get_by_role("radio", name=view).click()
        numbers = [signed(text) for text in opened.locator(".clf-number").all_inner_texts()]
        expected = python.cost[..., COSTS.index(view)] if view in COSTS else python.role(view)
        np.testing.assert_allclose(numbers, expected.ravel(), rtol=0, atol=0.00501)
    opened.get_by_role("button", name="Put all back").click()
    roles = [int(python.role(role).argmax()) for role in ROLES]
    for head, role in zip(roles, ("back", "next"), strict=True):
        text = opened.get_by_role("option").nth(head).inner_text()
        assert role in text


def test_the_best_heads_of_each_role_are_named(mount, python):
    python.removed, python.data["best"] = [], [6, 1]
    words = mount(python).locator(".clf-role").all_inner_texts()
    assert words == ["", "next", "", "", "", "", "back", ""]


def test_a_page_shows_what_is_removed_and_hides_the_losses_that_it_lacks(open_figure, python):
    opened = open_figure(python)
    opened.get_by_role("button", name="Put all back").click()
    foreseen = [choice["removed"] for choice in python.foreseen()]
    pair = next(heads for heads in foreseen if len(heads) == 2)
    third = next(head for head in range(2 * HEADS) if head not in pair and sorted([*pair, head]) not in foreseen)
    for head in (*pair, third):
        opened.get_by_role("option").nth(head).click()
    assert opened.locator(".clf-tile[aria-selected=true]").count() == 3
    assert "Python computes them" in opened.locator(".clf-notice").inner_text()
    assert opened.get_by_text("these 2 heads").is_hidden() and opened.locator(".clf-losses").is_hidden()
    opened.get_by_role("option").nth(third).click()
    assert opened.get_by_text("these 2 heads").is_visible()


def test_some_layers_keep_their_numbers(open_figure, model):
    python = HeadAblation(model, torch.arange(7)[None] % 19, list("abcdefg"), layers=[1])
    opened = open_figure(python)
    tiles = opened.get_by_role("listbox", name="Heads").get_by_role("option")
    assert [text.split("\n")[0] for text in tiles.all_inner_texts()] == [f"L1 H{head}" for head in range(HEADS)]
    opened.get_by_role("button", name="Put all back").click()
    tiles.nth(2).click()
    python.removed_heads = [(1, 2)]
    check(opened, python)
