// The page of an operation: brought up to date while it runs; when it has ended, the page is loaded anew.
import { elementIn } from "../desk/requests.js";
import { showTimes } from "../desk/times.js";

const EVERY = 2000; // ms
const RESULT = "#replay-head";
const PARTS = ["replay-head", "replay-details"];
const stale = document.getElementById("stale");

async function look() {
  if (document.hidden) return;
  try {
    const response = await fetch(location.href, { headers: { "HX-Request": "true", Accept: "text/html" } });
    if (!response.ok) throw new Error(`The service answered ${response.status}.`);
    const found = elementIn(await response.text());
    stale.hidden = true;
    if (found.dataset.ended) {
      // Its button goes away with the focus: the result gets it.
      if (document.activeElement !== document.body) history.replaceState(null, "", RESULT);
      return location.reload();
    }
    for (const part of PARTS) document.getElementById(part).replaceWith(found.querySelector(`#${part}`));
    showTimes();
  } catch (error) {
    stale.textContent = `What is shown is old: ${error.message}`;
    stale.hidden = false;
  }
}

async function follow() {
  await look();
  setTimeout(follow, EVERY);
}

if (location.hash === RESULT) document.querySelector(RESULT).focus();
if (!document.getElementById("replay").dataset.ended) setTimeout(follow, EVERY);
