// How the decks are made: our theme, KaTeX, and every font inside the file, so that a deck needs no network.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Marp } from "@marp-team/marp-core";

const require = createRequire(import.meta.url);

/** `url("@fontsource/...")` names a file of a package; KaTeX's own rules name its fonts by their address on the web. */
function inlined(css) {
  const katex = /url\(["']?https?:[^)]*?\/(KaTeX_[\w-]+\.woff2)["']?\)/g;
  const data = (file) => `url("data:font/woff2;base64,${readFileSync(require.resolve(file)).toString("base64")}")`;
  return css
    .replace(/,\s*url\([^)]*\)\s*format\(["']?(?:woff|truetype)["']?\)/g, "") // older forms of the same fonts
    .replace(katex, (_, name) => data(`katex/dist/fonts/${name}`))
    .replace(/url\("(@fontsource\/[^"]+)"\)/g, (_, file) => data(file));
}

class Course extends Marp {
  render(...given) {
    const made = super.render(...given);
    return { ...made, css: inlined(made.css) };
  }
}

export default {
  engine: Course,
  html: true,
  themeSet: [new URL("theme.css", import.meta.url).pathname],
  options: { markdown: { breaks: false }, emoji: { shortcode: false, unicode: false }, math: "katex", script: { source: "inline" } },
};
