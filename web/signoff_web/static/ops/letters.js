// The list of dead letters says how many came meanwhile; the list itself never moves. Only while it is looked at.
const newer = document.getElementById("newer");
const EVERY = 10_000;

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(newer.dataset.url, { headers: { "HX-Request": "true" } });
    if (answer.ok) newer.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
  } catch {
    // Not reached: what was said last stays, and the next look tells.
  }
}

if (newer) {
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}
