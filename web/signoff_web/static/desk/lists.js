// The queue and the reviewer's decisions beside the open review; htmx fetches them again and again.
import { notice } from "./notices.js";
import { problemIn } from "./requests.js";
import { clock, showTimes } from "./times.js";

const SEEN = "signoff.seen";
const MOST_SEEN = 200;
const queue = document.getElementById("queue");
const decisions = document.getElementById("decisions");
const outage = document.getElementById("outage");

let marked = null;

/** Show which review is open. */
export function mark(review) {
  marked = review;
  for (const row of queue.querySelectorAll("[data-review]")) {
    if (row.dataset.review === review) {
      row.setAttribute("aria-current", "true");
      row.scrollIntoView({ block: "nearest" });
    } else {
      row.removeAttribute("aria-current");
    }
  }
}

/** The review before or after another one in the list; the first one if that is not in it. */
export function neighbour(review, step) {
  const ids = [...queue.querySelectorAll("[data-review]")].map((row) => row.dataset.review);
  const at = ids.indexOf(review);
  return at < 0 ? ids[0] : ids[at + step];
}

/** Call `follow.queue(free)` when the queue was fetched; `free(id)` tells whether a review can be had. */
export function followLists(follow) {
  document.addEventListener("htmx:config:request", (event) => {
    const { request, sourceElement } = event.detail.ctx;
    request.headers.Accept = "application/json"; // so what is wrong comes as a problem document
    const effect = sourceElement.querySelector(".effect");
    effect?.classList.add("stale");
    effect?.removeAttribute("data-now"); // from here on it tells what the form would do
    if (sourceElement === queue && marked) request.body.set("of", marked);
  });
  document.addEventListener("htmx:after:swap", (event) => {
    const { target, response } = event.detail.ctx ?? {};
    target?.classList.remove("stale");
    if (response?.status >= 400) return; // told after an error too, though nothing was swapped
    if (target !== queue && target !== decisions) return;
    outage.hidden = true;
    showTimes(target);
    if (target === queue) {
      mark(marked);
      follow.queue(free);
    } else {
      tellNews();
    }
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { sourceElement, text, response } = event.detail.ctx;
    tellFailure(sourceElement, problemIn(text, response.status).detail);
  });
  document.addEventListener("htmx:error", (event) => tellFailure(event.detail.ctx?.sourceElement, "No answer came from the server."));
  narrow();
  tellNews();
}

function free(review) {
  const rows = [...queue.querySelectorAll("a[data-review]")];
  return rows.some((row) => (!review || row.dataset.review === review) && !("taken" in row.dataset));
}

/** Lists that are shown stay, and are told to be old; an effect that was shown for another amount does not stay. */
function tellFailure(source, detail) {
  const effect = source?.querySelector(".effect");
  if (effect) {
    effect.classList.remove("stale");
    effect.textContent = `What this would do is not known now. ${detail}`;
    return;
  }
  const time = clock(new Date());
  outage.textContent = `${detail} The lists are older than ${time}.`;
  outage.hidden = false;
}

/** A verdict that the reviewer has to know of is told once: a late event, a dead letter. */
function tellNews() {
  const seen = seenBefore();
  for (const row of decisions.querySelectorAll("[data-news]")) {
    if (seen.includes(row.dataset.news)) continue;
    seen.push(row.dataset.news);
    const [who, what] = [row.querySelector("bdi"), row.querySelector(".sub")];
    notice(`${who.textContent}: ${what.textContent.trim()}`, { bad: true });
  }
  try { localStorage.setItem(SEEN, JSON.stringify(seen.slice(-MOST_SEEN))); } catch { /* told again next time */ }
}

function seenBefore() {
  try { return JSON.parse(localStorage.getItem(SEEN)) ?? []; } catch { return []; }
}

/** On a narrow screen the lists begin closed. */
function narrow() {
  const lists = document.querySelector(".lists");
  if (matchMedia("(max-width: 760px)").matches) lists.open = false;
}
