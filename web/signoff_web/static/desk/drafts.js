// What a reviewer types is kept: at once in this browser, and a moment later on the server. What the server has
// confirmed is removed here, so whatever is found here was never confirmed, and is put back into the form.
import { fill, bubblesOf } from "./form.js";
import { fieldsOf, send } from "./requests.js";

const PAUSE = 700; // ms without a key before the server is told
const MOST_KEPT_ALIVE = 60_000; // bytes
const AGAIN = 5_000; // ms until it is tried again
const states = new WeakMap(); // form → { timer, sending, dirty, done }
const underWay = new Map(); // review → the last promise of a save

const keyOf = (item) => `signoff.draft.${document.getElementById("desk").dataset.reviewer}.${item.dataset.review}`;
const formOf = (item) => item.querySelector("form.approve");

/** Begin to keep what is typed into a review, after putting back what was not confirmed. */
export function keepDrafts(item) {
  const form = formOf(item);
  if (!form) return;
  states.set(form, { timer: 0, sending: false, dirty: false, done: false });
  restore(item, form);
  form.addEventListener("input", () => changed(item, form));
}

/** Send what is typed without waiting for a pause; resolves when the server has it, or has not answered. */
export function flush(item) {
  const form = formOf(item);
  const state = form && states.get(form);
  if (state?.dirty && !state.done) save(item, form);
  return settled(item.dataset.review);
}

/** Resolves when no save of this review is under way. */
export const settled = (review) => underWay.get(review) ?? Promise.resolve();

/** The review is decided: nothing is to be kept any more. */
export function forget(item) {
  const form = formOf(item);
  const state = form && states.get(form);
  if (state) {
    state.done = true;
    clearTimeout(state.timer);
  }
  stored(() => localStorage.removeItem(keyOf(item)));
}

function changed(item, form) {
  const state = states.get(form);
  if (state.done) return;
  state.dirty = true;
  const kept = { revision: item.dataset.revision, fields: [...fieldsOf(form)] };
  stored(() => localStorage.setItem(keyOf(item), JSON.stringify(kept)));
  say(item, "");
  clearTimeout(state.timer);
  state.timer = setTimeout(() => save(item, form), PAUSE);
}

/** One save of a form at a time, so that an older text never replaces a newer one. */
function save(item, form) {
  const state = states.get(form);
  clearTimeout(state.timer);
  if (state.sending || state.done) return;
  state.sending = true;
  state.dirty = false;
  const body = fieldsOf(form);
  // So that it arrives though the page is closed; browsers allow that for short ones only.
  const keepalive = body.toString().length < MOST_KEPT_ALIVE;
  const saved = send(`/desk/${item.dataset.review}/draft`, { body, keepalive });
  underWay.set(item.dataset.review, saved.then((answer) => {
    state.sending = false;
    if (state.done) return undefined;
    if (answer.status === 413 || answer.status === 422) {
      say(item, "Too long for the server; kept in this browser alone");
      return undefined;
    }
    if (!answer.ok) {
      state.dirty = true;
      say(item, "Kept in this browser; the server has not got it yet");
      state.timer = setTimeout(() => save(item, form), AGAIN);
      return undefined;
    }
    if (state.dirty) {
      save(item, form);
      return settled(item.dataset.review);
    }
    stored(() => localStorage.removeItem(keyOf(item)));
    say(item, "Saved");
    return undefined;
  }));
}

function restore(item, form) {
  const kept = stored(() => JSON.parse(localStorage.getItem(keyOf(item))));
  if (!Array.isArray(kept?.fields)) return;
  if (kept.revision === item.dataset.revision) {
    fill(form, kept.fields);
    say(item, "What you typed before is back");
    states.get(form).dirty = true;
    save(item, form);
    return;
  }
  const texts = kept.fields.filter(([name]) => name === "bubble").map(([, value]) => value).join("\n");
  stored(() => localStorage.removeItem(keyOf(item)));
  if (texts === bubblesOf(form).join("\n")) return;
  const banner = item.querySelector("[data-banner]");
  banner.textContent = `This draft is another one than you edited before. You had typed:\n${texts}`;
  banner.hidden = false;
}

const say = (item, text) => { item.querySelector("[data-saved]").textContent = text; };

/** Storage may be full or forbidden: then the server alone keeps drafts. */
function stored(act) {
  try {
    return act();
  } catch {
    return undefined;
  }
}
