// Figure 4: all heads as small multiples, sorted by a score; two of them compared. All scores are Python's.

import { asNumber, counted, indices, largestOf, make, tokenText, unpack } from "./basics.js";
import { colourLegend, pixelsOf, signedColours, weightColours } from "./colours.js";
import { button, checkControl, numberTable, radioControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { headName, headTiles } from "./head_tiles.js";
import { heatMap } from "./heat_map.js";

const SLOTS = ["A", "B"];

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, choose }) => {
    const weights = unpack(data.weights);
    const [layers, heads, n] = weights.shape;
    const values = (head) => weights.part(Math.floor(head / heads), head % heads);
    const seen = data.mask && unpack(data.mask).values;
    const scores = data.scores.map(({ name, values }) => ({ name, values: unpack(values).values }));
    const distances = unpack(data.distances);
    const places = data.orders.map(({ name }) => name);
    const nameOf = (head) => headName(head, heads, data.layers);
    let slot = 0; // which of the two heads the tiles choose

    const order = radioControl({ label: "Sort heads by", names: places, onChange: (i) => choose({ order: places[i] }) });
    const slots = radioControl({
      label: "Click or arrows choose", names: SLOTS.map((name) => `head ${name}`),
      onChange: (i) => { slot = i; showTiles(); },
    });
    const scaled = checkControl({ label: "Each row in units of its largest weight", onChange: (value) => choose({ scaled: value }) });
    const alike = button("Make B the head most like A", () => choose({ second: nearestHead(distances, state.first) }));
    const take = (head) => choose(slot ? { second: head } : { first: head });
    const pictures = galleryTiles(layers * heads, nameOf);
    const tiles = headTiles({
      count: layers * heads, perRow: Math.max(8, heads), narrowest: 74, label: "Heads",
      tile: (head) => pictures.tiles[head], onMove: take, onPick: take,
      help: "Arrow keys choose the head; the buttons above say which of the two it becomes.",
    });
    const legend = make("div");
    const compared = comparison(data, seen, choose);
    const verdict = make("p", { class: "clf-distance" });
    const table = wide("Scores of both heads");

    function showTiles() {
      const { order: name, first, second } = state;
      slots.show(slot);
      pictures.mark(first, second, scores.find((score) => score.name === name));
      tiles.show({ order: data.orders[places.indexOf(name)].heads, current: slot ? second : first, selected: [first, second] });
    }

    function showNumbers() {
      const { first, second, query, key } = state;
      const at = query * n + key;
      const cell = (head) => (seen && !seen[at] ? "hidden" : asNumber(values(head)[at], 2));
      const row = (head, i) => [`${SLOTS[i]}, ${nameOf(head)}`, ...scores.map((score) => asNumber(score.values[head], 2)), cell(head)];
      const columns = ["head", ...scores.map(({ name }) => name), "weight of the cell"];
      table.replaceChildren(numberTable("Scores of both, and where the crosshair stands", columns, [first, second].map(row)));
      verdict.replaceChildren(make("strong", {}, asNumber(distances.at(first, second), 2)), " of their weight lies on different keys.");
    }

    function show(names) {
      order.show(places.indexOf(state.order));
      scaled.show(state.scaled);
      if (names.includes("scaled")) {
        pictures.paint(values, seen, n, state.scaled, weightColours(data));
        const label = state.scaled ? "small maps: weight / largest of its row" : "weight";
        legend.replaceChildren(colourLegend(weightColours(data), label, seen !== null));
      }
      if (["order", "first", "second"].some((name) => names.includes(name))) showTiles();
      const cell = { row: state.query, column: state.key };
      if (names.includes("first") || names.includes("second")) compared.draw([state.first, state.second], values, nameOf, cell);
      else compared.place(cell);
      showNumbers();
    }

    function sentence(names) {
      const { first, second, query, key } = state;
      const at = query * n + key;
      if (names.includes("query") || names.includes("key")) {
        const hidden = seen && !seen[at];
        const weight = (head, i) => `${SLOTS[i]} ${asNumber(values(head)[at], 2)}`;
        const both = hidden ? "hidden by the mask" : [first, second].map(weight).join(", ");
        return ["query ", tokenText(data.tokens[query]), ", key ", tokenText(data.tokens[key]), `: ${both}`];
      }
      const score = scores.find(({ name }) => name === state.order);
      const described = (head) => nameOf(head) + (score ? ` ${asNumber(score.values[head], 2)}` : "");
      const pair = `head A ${described(first)}, head B ${described(second)}, distance ${asNumber(distances.at(first, second), 2)}`;
      return [names.includes("order") ? `sorted by ${state.order}; ${pair}` : pair];
    }

    return {
      controls: [order.element, slots.element, scaled.element, alike],
      body: [tiles.element, legend, make("div", { class: "clf-verdict-line" }, verdict, table), compared.element],
      help: "Click a small map, or walk through them with the arrow keys. In the large maps a cell is chosen in all three at once.",
      show, sentence,
      layout(width) {
        tiles.layout(width);
        compared.layout();
      },
    };
  });
}

