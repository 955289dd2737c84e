// The review desk in the browser: which review is open, which is held beforehand, and what the keys do.
//
// One review is open (`current`), and the next one is held and fetched beforehand (`ahead`), so that it is there at
// once. Each element of a review knows its id (`data-review`); an answer is only ever put into the element of its own
// review, or thrown away.
import { approve, reject, skip, isDecided, isBusy } from "./decisions.js";
import { flush, keepDrafts, settled } from "./drafts.js";
import { prepareForm } from "./form.js";
import { labelKeys, useKeys } from "./keys.js";
import { isMine, keepLeases } from "./leases.js";
import { followLists, mark, neighbour } from "./lists.js";
import { notice } from "./notices.js";
import { elementIn, send } from "./requests.js";
import { inTabs, inTurn, tell } from "./tabs.js";
import { showTimes } from "./times.js";

const desk = document.getElementById("desk");
const place = document.getElementById("open");
const undoSeconds = Number(desk.dataset.undo);
const prepared = new WeakSet();

let current = place.firstElementChild;
let ahead = null; // held and fetched, not shown yet
let fetching = null; // the promise of `ahead`
let opening = null; // the id that was asked for last, until it is shown
let last = null; // the last decision: { review, until }
const told = new Map(); // review → how to remove the notice that it was decided

const idOf = (element) => element?.dataset.review;
const changed = () => document.body.dispatchEvent(new Event("desk:changed"));

/** Show a review, or what stands in its place; the one that was open is left. */
function show(element, { push = true, keep = false } = {}) {
  const before = current;
  opening = null;
  current = element;
  if (idOf(ahead) === idOf(element)) ahead = null;
  place.replaceChildren(element);
  tellTabs();
  if (idOf(element)) {
    prepare(element);
    if (push) history.pushState(null, "", `/desk/${idOf(element)}`);
  } else if (push) {
    history.pushState(null, "", "/desk");
  }
  mark(idOf(element));
  window.scrollTo(0, 0);
  element.focus({ preventScroll: true });
  const left = before === element || keep ? Promise.resolve() : leave(before);
  left.then(fetchAhead);
}

function prepare(element) {
  if (prepared.has(element)) return;
  prepared.add(element);
  showTimes(element);
  labelKeys(element);
  prepareForm(element);
  keepDrafts(element);
  htmx.process(element);
}

/** Give a review back that the reviewer goes away from; what was typed is kept first. */
async function leave(element) {
  if (!idOf(element) || !isMine(element) || isDecided(element) || isBusy(element)) return;
  await flush(element);
  if (idOf(current) !== idOf(element) && idOf(ahead) !== idOf(element)) await release(idOf(element));
}

const release = (review) => send(`/desk/${review}/release`);

/** The other tabs of this browser do not take what is open or held here. */
const tellTabs = (...more) => tell([current, ahead, ...more].map(idOf).filter(Boolean));

/** Get the next review; before another tab looks for one, it can see which this tab got. */
async function holdNext() {
  const besides = (await inTabs()).map((review) => ["besides", review]);
  const answer = await send(`/desk/next?${new URLSearchParams(besides)}`);
  const element = answer.ok && answer.status !== 204 ? elementIn(answer.text) : null;
  if (element) await tellTabs(element);
  return { answer, element };
}

/** Hold and fetch the next review, so that it can be shown at once. */
function fetchAhead() {
  if (ahead || fetching) return fetching;
  fetching = inTurn(holdNext).then(({ answer, element }) => {
    fetching = null;
    if (!element) return answer;
    if (idOf(element) === idOf(current)) return holdAgain(element);
    if (!ahead) ahead = element;
    else if (idOf(element) !== idOf(ahead)) release(idOf(element)); // an undo put what was open here meanwhile
    tellTabs();
    return answer;
  });
  return fetching;
}

/** The open review was free for a moment, and was given as the next one: its time goes on, and another one is next. */
async function holdAgain(element) {
  await send(`/desk/${idOf(element)}`, { method: "GET", fragment: true });
  return fetchAhead();
}

