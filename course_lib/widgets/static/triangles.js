// Causal weights of heads, which Python sends as lower triangles of bytes, and pictures of them.

import { indices, largestAt, make } from "./basics.js";

/** The weights of one head, as bytes: the lower triangle, row by row. */
export function triangleOf({ maps }, { counts }, { way, step, layer, head }) {
  return maps.part(step === 0 ? 0 : 1 + way * (counts.length - 1) + step - 1, layer, head);
}

/** The 256 colours of a scale as pixels, four bytes each. */
export function coloursOf({ table }) {
  return new Uint32Array(Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : table[3 * (i >> 2) + (i % 4)])).buffer);
}

/** Paint one pixel per cell; hidden cells stay transparent, and the hatching behind the canvas shows. */
export function paintTriangle(canvas, values, N, pixels) {
  const image = new ImageData(N, N);
  const cells = new Uint32Array(image.data.buffer);
  for (let row = 0, i = 0; row < N; row++) for (let column = 0; column <= row; column++) cells[row * N + column] = pixels[values[i++]];
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A canvas for a map of weights. `said`: whether it is an image for screen readers too; the caller sets its label. */
export function mapCanvas(N, said) {
  return make("canvas", { width: N, height: N, class: "clf-triangle clf-data", ...(said ? { role: "img" } : { "aria-hidden": "true" }) });
}

/** The key with the largest weight for a query, in a triangle of bytes. */
export function strongest(triangle, query) {
  const row = triangle.subarray((query * (query + 1)) / 2, ((query + 1) * (query + 2)) / 2);
  const [key] = largestAt(row, indices(query + 1), 1);
  return { key, weight: row[key] / 255 };
}
