// Figure 5: what heads do and cost, and the losses without the removed heads. Python makes all numbers.

import { asChange, asNumber, counted, indices, largestOf, make, tokenText, unpack } from "./basics.js";
import { colourLegend, signedColours, weightColours } from "./colours.js";
import { button, radioControl } from "./controls.js";
import { figure } from "./figure.js";
import { headName, headTiles } from "./head_tiles.js";
import { heatMap } from "./heat_map.js";

const COPY_NAMES = ["first copy", "second copy"];
const ROLE_NAMES = ["looks back", "came next"];
const SHORT = { roles: ["back", "next"], removed: "off" }; // the words that fit into a tile
const TILES = { page: { narrowest: 52, high: 286, alone: 400 }, slide: { narrowest: 96, high: 384, alone: 384 } }; // pixels
const TOKENS = 56; // pixels of the map of tokens
const BESIDE = { from: 700, share: 0.64, gap: 24 }; // from this width on losses stand beside heads, as in the style sheet

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose }) => {
    const [layers, heads] = data.shape;
    const views = data.views.map(({ name, values }) => ({ name, values: unpack(values).values }));
    const before = unpack(data.whole.tokens);
    const nameOf = (head) => headName(head, heads, data.layers);
    const sizes = slide ? TILES.slide : TILES.page;
    const first = state.removed[0] ?? 0;
    let current = first; // the head from which the arrow keys move
    let drawn = null; // the answer that the map shows

    const view = radioControl({
      label: "Heads show", names: views.map(({ name }) => name), onChange: (i) => choose({ view: views[i].name }),
    });
    const remove = (removed) => choose({ removed });
    const presets = [
      button("Put all back", () => remove([])),
      ...data.best.map((head, i) => button(`Only ${nameOf(head)} removed: ${ROLE_NAMES[i]}`, () => remove([head]))),
    ];
    const contents = ablationTiles(layers * heads, nameOf, data.best);
    const tiles = headTiles({
      count: layers * heads, perRow: heads, narrowest: sizes.narrowest, label: "Heads, selected ones are removed",
      tile: (head) => contents.tiles[head],
      help: "Arrow keys move, Enter or Space removes the head or puts it back.",
      onMove: (head) => { current = head; showTiles(); },
      onPick: (head) => { current = head; remove(toggled(state.removed, head)); },
    });
    const legend = make("div");
    const readout = make("div", { class: "clf-losses", role: "status" });
    const token = make("p", { class: "clf-token clf-page-only" });
    const note = make("div", { class: "clf-page-only" }); // stands above the map that it explains
    const map = heatMap({
      rows: COPY_NAMES, columns: data.tokens, scale: signedColours(data, 1), axes: ["copy", "token"],
      label: "Change in the loss of each token of the first piece",
      height: TOKENS,
      onMove: (cell) => choose({ copy: cell.row, position: cell.column }), room: () => tokens.clientWidth - 12,
    });
    const tokens = make("div", { class: "clf-scroll clf-short-labels" }, map.element);

    function showTiles() {
      const shown = views.find(({ name }) => name === state.view);
      contents.show(shown.values, tileScale(data, views, shown), state.removed);
      tiles.show({ order: indices(layers * heads), current, selected: state.removed });
    }

    function showAnswer() {
      drawn = state.answer;
      const now = unpack(drawn.tokens);
      const change = now.values.map((value, i) => value - before.values[i]);
      const scale = signedColours(data, Math.max(1, largestOf(change)));
      readout.replaceChildren(...losses(data.whole.means, drawn, drawn.for[0].length));
      map.draw({ values: change, seen: null, row: state.copy, column: state.position, scale });
      note.replaceChildren(colourLegend(scale, "rise of the loss", false, 1));
    }

    function tokenLosses() {
      const [was, is] = [before, unpack(state.answer.tokens)].map((array) => asNumber(array.at(state.copy, state.position), 2));
      const without = state.answer.for[0].length ? `, ${is} without the removed` : "";
      const where = ` (${COPY_NAMES[state.copy]}): ${was} with all heads${without}.`;
      return ["Loss of ", tokenText(data.tokens[state.position]), where];
    }

    function show(names) {
      view.show(views.findIndex(({ name }) => name === state.view));
      if (names.includes("view")) {
        const shown = views.find(({ name }) => name === state.view);
        const scale = tileScale(data, views, shown);
        const cost = scale.low < 0;
        legend.replaceChildren(colourLegend(scale, cost ? `${shown.name}, nats` : `mean weight ${shown.name}`, false, cost ? 2 : 0));
      }
      if (names.includes("view") || names.includes("removed")) showTiles();
      if (state.answer !== drawn) showAnswer();
      else map.place({ row: state.copy, column: state.position });
      token.replaceChildren(...tokenLosses());
    }

    function sentence(names) {
      if (names.includes("copy") || names.includes("position")) return tokenLosses();
      if (names.includes("view")) return [`heads show ${state.view}`];
      return [state.removed.length ? `removed: ${state.removed.map(nameOf).join(", ")}` : "no head is removed"];
    }

    return {
      controls: [view.element, make("div", { class: "clf-steps" }, ...presets)],
      body: [
        make("div", { class: "clf-ablation" },
          make("div", {}, tiles.element, legend), make("div", { class: "clf-answered clf-beside-heads" }, readout, token, note)),
        make("div", { class: "clf-answered clf-page-only" }, tokens),
      ],
      help: "Click a head, or press Enter on it, to remove it or to put it back.",
      show, sentence,
      reset: () => (current = first),
      layout(room) {
        const beside = room >= BESIDE.from;
        tiles.element.style.maxHeight = `${beside ? sizes.high : sizes.alone}px`;
        tiles.layout(beside && !slide ? (room - BESIDE.gap) * BESIDE.share : room);
        map.layout();
      },
    };
  });
}

