// Figure 1: explore attention maps. Rows are queries, columns are keys.

import { asText, counted, indices, largestAt, make, tokenAt, tokenText, unpack } from "./basics.js";
import { colourLegend, pixelsOf, weightColours } from "./colours.js";
import { button, radioControl, selectControl } from "./controls.js";
import { figure } from "./figure.js";
import { heatMap } from "./heat_map.js";

const LARGEST_SHOWN = 6;
const SENTENCE = { page: 32, slide: 14 }; // the longest texts, in tokens, that also stand as a sentence
const HELP = "Arrow keys move the crosshair, Home and End along its row. A click or Enter pins the query, Escape unpins it.";
const PANEL = 300; // pixels that the readout takes beside the map, gap included
const ROW = 11; // pixels of the map's largest height for each query, within the limits of HEIGHT
const HEIGHT = { least: 270, most: 620 };
const SCREEN = { page: 364, slide: 456 }; // pixels for sentence, labels and map where the readout stands beside them

/** Values and mask of one layer and head. A mask may be shared by all heads or layers. */
function planes(data) {
  const weights = unpack(data.weights);
  const mask = data.mask && unpack(data.mask);
  const last = (i, size) => Math.min(i, size - 1);
  return (layer, head) => ({
    values: weights.part(layer, head),
    seen: mask && mask.part(last(layer, mask.shape[0]), last(head, mask.shape[1])),
  });
}

export function mount(el, initial, onChange) {
  return figure(el, initial, onChange, ({ data, state, slide, choose }) => {
    const [layers, heads, n, N] = data.weights.shape;
    const plane = planes(data);
    const scale = weightColours(data);
    let hover = null; // the cell under the pointer: its value is shown, but it is not chosen
    const pick = (changes) => {
      hover = null;
      choose(changes);
    };
    const layer = selectControl({ label: "Layer", names: counted(layers), onChange: (value) => pick({ layer: value, picked: null }) });
    layer.element.hidden = layers === 1;
    const pictures = counted(heads).map(() => make("canvas", { width: N, height: n, "aria-hidden": "true" }));
    const head = radioControl({ label: "Head", names: counted(heads), faces: pictures, onChange: (value) => pick({ head: value, picked: null }) });
    const sentence = weighedSentence(data, scale, slide ? SENTENCE.slide : SENTENCE.page);
    const panel = readoutPanel(() => state.pinned !== null && pick({ pinned: null }));
    const map = heatMap({
      rows: data.queries, columns: data.keys, scale, label: "Attention weights, rows are queries", help: HELP,
      height(labels) {
        const most = Math.max(HEIGHT.least, Math.min(HEIGHT.most, ROW * n));
        if (!isBeside()) return most;
        const rest = (slide ? SCREEN.slide : SCREEN.page) - sentence.element.offsetHeight - labels;
        return slide ? rest : Math.min(most, rest);
      },
      onHover(cell) {
        hover = cell;
        place();
      },
      onMove: (cell) => pick({ query: cell.row, picked: cell.column }),
      onPick(cell) {
        const again = state.pinned === cell.row && state.query === cell.row && current().column === cell.column;
        pick({ query: cell.row, picked: cell.column, pinned: again ? null : cell.row });
      },
      onRelease: () => state.pinned !== null && pick({ pinned: null }),
      room: () => beside.clientWidth - (isBeside() ? PANEL : 0) - 10,
    });
    const scroll = make("div", { class: "clf-scroll" }, map.element, colourLegend(scale, "weight", data.mask !== null));
    const beside = make("div", { class: "clf-explorer" }, scroll, panel.element);
    const isBeside = () => beside.classList.contains("clf-beside");

    /** The cell whose value is shown: under the pointer, or else chosen (the row's strongest if no key is picked). */
    function current() {
      const shown = plane(state.layer, state.head);
      const strongest = () => largest(shown, state.query, N, 1)[0] ?? 0;
      const cell = hover ?? { row: state.query, column: state.picked ?? strongest() };
      return { ...cell, ...shown, pinned: state.pinned, of: state.pinned ?? cell.row };
    }

    function drawPictures() {
      pictures.forEach((canvas, i) => {
        canvas.getContext("2d").putImageData(pixelsOf({ ...plane(state.layer, i), scale }, N), 0, 0);
      });
    }

    function place() {
      const now = current();
      map.place(now);
      sentence.show(now);
      panel.show(now, data);
    }

    function said(names) {
      const { row, column, values, seen } = current();
      const at = row * N + column;
      const value = seen && !seen[at] ? "hidden by the mask" : asText(values[at], 2);
      const note = !names.includes("pinned") ? "" : state.pinned === null ? ", unpinned" : ", pinned";
      const where = (layers > 1 ? `, layer ${state.layer}` : "") + `, head ${state.head}${note}`;
      return ["query ", tokenText(data.queries[row]), ", key ", tokenText(data.keys[column]), `, ${value}${where}`];
    }

    return {
      controls: [layer.element, head.element],
      body: [sentence.element, beside],
      help: HELP,
      show(names) {
        if (names.includes("layer")) drawPictures();
        layer.show(state.layer);
        head.show(state.head);
        if (names.includes("layer") || names.includes("head")) map.draw(current());
        place();
      },
      layout(width) {
        beside.classList.toggle("clf-beside", width >= PANEL + Math.max(400, 120 + 5 * N));
        sentence.show(current()); // first, since the map's height depends on the sentence's
        map.layout();
      },
      sentence: said,
    };
  });
}