/** Show what was held beforehand, at once. The time of its review begins now; what stands beside it is that of now. */
async function showAhead(push = true) {
  const element = ahead;
  ahead = null;
  show(element, { push });
  const answer = await send(`/desk/${idOf(element)}`, { method: "GET", fragment: true });
  changed();
  if (!answer.ok) return; // the lease is renewed all the same, or the reviewer is told
  const fresh = elementIn(answer.text);
  if (!isMine(fresh)) {
    // Where it is being decided just now, that answer tells what is next.
    if (element === current && !isBusy(element) && !isDecided(element)) show(fresh, { push: false });
    return;
  }
  showTimes(fresh);
  element.querySelector(".context").replaceWith(fresh.querySelector(".context"));
  const effect = element.querySelector(".effect");
  if (effect.matches("[data-now]")) effect.replaceChildren(...fresh.querySelector(".effect").childNodes);
}

/** Show the next review. That there is none is shown only if the server said so. */
async function showNext() {
  const from = current;
  let answer = null;
  if (!ahead) answer = await fetchAhead();
  if (current !== from) return; // the reviewer went somewhere else meanwhile
  if (ahead) {
    showAhead();
    return;
  }
  if (answer?.ok) answer = await send("/desk/empty", { method: "GET" });
  if (current === from) show(answer?.ok ? elementIn(answer.text) : unknown(answer));
}

/** What is shown when nothing is known: never an empty queue. */
function unknown(answer) {
  const box = document.createElement("div");
  box.className = "blank";
  box.tabIndex = -1;
  const title = document.createElement("h1");
  title.textContent = "The next review is not known";
  const why = document.createElement("p");
  why.textContent = `${answer.problem.detail} Your decision before is safe.`;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Try again";
  again.addEventListener("click", showNext);
  box.append(title, why, again);
  return box;
}

/** Open a review of the queue. An answer that comes after another one was asked for is not shown. */
async function openReview(review, { push = true, again = false } = {}) {
  if (!review || (review === idOf(current) && !again)) return;
  if (review === idOf(ahead)) {
    showAhead(push);
    return;
  }
  opening = review;
  mark(review);
  await settled(review);
  const answer = await send(`/desk/${review}`, { method: "GET", fragment: true });
  if (opening !== review) {
    if (answer.ok && review !== idOf(current) && review !== idOf(ahead)) release(review);
    return;
  }
  opening = null;
  if (answer.ok) {
    show(elementIn(answer.text), { push });
    changed();
  } else {
    mark(idOf(current));
    notice(`This review cannot be opened: ${answer.problem.detail}`, { bad: true });
  }
}

/** After a decision: say so, offer to undo it, and go on. */
function afterDecision(element, answer) {
  const review = idOf(element);
  last = { review, until: Date.now() + undoSeconds * 1000 };
  const done = answer.state === "approved" ? "Approved" : "Rejected";
  const effect = answer.effect ? `: ${answer.effect}` : "";
  const outage = answer.outage ? ". The queue cannot be reached: it waits in the outbox and goes out by itself" : "";
  const action = undoSeconds ? { label: "Undo", run: () => undo(review) } : null;
  const seconds = Math.max(undoSeconds, answer.outage ? 8 : 3);
  told.set(review, notice(`${done} for ${answer.user_id}${effect}${outage}.`, { action, seconds }));
  if (element === current) showNext();
  changed();
}

/** A decision was refused. Where its review is not open any more, the reviewer is told here. */
function afterRefusal(element, problem) {
  if (element === current) return;
  const run = () => openReview(idOf(element));
  notice(`${element.dataset.user} was not decided: ${problem.detail}`, { bad: true, action: { label: "Open it", run } });
}

async function undo(review = last?.review) {
  if (!review) return;
  const answer = await send(`/desk/${review}/undo`);
  if (!answer.ok) {
    notice(`Not undone: ${answer.problem.detail}`, { bad: true });
    return;
  }
  last = null;
  told.get(review)?.(); // it is not true any more
  // The review that is open now comes next, as it is, with what was typed into it.
  const keep = idOf(current) && isMine(current) && !isDecided(current);
  if (keep) {
    if (ahead) release(idOf(ahead));
    flush(current);
    ahead = current;
  }
  show(elementIn(answer.text), { keep: Boolean(keep) });
  changed();
}

