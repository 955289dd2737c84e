// The page of an operation: brought up to date while it runs; when it has ended, the page is loaded anew.
import { elementIn } from "../desk/requests.js";
import { showTimes } from "../desk/times.js";

const EVERY = 2000; // ms
const view = document.getElementById("replay");
const stale = document.getElementById("stale");

async function look() {
  if (document.hidden) return;
  try {
    const response = await fetch(location.href, { headers: { "HX-Request": "true", Accept: "text/html" } });
    if (!response.ok) throw new Error(`The service answered ${response.status}.`);
    const found = elementIn(await response.text());
    stale.hidden = true;
    if (found.dataset.ended) location.reload();
    else if (found.innerHTML !== view.innerHTML) view.replaceChildren(...found.childNodes);
    showTimes(view);
  } catch (error) {
    stale.textContent = `What is shown is old: ${error.message}`;
    stale.hidden = false;
  }
}

async function follow() {
  await look();
  setTimeout(follow, EVERY);
}

if (view && !view.dataset.ended) setTimeout(follow, EVERY);