/** The list of removed heads with this head added, or taken out if it was there; sorted. */
function toggled(removed, head) {
  return removed.includes(head) ? removed.filter((other) => other !== head) : [...removed, head].sort((a, b) => a - b);
}

/** The colour scale of a view: one signed scale for all costs, and [0, 1] for mean weights. */
function tileScale(data, views, { name }) {
  const costs = views.slice(0, COPY_NAMES.length);
  if (!costs.some((cost) => cost.name === name)) return weightColours(data);
  return signedColours(data, Math.max(...costs.map(({ values }) => largestOf(values))));
}

/** The content of all tiles: name, the number shown, and the head's role, or that it is removed. */
function ablationTiles(count, nameOf, best) {
  const parts = counted(count).map((_, head) => {
    const [number, role] = [make("div", { class: "clf-number clf-data" }), make("div", { class: "clf-role" })];
    return { number, role, element: make("div", {}, make("div", { class: "clf-tile-name" }, nameOf(head)), number, role) };
  });
  const roleOf = (head) => SHORT.roles.filter((_, i) => best[i] === head).join(", ");
  return {
    tiles: parts.map(({ element }) => element),
    show(values, scale, removed) {
      parts.forEach(({ number, role, element }, head) => {
        number.textContent = asNumber(values[head], 2);
        Object.assign(number.style, { background: scale.css(values[head]), color: scale.ink(values[head]) });
        element.classList.toggle("clf-removed", removed.includes(head));
        role.textContent = removed.includes(head) ? SHORT.removed : roleOf(head);
      });
    },
  };
}

/** The second copy's loss against the first one's: "easier by 0.98 nats", "harder by 0.05 nats". */
function compared([first, second]) {
  const by = asNumber(Math.abs(first - second), 2);
  return [`${first < second && Number(by) > 0 ? "harder" : "easier"} by `, make("b", {}, by), " nats"];
}

/** The losses in words: their values and changes, the gain by repetition, and several heads against each alone. */
function losses(whole, { means, alone }, removed) {
  const line = (i) => {
    const change = removed ? ` (${asChange(means[i] - whole[i], 2)})` : "";
    return make("p", {}, make("strong", {}, asNumber(means[i], 2)), ` nats on the ${COPY_NAMES[i]}${change}`);
  };
  const against = removed ? ["; with all heads it is ", ...compared(whole)] : [];
  const worth = make("p", {}, "The second copy is ", ...compared(means), ...against, ".");
  if (removed < 2) return [line(0), line(1), worth];
  const [together, sum] = [means[1] - whole[1], alone[1]].map((value) => make("b", {}, asChange(value, 2)));
  const told = [`On the second copy these ${removed} heads cost `, together, " together; one at a time, in sum, ", sum, "."];
  return [line(0), line(1), worth, make("p", { class: "clf-together" }, ...told)];
}
