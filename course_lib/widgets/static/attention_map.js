// Figure 1: the attention-map explorer. Rows are queries, columns are keys.

const LARGEST_SHOWN = 6;
const PANEL = 300; // pixels that the readout takes where it stands beside the map, gap included

/** Views into the payload: weights and mask of one layer and head. */
function attentionData(data) {
  const [, heads, n, N] = data.shape;
  const weights = asFloats(data.weights);
  const mask = asBytes(data.mask);
  const plane = (array, layer, head, of) => array.subarray((layer * of + head) * n * N, (layer * of + head + 1) * n * N);
  return {
    values: (layer, head) => plane(weights, layer, head, heads),
    seen(layer, head) {
      if (mask === null) return null;
      const [layersOfMask, headsOfMask] = data.mask_shape;
      return plane(mask, Math.min(layer, layersOfMask - 1), Math.min(head, headsOfMask - 1), headsOfMask);
    },
  };
}

/** @returns {{update: (changes: object) => void, destroy: () => void}} the three hosts' handle on the figure */
function mount(el, initial, onChange) {
  const { data, ...chosen } = initial;
  const state = { ...chosen, hover: null };
  const id = uniqueName();
  const [layers, heads, n, N] = data.shape;
  const source = attentionData(data);
  const palette = asBytes(data.palette);
  const live = liveRegion();
  const layer = layerControl(layers, id, (value) => choose({ layer: value }));
  const head = headControl(heads, [n, N], palette, id, (value) => choose({ head: value }));
  const panel = readoutPanel(() => pin(null));
  const map = heatMap({
    rows: data.queries, columns: data.keys, palette, label: "Attention weights, rows are queries", describedBy: `${id}-keys`,
    onHover: (cell) => show({ hover: cell }),
    onMove: (cell) => choose({ query: cell.row, key: cell.column }),
    onPick(cell) {
      const again = state.pinned === cell.row && state.query === cell.row && state.key === cell.column;
      choose({ query: cell.row, key: cell.column, pinned: again ? null : cell.row });
    },
    onRelease: () => pin(null),
    room: () => body.clientWidth - (body.classList.contains("clf-beside") ? PANEL : 0) - 10,
  });
  const scroll = make("div", { class: "clf-scroll" }, map.element, colourScale(palette, "weight", data.mask !== null));
  const body = make("div", { class: "clf-body" }, scroll, panel.element);
  const help = make("p", { class: "clf-help", id: `${id}-keys` },
    "Arrow keys move the crosshair, Home and End to the ends of its row, with Ctrl to the corners. " +
    "A click or Enter pins the query, Escape unpins it.");
  const root = make("section", { class: "clf", dir: "ltr", "aria-label": data.title },
    make("p", { class: "clf-title", dir: "auto" }, data.title),
    make("div", { class: "clf-controls" }, layer.element, head.element),
    body, help, make("p", { class: "clf-caption", dir: "auto" }, data.caption), live.element);

  /** Reader's choice: shown, said, and told to the host when anything changed. */
  function choose(changes) {
    const news = Object.fromEntries(Object.entries(changes).filter(([name, value]) => state[name] !== value));
    show({ ...news, hover: null });
    say(news);
    if (Object.keys(news).length) onChange(news);
  }

  function pin(query) {
    if (state.pinned !== query) choose({ pinned: query });
  }

  function show(changes) {
    const other = ["layer", "head"].some((name) => name in changes && changes[name] !== state[name]);
    Object.assign(state, changes);
    if (other) draw();
    else place();
  }

  function current() {
    const cell = state.hover ?? { row: state.query, column: state.key };
    return { ...cell, pinned: state.pinned, values: source.values(state.layer, state.head), seen: source.seen(state.layer, state.head) };
  }

  function draw() {
    layer.show(state.layer);
    head.show(state.head, (i) => ({ values: source.values(state.layer, i), seen: source.seen(state.layer, i) }));
    map.draw(current());
    panel.show(current(), data);
  }

  function place() {
    map.place(current());
    panel.show(current(), data);
  }

  function say(news) {
    const { row, column, values, seen } = current();
    const at = row * N + column;
    const value = seen && !seen[at] ? "hidden by the mask" : asText(values[at], 2);
    const note = !("pinned" in news) ? "" : state.pinned === null ? ", unpinned" : ", pinned";
    const where = (layers > 1 ? `, layer ${state.layer}` : "") + `, head ${state.head}${note}`;
    live.say("query ", tokenText(data.queries[row]), ", key ", tokenText(data.keys[column]), `, ${value}${where}`);
  }

  el.append(root);
  const resized = new ResizeObserver(() => {
    body.classList.toggle("clf-beside", body.clientWidth >= PANEL + Math.max(400, 120 + 5 * N));
    map.layout();
  });
  resized.observe(body);
  const stopTheme = followTheme(root, () => draw());
  return {
    update: (changes) => show(changes),
    destroy() {
      stopTheme();
      resized.disconnect();
      root.remove();
    },
  };
}

