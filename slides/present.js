// What a deck does besides turning slides: live figures, countdowns, back-up slides, and the pace beside the notes.
// Marp's own script has run before. It marks the slide that is shown and its steps so far; we follow its marks.

const deck = JSON.parse(document.getElementById("course-deck").textContent); // {minutes, firstBackup, pages}
const slides = [...document.querySelectorAll("svg[data-marpit-svg]")];
const view = document.body.dataset.bespokeView; // "" for the audience; "presenter", "next", "overview"
const shown = () => slides.findIndex((slide) => slide.classList.contains("bespoke-marp-active"));

/* Live figures: only the audience's window has them; the other windows show still pictures instead. */

const frames = [];

function mount(figure) {
  const frame = document.createElement("iframe");
  frame.title = figure.dataset.title;
  frame.setAttribute("sandbox", "allow-scripts");
  frame.srcdoc = deck.pages[figure.dataset.figure];
  frame.addEventListener("load", () => tellScale(frame));
  figure.append(frame);
  frames.push(frame);
}

/** Tell a figure how much the deck enlarges its slides, so that it draws its canvas for the pixels of the screen. */
function tellScale(frame) {
  const scale = frame.closest("svg").getBoundingClientRect().width / 1280;
  frame.contentWindow.postMessage({ figure: "scale", scale }, "*");
}

/** After a click a figure gets all keys. It passes on those that turn slides; then the deck takes the focus back. */
function takeKey({ source, data }) {
  if (data?.figure !== "key" || !frames.some((frame) => frame.contentWindow === source)) return;
  document.activeElement?.blur();
  window.focus();
  document.dispatchEvent(new KeyboardEvent("keydown", { key: data.key, bubbles: true, cancelable: true }));
}

/* Countdowns: the step that shows one starts it, so the audience's window and the presenter's start together. */

const started = new Map();

function tick() {
  for (const clock of document.querySelectorAll(".countdown")) {
    const runs = clock.closest("li").dataset.bespokeMarpFragment === "active"; // so are the steps of earlier slides
    if (!runs) started.delete(clock);
    else if (!started.has(clock) && slides[shown()]?.contains(clock)) started.set(clock, Date.now());
    const left = 60 * clock.dataset.minutes - Math.floor((Date.now() - (started.get(clock) ?? Date.now())) / 1000);
    const seconds = Math.abs(left);
    clock.textContent = `${left < 0 ? "−" : ""}${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    clock.classList.toggle("runs", started.has(clock) && left >= 0);
    clock.classList.toggle("over", left < 0);
  }
}

/* Back-up slides come after the last slide of the talk. The key u goes to them and back; the other keys stop before. */

let cameFrom = 0;

function goTo(index) {
  location.hash = `#${index + 1}`;
}

function atEnd() {
  const steps = [...slides[deck.firstBackup - 1].querySelectorAll("[data-marpit-fragment]")];
  return shown() === deck.firstBackup - 1 && steps.every((step) => step.dataset.bespokeMarpFragment === "active");
}

function guardBackup(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const forward = ["ArrowRight", "ArrowDown", "PageDown"].includes(event.key) || (event.key === " " && !event.shiftKey);
  if (event.key === "u") {
    const there = shown() >= deck.firstBackup;
    if (!there) cameFrom = shown();
    goTo(there ? cameFrom : deck.firstBackup);
  } else if (event.key === "End") goTo(deck.firstBackup - 1);
  else if (!forward || !atEnd()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** The keys b and ., which many remotes send, make the audience's window black; then any key makes it light again. */
function blacken(event) {
  const black = !document.body.classList.contains("course-black") && (event.key === "b" || event.key === ".");
  document.body.classList.toggle("course-black", black);
}

/* The pace, in the presenter's window: the minutes planned in the notes, compared with those that passed. */

const planned = (index) => deck.minutes.slice(0, index).reduce((sum, minutes) => sum + minutes, 0);

/** Show the line with the pace. At first, and again after a click on it, the talk counts as on time at this slide. */
function showPace() {
  const line = document.createElement("button");
  line.id = "course-pace";
  line.title = "Click to start the clock at this slide";
  let start = 0;
  const begin = () => (start = Date.now() - 60000 * planned(shown()));
  const say = () => (line.textContent = pace((Date.now() - start) / 60000, shown()));
  line.addEventListener("click", () => (begin(), say(), line.blur()));
  document.body.append(line);
  begin();
  setInterval(say, 1000);
  new MutationObserver(say).observe(slides[0].parentElement, { subtree: true, attributeFilter: ["class"] });
}

/** The pace in words. The talk is on time during the minutes that are planned for its slide. */
function pace(passed, index) {
  if (index >= deck.firstBackup) return "Back-up slide: not in the plan.";
  const [before, after] = [planned(index), planned(index + 1)];
  const off = passed > after ? passed - after : passed < before ? passed - before : 0;
  const verdict = Math.abs(off) < 0.5 ? "on time" : `${Math.round(Math.abs(off))} min ${off > 0 ? "behind" : "ahead"}`;
  return `This slide: minute ${before} to ${after} of ${planned(deck.firstBackup)}. Passed: ${Math.floor(passed)} min. You are ${verdict}.`;
}

function follow() {
  if (view !== "") return;
  for (const figure of slides[shown()]?.querySelectorAll("figure.live:not(:has(iframe))") ?? []) mount(figure);
}

follow();
new MutationObserver(follow).observe(slides[0].parentElement, { subtree: true, attributeFilter: ["class"] });
window.addEventListener("message", takeKey);
window.addEventListener("resize", () => frames.forEach(tellScale));
if (deck.firstBackup < slides.length && (view === "" || view === "presenter")) window.addEventListener("keydown", guardBackup, true);
if (view === "") window.addEventListener("keydown", blacken, true);
if (document.querySelector(".countdown")) setInterval(tick, 250);
if (view === "presenter") showPace();
