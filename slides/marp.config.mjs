// How the decks are made: our theme, KaTeX, and every font inside the file, so that a deck needs no network.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Marp } from "@marp-team/marp-core";

const require = createRequire(import.meta.url);

function font(file) {
  try {
    return `url("data:font/woff2;base64,${readFileSync(require.resolve(file)).toString("base64")}")`;
  } catch {
    throw new Error(`The font ${file} is missing. Delete slides/node_modules and build again.`);
  }
}

/** `url("@fontsource/...")` names a file of a package; KaTeX's own rules name its fonts by their address on the web. */
function inlined(css) {
  return css
    .replace(/,\s*url\([^)]*\)\s*format\(["']?(?:woff|truetype)["']?\)/g, "") // older forms of the same fonts
    .replace(/url\(["']?https?:[^)]*?\/(KaTeX_[\w-]+\.woff2)["']?\)/g, (_, name) => font(`katex/dist/fonts/${name}`))
    .replace(/url\("(@fontsource\/[^"]+)"\)/g, (_, file) => font(file));
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
  themeSet: [fileURLToPath(new URL("theme.css", import.meta.url))],
  options: {
    emoji: { shortcode: false, unicode: false },
    markdown: { breaks: false },
    math: "katex",
    script: { source: "inline" },
  },
};