function openNeighbour(step) {
  const review = neighbour(opening ?? idOf(current), step);
  if (review) openReview(review);
}

const decided = { done: afterDecision, refused: afterRefusal };

async function skipCurrent() {
  const element = current;
  if (!isMine(element)) return;
  flush(element);
  if (await skip(element)) {
    notice(`Skipped ${element.dataset.user}: it is offered to you again in a while.`, { seconds: 4 });
    if (element === current) await showNext();
    changed();
  }
}

function askReason() {
  const dialog = current?.querySelector("dialog.reject");
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("textarea").focus();
}

/** Move to a field of the open review. */
function focusOn(selector) {
  const field = current?.querySelector(selector);
  field?.focus();
  field?.scrollIntoView({ block: "nearest" });
  return field;
}

function nextStatus() {
  const choices = [...(current?.querySelectorAll('[name="customer_status"]') ?? [])];
  const at = choices.findIndex((choice) => choice.checked);
  if (!choices.length) return;
  if (choices.includes(document.activeElement)) choose(choices[(at + 1) % choices.length]);
  else choices[Math.max(at, 0)].focus();
}

function choose(choice) {
  if (!choice) return;
  choice.checked = true;
  if (choice.name === "customer_status") choice.focus();
  choice.dispatchEvent(new Event("input", { bubbles: true }));
}

useKeys({
  next: () => openNeighbour(1),
  previous: () => openNeighbour(-1),
  edit: () => focusOn(".bubble"),
  status: nextStatus,
  amount: () => focusOn('[name="ltv_amount"]')?.select(),
  tags: () => focusOn("[data-find]"),
  score: (score) => choose(current?.querySelector(`[name="quality_score"][value="${score}"]`)),
  approve: () => (current?.querySelector("dialog.reject")?.open ? reject(current, decided) : approve(current, decided)),
  undo: () => undo(),
  reject: askReason,
  skip: skipCurrent,
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const element = form.closest(".item");
  if (form.matches(".approve, .refuse, .skip, .undo")) event.preventDefault();
  if (form.matches(".approve")) approve(element, decided);
  if (form.matches(".refuse")) reject(element, decided);
  if (form.matches(".skip")) skipCurrent();
  if (form.matches(".undo")) undo(form.closest("[data-decided]").dataset.decided);
});

document.addEventListener("click", (event) => {
  const row = event.target.closest("a[data-review]");
  if (row && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    openReview(row.dataset.review);
  }
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "reject") askReason();
  if (act === "cancel") event.target.closest("dialog").close();
});

window.addEventListener("popstate", () => {
  const review = location.pathname.split("/")[2];
  if (review) openReview(review, { push: false });
});

// Whoever closes the page gives back what is open; whoever is cut off, when the lease ends.
window.addEventListener("pagehide", () => {
  for (const element of [current, ahead]) {
    if (!idOf(element) || !isMine(element) || isDecided(element)) continue;
    flush(element);
    navigator.sendBeacon(`/desk/${idOf(element)}/release`);
  }
});

keepLeases({
  seconds: Number(desk.dataset.lease),
  held: () => [current, ahead].filter((element) => idOf(element) && !isDecided(element)),
  lost: (element) => {
    if (element !== ahead) return;
    ahead = null;
    tellTabs();
    fetchAhead();
  },
});

followLists({
  // The open review was held by another reviewer, or none was open: look again when the queue has changed.
  queue: (free) => {
    if (idOf(current) && !isMine(current) && free(idOf(current))) openReview(idOf(current), { push: false, again: true });
    else if (current?.matches(".blank") && !opening && free()) showNext();
    else if (idOf(current)) fetchAhead();
  },
});

showTimes();
if (idOf(current)) {
  prepare(current);
  mark(idOf(current));
  current.focus({ preventScroll: true });
  // After a reload, the page that went away may have given the review back just now.
  if (isMine(current)) send(`/desk/${idOf(current)}/renew`);
  tellTabs();
  fetchAhead();
}
