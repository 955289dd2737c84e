// The page Workers: brought up to date while somebody looks at it. A form stays while somebody uses it.
import { elementIn } from "../desk/requests.js";
import { clock, showTimes } from "../desk/times.js";

const EVERY = 3000; // ms
const stale = id("stale");
let seen = new Date();

function id(name) { return document.getElementById(name); }

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/ops/workers", { headers: { "HX-Request": "true", Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(`The service answered ${answer.status}.`);
    show(elementIn(await answer.text()));
    seen = new Date();
    stale.hidden = true;
  } catch (error) {
    stale.textContent = `What is shown is of ${clock(seen)}, and old: ${error.message}`;
    stale.hidden = false;
  }
}

function show(view) {
  for (const part of ["workers-banner", "workers-lead", "workers-live"]) replace(part, view);
  const used = id("queue").matches(":focus-within") || id("queue").querySelector("[name=reason]")?.value;
  if (!used && id("queue").dataset.paused !== view.querySelector("#queue").dataset.paused) replace("queue", view);
  showTimes();
}

/** A part that has the focus stays as it is until it has it no more. */
function replace(part, view) {
  if (!id(part).matches(":focus-within")) id(part).replaceWith(view.querySelector(`#${part}`));
}

async function follow() {
  await look();
  setTimeout(follow, EVERY);
}

setTimeout(follow, EVERY);
document.addEventListener("visibilitychange", look);
