// Figure 4: all heads as small multiples, sorted by a score; two of them compared. Python makes all scores.

import { svg } from "./axes.js";
import { asNumber, counted, indices, largestOf, make, tokenText, unpack } from "./basics.js";
import { colourLegend, pixelsOf, signedColours, weightColours } from "./colours.js";
import { button, checkControl, numberTable, radioControl, wide } from "./controls.js";
import { figure } from "./figure.js";
import { headName, headTiles } from "./head_tiles.js";
import { heatMap } from "./heat_map.js";

const SLOTS = ["A", "B"];
const HELP = "A click or the arrow keys choose head A, a click or Enter with the Shift key head B.";

const TILES = { perRow: 6, narrowest: 82, high: 300, slide: 484 }; // pixels of all rows in sight
const MAP = { high: 330, beside: 700, gap: 4, frame: 6 }; // largest height; least width of three maps side by side; pixels between them, and around each

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose }) => {
    const weights = unpack(data.weights);
    const [layers, heads, n] = weights.shape;
    const values = (head) => weights.part(Math.floor(head / heads), head % heads);
    const seen = data.mask && unpack(data.mask).values;
    const scores = data.scores.map(({ name, values }) => ({ name, values: unpack(values).values }));
    const distances = unpack(data.distances);
    const places = data.orders.map(({ name }) => name);
    const nameOf = (head) => headName(head, heads, data.layers);

    const order = radioControl({ label: "Sort heads by", names: places, onChange: (i) => choose({ order: places[i] }) });
    const scaled = checkControl({ label: "Each row in units of its largest weight", onChange: (value) => choose({ scaled: value }) });
    const view = button("", () => choose({ compared: !state.compared }));
    const swap = button("Swap A and B", () => choose({ first: state.second, second: state.first }));
    const alike = button("B: the head most like A", () => choose({ second: nearestHead(distances, state.first) }));
    const pictures = galleryTiles(layers * heads, nameOf, n);
    const tiles = headTiles({
      count: layers * heads, perRow: TILES.perRow, narrowest: TILES.narrowest, label: "Heads", help: HELP,
      tile: (head) => pictures.tiles[head], onMove: (head) => choose({ first: head }),
      onPick: (head, other) => choose(other ? { second: head } : { first: head }),
    });
    tiles.element.style.maxHeight = `${TILES.high}px`;
    const legend = make("div");
    const gallery = make("div", {}, tiles.element, legend);
    const compared = comparison(data, seen, choose);
    const verdict = make("p", { class: "clf-distance" });
    const details = make("div", {}, verdict, compared.element);
    const table = wide("Scores of both heads");

    function showTiles() {
      const { order: name, first, second } = state;
      pictures.mark(first, second, scores.find((score) => score.name === name), data.stripes[name]);
      tiles.show({ order: data.orders[places.indexOf(name)].heads, current: first, selected: [first, second] });
      if (slide) tiles.wholeRows(TILES.slide);
    }

    function paintTiles() {
      pictures.paint(values, seen, n, state.scaled, weightColours(data));
      const label = state.scaled ? "weight / largest of its row" : "weight";
      const colours = colourLegend(weightColours(data), label, seen !== null);
      colours.append(pictures.stripeKey);
      legend.replaceChildren(colours);
    }

    function showNumbers() {
      const { first, second, query, key } = state;
      const at = query * n + key;
      const apart = `A, ${nameOf(first)}, and B, ${nameOf(second)}, have `;
      verdict.replaceChildren(apart, make("strong", {}, asNumber(distances.at(first, second), 2)), " of their weight on different keys.");
      if (!table.parentElement.open) return;
      const cell = (head) => (seen && !seen[at] ? "hidden" : asNumber(values(head)[at], 2));
      const row = (head, i) => [`${SLOTS[i]}, ${nameOf(head)}`, ...scores.map((score) => asNumber(score.values[head], 2)), cell(head)];
      const columns = ["head", ...scores.map(({ name }) => name), "weight of the cell"];
      table.replaceChildren(numberTable("Scores of both, and where the crosshair stands", columns, [first, second].map(row)));
    }

    function show(names) {
      order.show(places.indexOf(state.order));
      scaled.show(state.scaled);
      view.textContent = state.compared ? "Show all heads" : "Compare A and B";
      details.hidden = !state.compared;
      gallery.hidden = state.compared;
      if (names.includes("scaled")) paintTiles();
      if (["order", "first", "second"].some((name) => names.includes(name))) showTiles();
      if (state.compared) {
        const cell = { row: state.query, column: state.key };
        if (names.includes("compared")) compared.fit();
        if (["compared", "first", "second"].some((name) => names.includes(name))) compared.draw([state.first, state.second], values, nameOf, cell);
        else compared.place(cell);
      }
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
      controls: [order.element, scaled.element, make("div", { class: "clf-steps" }, view, swap, alike)],
      body: [gallery, details],
      details: [table],
      help: HELP,
      show, sentence,
      layout(width) {
        tiles.layout(width);
        compared.layout(width);
        if (!state.compared) return;
        compared.fit();
        compared.redraw();
      },
    };
  });
}

/** The head at the smallest distance from this one; of a model with one head, itself. */
function nearestHead(distances, head) {
  const others = indices(distances.shape[0]).filter((other) => other !== head);
  return others.reduce((best, other) => (distances.at(head, other) < distances.at(head, best) ? other : best), others[0] ?? head);
}

