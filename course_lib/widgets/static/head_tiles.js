// Heads as tiles, in any order and some of them selected. Together they are one tab stop, a WAI-ARIA listbox.

import { counted, equal, make, uniqueName } from "./basics.js";
import { gridMove } from "./keys.js";

const TILE = { widest: 150, gap: 6 };

/** The name of a head that is counted through the layers shown: "L1 H3". `layers`: the numbers of these layers. */
export function headName(head, heads, layers) {
  return `L${layers[Math.floor(head / heads)]} H${head % heads}`;
}

/**
 * @param {{count: number, perRow: number, narrowest: number, label: string, help: string, tile: (head: number) => HTMLElement,
 *   onMove: (head: number) => void, onPick: (head: number, shifted: boolean) => void}} options
 *   `tile` makes the content of a head's tile and is called once for each; `narrowest` is a tile's least width in
 *   pixels. An arrow key calls onMove; a click, Enter or Space calls onPick.
 * `show({order, current, selected})`: the heads in the order shown, the one from which arrow keys move, those selected.
 */
export function headTiles({ count, perRow, narrowest, label, help, tile, onMove, onPick }) {
  const id = uniqueName();
  const tiles = counted(count).map((_, head) => {
    const element = make("div", { role: "option", id: `${id}-${head}`, class: "clf-tile clf-data", "aria-selected": "false" }, tile(head));
    element.addEventListener("click", (event) => onPick(head, event.shiftKey));
    return element;
  });
  const element = make("div", {
    role: "listbox", tabindex: "0", class: "clf-tiles", "aria-multiselectable": "true", "aria-label": label, "aria-description": help,
  });
  let shown = { order: [], current: 0, selected: [] };
  let columns = perRow;

  element.addEventListener("keydown", (event) => {
    const at = shown.order.indexOf(shown.current);
    const size = { rows: Math.ceil(count / columns), columns };
    const to = gridMove(event, { row: Math.floor(at / columns), column: at % columns }, size);
    if (to) onMove(shown.order[Math.min(count - 1, to.row * columns + to.column)]);
    else if (event.key === "Enter" || event.key === " ") onPick(shown.current, event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** Scroll the box, but not the page, until a tile is visible. */
  function reveal(each) {
    const below = each.offsetTop + each.offsetHeight - element.offsetTop - element.clientHeight;
    element.scrollTop = Math.max(below, Math.min(element.scrollTop, each.offsetTop - element.offsetTop));
  }

  return {
    element,
    /** Limit the box to as many whole rows as fit into this height. */
    wholeRows(height) {
      const row = tiles[0].offsetHeight + TILE.gap;
      element.style.maxHeight = `${Math.max(1, Math.floor((height + TILE.gap) / row)) * row - TILE.gap}px`;
    },
    show(news) {
      if (!equal(news.order, shown.order)) element.replaceChildren(...news.order.map((head) => tiles[head]));
      shown = news;
      reveal(tiles[news.current]);
      element.setAttribute("aria-activedescendant", `${id}-${news.current}`);
      tiles.forEach((each, head) => {
        each.classList.toggle("clf-current", head === news.current);
        each.setAttribute("aria-selected", news.selected.includes(head));
      });
    },
    layout(width) {
      columns = Math.max(1, Math.min(perRow, Math.floor((width + TILE.gap) / (narrowest + TILE.gap))));
      element.style.gridTemplateColumns = `repeat(${columns}, minmax(0, ${TILE.widest}px))`;
    },
  };
}