/** The head at the smallest distance from this one; of a model with one head, itself. */
function nearestHead(distances, head) {
  const others = indices(distances.shape[0]).filter((other) => other !== head);
  return others.reduce((best, other) => (distances.at(head, other) < distances.at(head, best) ? other : best), others[0] ?? head);
}

/** The content of all tiles: a small map, the name, which slot it is in, and a bar with its score. */
function galleryTiles(count, nameOf) {
  const parts = counted(count).map((_, head) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const [badge, score] = [make("b", { class: "clf-badge" }), make("span", {})];
    const bar = make("div", { class: "clf-bar", "aria-hidden": "true" });
    const name = make("div", { class: "clf-tile-name" }, make("span", {}, nameOf(head)), score);
    return { canvas, badge, score, bar, element: make("div", {}, name, canvas, badge, bar) };
  });
  return {
    tiles: parts.map(({ element }) => element),
    mark(first, second, score) {
      const most = score ? largestOf(score.values) : 0;
      parts.forEach((part, head) => {
        part.badge.textContent = SLOTS.filter((_, i) => [first, second][i] === head).join(" ");
        part.score.textContent = score ? asNumber(score.values[head], 2) : "";
        part.bar.style.width = score ? `${(100 * Math.abs(score.values[head])) / (most || 1)}%` : "0";
      });
    },
    paint(values, seen, n, scaled, scale) {
      parts.forEach(({ canvas }, head) => paintSmall(canvas, values(head), seen, n, scaled, scale));
    },
  };
}

/** One pixel for each weight; hidden ones stay transparent, and the hatching under the canvas shows. */
function paintSmall(canvas, values, seen, n, scaled, scale) {
  const largest = counted(n).map((_, row) => largestOf(values.subarray(row * n, (row + 1) * n)) || 1);
  const shown = scaled ? values.map((value, i) => value / largest[Math.floor(i / n)]) : values;
  canvas.width = canvas.height = n;
  canvas.getContext("2d").putImageData(pixelsOf({ values: shown, seen, scale }, n), 0, 0);
}

/** Three large maps with one crosshair: A, B, and what A has more than B. */
function comparison(data, seen, choose) {
  const scales = [weightColours(data), weightColours(data), signedColours(data, 1)];
  const maps = ["Head A", "Head B", "Difference A − B"].map((label, i) => {
    const name = make("p", { class: "clf-matrix-name" });
    const frame = make("div", { class: "clf-scroll" });
    const map = heatMap({
      rows: data.tokens, columns: data.tokens, scale: scales[i], label: `${label}, rows are queries`, height: 480,
      onMove: (cell) => choose({ query: cell.row, key: cell.column }), room: () => frame.clientWidth - 12,
    });
    frame.append(name, map.element, ...(i === 2 ? [colourLegend(scales[2], "A − B", false)] : []));
    return { ...map, name, frame };
  });
  return {
    element: make("div", { class: "clf-compared" }, ...maps.map(({ frame }) => frame)),
    draw([first, second], values, nameOf, cell) {
      const [a, b] = [values(first), values(second)];
      [a, b, a.map((value, i) => value - b[i])].forEach((shown, i) => maps[i].draw({ values: shown, seen, ...cell }));
      [`A: ${nameOf(first)}`, `B: ${nameOf(second)}`, "A − B"].forEach((text, i) => (maps[i].name.textContent = text));
    },
    place: (cell) => maps.forEach((map) => map.place(cell)),
    layout: () => maps.forEach((map) => map.layout()),
  };
}