/** The keys as a sentence, each on the colour of its weight for the current query; hidden for a long text. */
function weighedSentence({ queries, keys }, scale, longest) {
  const query = make("strong");
  const words = keys.map((key) => make("bdi", { class: "clf-data clf-word" }, key));
  const text = words.flatMap((word) => [word, " "]);
  const element = make("p", { class: "clf-sentence" }, query, " looks at ", ...text);
  element.hidden = keys.length > longest;
  return {
    element,
    show({ of, column, values, seen }) {
      query.replaceChildren(tokenText(queries[of]));
      words.forEach((word, j) => {
        const at = of * keys.length + j;
        const hidden = seen && !seen[at];
        word.classList.toggle("clf-hidden", Boolean(hidden));
        word.classList.toggle("clf-current", j === column);
        Object.assign(word.style, hidden ? { background: "", color: "" } : { background: scale.css(values[at]), color: scale.ink(values[at]) });
      });
    },
  };
}

/** The exact value under the crosshair, and the largest weights of the pinned or current query. */
function readoutPanel(onUnpin) {
  const value = make("p", { class: "clf-value" });
  const heading = make("p", { class: "clf-of" });
  const list = make("ol", { class: "clf-bars" });
  const unpin = button("Unpin", onUnpin);

  function show({ row, column, of, pinned, values, seen }, { queries, keys }) {
    const at = row * keys.length + column;
    const text = seen && !seen[at] ? "hidden" : asText(values[at], 4);
    value.replaceChildren(make("span", {}, tokenText(queries[row]), " → ", tokenText(keys[column])), make("strong", {}, text));
    const rest = largest({ values, seen }, of, keys.length, LARGEST_SHOWN);
    const what = rest.length ? " looks most at" : " sees no key";
    heading.replaceChildren(pinned === null ? "" : "Pinned: ", tokenText(queries[of]), what);
    list.replaceChildren(...rest.map((j) => bar(keys, j, values[of * keys.length + j])));
    unpin.setAttribute("aria-disabled", pinned === null);
  }
  return { element: make("div", { class: "clf-panel" }, value, heading, list, unpin), show };
}

/** The keys with the largest weights in a row, largest first; hidden keys are left out. */
function largest({ values, seen }, row, columns, count) {
  const ofRow = (plane) => plane.subarray(row * columns, (row + 1) * columns);
  const visible = indices(columns).filter((j) => !seen || ofRow(seen)[j]);
  return largestAt(ofRow(values), visible, count);
}

/** A list item with a key, its weight as a bar, and as a number. */
function bar(keys, j, weight) {
  const fill = make("span", { class: "clf-fill clf-data" });
  fill.style.width = `${100 * weight}%`;
  const number = make("span", { class: "clf-number" }, asText(weight, 3).replace("below ", "< "));
  return make("li", {}, tokenAt(keys, j), make("span", { class: "clf-track" }, fill), number);
}
