// Approve, reject and skip. Sent twice, a decision is one: the server answers the same. So after a lost answer the
// reviewer presses again.
import { forget } from "./drafts.js";
import { clearErrors, showErrors } from "./form.js";
import { banner, isMine } from "./leases.js";
import { fieldsOf, send } from "./requests.js";

const busy = new WeakSet();
const done = new WeakSet();

export const isBusy = (item) => busy.has(item);
export const isDecided = (item) => done.has(item);

/** Approve what the form holds; `then` has `done(item, answer)` and `refused(item, problem)`. */
export const approve = (item, then) => decide(item, "form.approve", "approve", then);

/** Reject with the reason of the dialog. */
export const reject = (item, then) => decide(item, "form.refuse", "reject", then);

async function decide(item, which, act, then) {
  const form = item?.querySelector?.(which);
  if (!form || !isMine(item) || busy.has(item) || done.has(item)) return;
  setBusy(item, true);
  clearErrors(form);
  const answer = await send(`/desk/${item.dataset.review}/${act}`, { body: fieldsOf(form) });
  setBusy(item, false);
  if (answer.ok) {
    done.add(item);
    forget(item);
    item.querySelector("dialog")?.close();
    then.done(item, JSON.parse(answer.text));
    return;
  }
  const { problem } = answer;
  if (answer.status === 422) showErrors(form, problem.errors)?.focus();
  if (answer.status !== 422 || !problem.errors.length) {
    item.querySelector("dialog")?.close();
    banner(item, unsettled(answer));
  }
  then.refused(item, problem);
}

/** Why it is not decided, and what to do. */
function unsettled({ status, problem }) {
  if (status === 0) return `${problem.detail} It may be decided or not: press again, it is decided once. What you typed is kept.`;
  if (status >= 500) return `${problem.detail} Nothing is confirmed. What you typed is kept: press again later, it is decided once.`;
  const goOn = problem.type?.endsWith(":review-decided") ? " Go on with another reply of the queue." : "";
  return `Not decided: ${problem.detail} What you typed is kept.${goOn}`;
}

/** Give a review back for a while; returns whether the server did. */
export async function skip(item) {
  if (busy.has(item) || done.has(item)) return false;
  setBusy(item, true);
  const answer = await send(`/desk/${item.dataset.review}/skip`);
  setBusy(item, false);
  if (answer.ok) done.add(item);
  else banner(item, `Not skipped: ${answer.problem.detail}`);
  return answer.ok;
}

function setBusy(item, on) {
  if (on) busy.add(item);
  else busy.delete(item);
  item.setAttribute("aria-busy", String(on));
  for (const button of item.querySelectorAll(".actions button, .refuse button")) {
    button.setAttribute("aria-disabled", String(on)); // not `disabled`: that would take the focus away
  }
}