/** The content of all tiles: a small map, the name, the letter A or B of a compared head, and the score as a bar. */
function galleryTiles(count, nameOf, n) {
  const parts = counted(count).map((_, head) => {
    const canvas = make("canvas", { "aria-hidden": "true", class: "clf-data" });
    const outline = [svg("polygon", { class: "clf-under" }), svg("polygon", { class: "clf-over" })];
    const stripe = svg("svg", { class: "clf-stripe", viewBox: `0 0 ${n} ${n}`, "aria-hidden": "true" }, ...outline);
    const [badge, score] = [make("strong", { class: "clf-badge" }), make("span", {})];
    const bar = make("div", { class: "clf-bar clf-data", "aria-hidden": "true" });
    const name = make("div", { class: "clf-tile-name" }, make("span", {}, nameOf(head)), score);
    const element = make("div", {}, name, make("div", { class: "clf-tile-map" }, canvas, stripe, badge), bar);
    return { canvas, badge, score, bar, outline, element };
  });
  const stripeKey = make("span", { class: "clf-key clf-page-only" }, "outlined: where a head of the largest score has its weights");
  return {
    stripeKey,
    tiles: parts.map(({ element }) => element),
    mark(first, second, score, stripe) {
      const most = score ? largestOf(score.values) : 0;
      const points = stripe ? around(stripe, n) : "";
      stripeKey.hidden = !stripe;
      parts.forEach((part, head) => {
        part.badge.textContent = SLOTS.filter((_, i) => [first, second][i] === head).join(" ");
        part.score.textContent = score ? asNumber(score.values[head], 2) : "";
        part.bar.style.width = score ? `${(100 * Math.abs(score.values[head])) / (most || 1)}%` : "0";
        part.outline.forEach((each) => each.setAttribute("points", points));
      });
    },
    paint(values, seen, n, scaled, scale) {
      parts.forEach(({ canvas }, head) => paintSmall(canvas, values(head), seen, n, scaled, scale));
    },
  };
}

/** An outline, in units of cells, a little outside of the cells (query, query + offset) from the query `first` on. */
function around([offset, first], n) {
  const air = 0.8;
  const [left, right] = [first + offset, n - 1 + offset];
  return [
    [left, first - air], [left + 1, first - air], [right + 1 + air, n - 1], [right + 1 + air, n + 1], [right, n + air], [left - air, first + 1],
    [left - air, first],
  ].map((point) => point.join()).join(" ");
}

/** One pixel for each weight; hidden ones stay transparent, and the hatching under the canvas shows. */
function paintSmall(canvas, values, seen, n, scaled, scale) {
  const largest = counted(n).map((_, row) => largestOf(values.subarray(row * n, (row + 1) * n)) || 1);
  const shown = scaled ? values.map((value, i) => value / largest[Math.floor(i / n)]) : values;
  canvas.width = canvas.height = n;
  canvas.getContext("2d").putImageData(pixelsOf({ values: shown, seen, scale }, n), 0, 0);
}

/** Three large maps with one crosshair: A, B, and the difference A - B. */
function comparison(data, seen, choose) {
  const scales = [weightColours(data), weightColours(data), signedColours(data, 1)];
  const maps = ["Head A", "Head B", "Difference A − B"].map((label, i) => {
    const name = make("p", { class: "clf-compared-name" });
    const frame = make("div", { class: "clf-scroll" });
    const map = heatMap({
      rows: data.tokens, columns: data.tokens, scale: scales[i], label: `${label}, rows are queries`, height: MAP.high,
      onMove: (cell) => choose({ query: cell.row, key: cell.column }), room: () => frame.clientWidth - MAP.frame,
    });
    frame.append(name, map.element, ...(i === 2 ? [colourLegend(scales[2], "A − B", false)] : []));
    return { ...map, name, frame };
  });
  const element = make("div", { class: "clf-compared" }, ...maps.map(({ frame }) => frame));
  let fitted = false; // whether the maps fit the present width
  let room = 0;

  function fit() {
    if (fitted) return;
    if (room >= MAP.beside) columns();
    maps.forEach((map) => map.measure());
    maps.forEach((map) => map.fit());
    // Side by side, this map has no names of rows: it may take the whole width of its frame.
    element.classList.toggle("clf-fitting", maps[1].cell() * data.tokens.length <= maps[1].frame.clientWidth);
    fitted = true;
  }

  /** Make all three maps equally wide. The first column is wider, because the names of the rows stand there, too. */
  function columns() {
    const names = maps[0].element.querySelector(".clf-rows").offsetWidth + parseFloat(getComputedStyle(maps[0].element).columnGap);
    const side = (room - names - 2 * MAP.gap) / 3;
    element.style.gridTemplateColumns = `${names + side}px repeat(2, ${side}px)`;
  }

  return {
    element,
    layout(width) {
      room = width;
      fitted = false;
      element.classList.toggle("clf-abreast", room >= MAP.beside);
      element.style.gridTemplateColumns = "";
    },
    draw([first, second], values, nameOf, cell) {
      const [a, b] = [values(first), values(second)];
      [a, b, a.map((value, i) => value - b[i])].forEach((shown, i) => maps[i].draw({ values: shown, seen, ...cell }));
      [`A: ${nameOf(first)}`, `B: ${nameOf(second)}`, "A − B"].forEach((text, i) => (maps[i].name.textContent = text));
    },
    place: (cell) => maps.forEach((map) => map.place(cell)),
    fit,
    redraw: () => maps.forEach((map) => map.redraw()),
  };
}