/** A labelled native list of the layers; with one layer only its name. */
function layerControl(layers, id, onChoose) {
  const select = make("select", { id: `${id}-layer` }, ...Array.from({ length: layers }, (_, i) => make("option", { value: i }, String(i))));
  select.addEventListener("change", () => onChoose(Number(select.value)));
  keepKeys(select);
  const element = make("div", { class: "clf-layer" }, make("label", { for: `${id}-layer` }, "Layer"), select);
  element.hidden = layers === 1;
  return { element, show: (layer) => (select.value = String(layer)) };
}

/** One native radio button for each head, labelled, with its map in small. */
function headControl(heads, [rows, columns], palette, id, onChoose) {
  const size = { rows, columns };
  const items = Array.from({ length: heads }, (_, i) => {
    const input = make("input", { type: "radio", name: `${id}-head`, value: i });
    const canvas = make("canvas", { width: columns, height: rows, "aria-hidden": "true" });
    input.addEventListener("change", () => onChoose(i));
    return { input, canvas, element: make("label", { class: "clf-head" }, input, canvas, make("span", {}, `head ${i}`)) };
  });
  const element = make("fieldset", { class: "clf-heads" }, make("legend", {}, "Head"), ...items.map((item) => item.element));
  keepKeys(element);
  return {
    element,
    show(head, plane) {
      items.forEach(({ input, canvas }, i) => {
        input.checked = i === head;
        const context = canvas.getContext("2d");
        context.clearRect(0, 0, columns, rows);
        paint(context, plane(i), size, palette, 1, null);
      });
    },
  };
}

/** The exact value under the crosshair, and the largest weights of the pinned or current query. */
function readoutPanel(onUnpin) {
  const value = make("p", { class: "clf-value" });
  const heading = make("p", { class: "clf-of" });
  const list = make("ol", { class: "clf-bars" });
  const unpin = make("button", { type: "button", class: "clf-unpin" }, "Unpin");
  unpin.addEventListener("click", onUnpin);
  keepKeys(unpin);

  function show({ row, column, pinned, values, seen }, { queries, keys }) {
    const at = row * keys.length + column;
    const text = seen && !seen[at] ? "hidden" : asText(values[at], 4);
    value.replaceChildren(make("strong", {}, text), make("span", {}, tokenText(queries[row]), " → ", tokenText(keys[column])));
    const of = pinned ?? row;
    const rest = largest(values, seen, of, keys.length);
    const what = rest.length ? " looks most at" : " sees no key";
    heading.replaceChildren(pinned === null ? "" : "Pinned: ", tokenText(queries[of]), what);
    list.replaceChildren(...rest.map((j) => bar(keys, j, values[of * keys.length + j])));
    unpin.hidden = pinned === null;
  }
  return { element: make("div", { class: "clf-panel" }, value, heading, list, unpin), show };
}

/** Keys of the largest weights in a row, in order; hidden ones are left out. */
function largest(values, seen, row, columns) {
  const at = (j) => row * columns + j;
  return Array.from({ length: columns }, (_, j) => j)
    .filter((j) => !seen || seen[at(j)])
    .sort((a, b) => values[at(b)] - values[at(a)] || a - b)
    .slice(0, LARGEST_SHOWN);
}

/** A key and its weight; a token that occurs more than once is told apart by its place. */
function bar(keys, j, weight) {
  const fill = make("span", { class: "clf-fill" });
  fill.style.width = `${100 * weight}%`;
  const repeated = keys.indexOf(keys[j]) !== keys.lastIndexOf(keys[j]);
  return make("li", {}, make("span", {}, tokenText(keys[j]), repeated ? ` (${j})` : ""), make("span", { class: "clf-track" }, fill), make("span", { class: "clf-number" }, asText(weight, 3)));
}
