// Keyboard: the moves of a grid, and keys that a native control keeps for itself.

/** The cell to which a key leads in a grid (WAI-ARIA grid pattern), or null for a key that the grid does not use. */
export function gridMove(event, { row, column }, { rows, columns }) {
  if (event.altKey || event.metaKey || event.shiftKey) return null;
  const far = event.ctrlKey;
  const moves = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [far ? 0 : row, 0],
    End: [far ? rows - 1 : row, columns - 1],
    PageUp: [row - 10, column],
    PageDown: [row + 10, column],
  };
  if (!(event.key in moves) || (far && event.key !== "Home" && event.key !== "End")) return null;
  const inside = (value, size) => Math.max(0, Math.min(size - 1, value));
  const [toRow, toColumn] = moves[event.key];
  return { row: inside(toRow, rows), column: inside(toColumn, columns) };
}

/** Keep the keys that a native control uses from the notebook, where they are shortcuts. */
export function keepKeys(control) {
  const own = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown", " ", "Enter", "Escape"];
  control.addEventListener("keydown", (event) => {
    if (own.includes(event.key)) event.stopPropagation();
  });
}
