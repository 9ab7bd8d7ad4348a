// What the pages of the course do: live figures take the place of their still pictures when they come into view.

const AHEAD = "600px"; // a figure starts before the reader is there

/** A figure has no rights of this page: its frame has no origin, so it says how high it is. */
function mount(place) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.title = place.dataset.title;
  frame.src = place.dataset.page;
  place.append(frame);
}

function fit({ source, data }) {
  if (data?.figure !== "height" || !(data.height > 0)) return;
  const frame = [...document.querySelectorAll(".live > iframe")].find((one) => one.contentWindow === source);
  if (!frame) return;
  frame.style.height = `${Math.ceil(data.height)}px`;
  frame.parentElement.classList.add("mounted");
}

/** What scrolls sideways can be reached by keyboard. */
function reachable() {
  for (const box of document.querySelectorAll("pre, div.formula, .table-wrapper, .cell_output > div, dt.sig")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

addEventListener("message", fit);
addEventListener("resize", reachable);
addEventListener("toggle", reachable, true); // what was folded away had no width
reachable();
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    mount(target);
  }
}, { rootMargin: AHEAD });
for (const place of document.querySelectorAll(".live")) seen.observe(place);
