"""A plot in Chromium and the one in the twin: drawn from one description, they say the same."""

import pytest

from course_lib import widgets

pytestmark = pytest.mark.browser

PLOTTED = (
    "CacheGrowth",
    "DecodeStepper",
    "HeadSharing",
    "LatentRanks",
    "LowRankHeads",
    "RotaryClocks",
    "SoftmaxTemperature",
)
# Of each plot in sight: the names of its axes, its ticks, and its legend or the names of its lines.
SAID = """() => Object.fromEntries([...document.querySelectorAll(".clf-plot")].map((plot) => {
  const texts = (root, selector) => [...root.querySelectorAll(selector)].map((e) => e.textContent);
  const legend = plot.nextElementSibling.hidden ? [] : texts(plot.nextElementSibling, ".clf-key");
  const [ticks, axes] = [texts(plot, "text:not([class])"), texts(plot, ".clf-name")];
  return [plot.ariaLabel, { axes: axes.join(" "), legend, ticks }];
}))"""


@pytest.mark.parametrize("name", PLOTTED)
def test_a_plot_and_its_twin_have_the_same_names(name, mount, tokens):
    figure = getattr(widgets, name).example(tokens)
    described = figure.data["plots"].values() if "plots" in figure.data else [figure.data["plot"]]
    twins = {(ax.get_xlabel(), ax.get_ylabel()): ax for ax in figure.drawing().axes}
    said = mount(figure).evaluate(SAID)
    assert list(said) == [plot["label"] for plot in described]
    for plot in described:
        x, y = plot["x"]["label"], plot["y"]["label"]
        seen = said[plot["label"]]
        assert seen["axes"] == f"{x} {y}"
        assert set(plot["x"].get("texts", [])) <= set(seen["ticks"])
        twin = twins.get((x, y)) or twins["KV heads g: cache per token", y]  # which has room for more
        if seen["legend"]:
            _, names = twin.get_legend_handles_labels()
            assert sorted(names) == sorted(seen["legend"]) and len(twin.get_legend().get_texts()) == len(names)
