// The page Health: one event stream a tab, which brings figures, sentence and charts up to date.
import { elementIn } from "../desk/requests.js";
import { clock, showTimes } from "../desk/times.js";
import { Series } from "./series.js";

const STALE = 15_000; // ms without figures; they come every 2 s, every 10 s where reading them is slow
const AGAIN = 5_000;
const page = { live: id("live"), stale: id("stale"), asOf: id("as-of"), told: id("told"), how: id("how") };
const series = new Series();
let source = null;
let seen = Date.now();
let moment = new Date(page.asOf.querySelector("time").dateTime); // of the figures that are shown
let held = null; // reasons that came while somebody pointed at the old ones

function id(name) { return document.getElementById(name); }

/** Follow the figures, unless nobody can see them. */
function follow() {
  if (source || document.hidden) return;
  source = new EventSource("/ops/live");
  source.addEventListener("series", (event) => series.begin(JSON.parse(event.data)));
  source.addEventListener("sample", (event) => {
    const { view, point } = JSON.parse(event.data);
    fresh(new Date(point[0] * 1000));
    show(elementIn(view));
    series.add(point);
  });
  // The browser connects again by itself, but not after an answer that is no stream.
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    leave();
    setTimeout(follow, AGAIN);
  });
}

function leave() {
  source?.close();
  source = null;
}

function fresh(now) {
  seen = Date.now();
  page.stale.hidden = true;
  moment = now;
  page.asOf.textContent = clock(moment);
  page.how.textContent = "New figures come by themselves.";
  document.body.dataset.live = "now";
}

/** Old figures stay on the page, and are said to be old. */
function checkAge() {
  if (document.hidden || Date.now() - seen < STALE) return;
  const text = `Stale since ${clock(moment)}: no new figures come. The service may be stopped, or you may be signed out.`;
  if (page.stale.textContent !== text || page.stale.hidden) page.stale.textContent = text;
  page.stale.hidden = false;
  document.body.dataset.live = "stale";
}

/** Put new figures into the page, each into its own place; what has not changed is not touched. */
function show(view) {
  if (page.live.dataset.level !== view.dataset.level) page.told.textContent = view.querySelector('[data-key="sentence"]').textContent;
  page.live.dataset.level = view.dataset.level;
  for (const list of page.live.querySelectorAll("dl")) {
    const news = view.querySelector(`[aria-labelledby="${list.parentElement.getAttribute("aria-labelledby")}"] dl`);
    if (keys(list) !== keys(news)) list.replaceChildren(...news.cloneNode(true).childNodes);
  }
  for (const now of view.querySelectorAll("[data-key]")) {
    const old = page.live.querySelector(`[data-key="${CSS.escape(now.dataset.key)}"]`);
    if (old && !old.isEqualNode(now)) replace(old, now);
  }
  showReasons(view.querySelector("#reasons"));
  showTimes(page.live);
}

const keys = (list) => [...list.querySelectorAll("[data-key]")].map((one) => one.dataset.key).join("\n");

/** A link that has the focus keeps it: its text changes, not the element. */
function replace(old, now) {
  const [focused, link] = [old.querySelector("a:focus"), now.querySelector("a")];
  if (focused && link) {
    focused.textContent = link.textContent;
    return;
  }
  old.className = now.className;
  old.replaceChildren(...now.cloneNode(true).childNodes);
}

/** The list of reasons does not change under the pointer or the focus: it waits until both are gone. */
function showReasons(now) {
  const old = id("reasons");
  held = null;
  if (old.isEqualNode(now) || old.textContent === now.textContent) return;
  if (old.matches(":hover, :focus-within")) held = now;
  else old.replaceChildren(...now.cloneNode(true).childNodes);
}

for (const event of ["pointerleave", "focusout"]) {
  id("reasons").addEventListener(event, () => setTimeout(() => { if (held) showReasons(held); }));
}
document.addEventListener("visibilitychange", () => {
  document.body.dataset.live = document.hidden ? "paused" : "now";
  if (document.hidden) leave();
  else {
    seen = Date.now();
    follow();
  }
});
setInterval(checkAge, 1000);
follow();
