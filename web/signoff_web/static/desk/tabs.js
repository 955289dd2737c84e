// Which reviews the tabs of this browser have. A tab holds a lock for each of its reviews; the browser takes the locks
// away when the tab is closed or dies. Without HTTPS, or where the browser refuses, there are no locks, and each tab
// knows its own reviews alone.
const NAME = "signoff-review:";
const kept = new Map(); // review → how to give its lock back

/** Say which reviews this tab has now. */
export function tell(reviews) {
  for (const [review, giveBack] of kept) {
    if (reviews.includes(review)) continue;
    giveBack();
    kept.delete(review);
  }
  for (const review of reviews) {
    if (!kept.has(review)) keep(review);
  }
}

function keep(review) {
  const until = new Promise((giveBack) => kept.set(review, giveBack));
  navigator.locks?.request(NAME + review, { mode: "shared" }, () => until).catch(() => {});
}

/** The reviews of all tabs, this one too. */
export async function inTabs() {
  const names = (await held()).map((lock) => lock.name).filter((name) => name.startsWith(NAME));
  return [...new Set([...kept.keys(), ...names.map((name) => name.slice(NAME.length))])];
}

async function held() {
  try { return (await navigator.locks?.query())?.held ?? []; } catch { return []; }
}
