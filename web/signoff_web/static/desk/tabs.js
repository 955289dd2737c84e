// Which reviews the tabs of this browser have. A tab holds a lock for each of its reviews; the browser takes the locks
// away when the tab is closed or dies. Without HTTPS, or where the browser refuses, there are no locks, and each tab
// knows its own reviews alone.
import { PATIENCE } from "./requests.js";

const NAME = "signoff-review:";
const TURN = "signoff-next-review";
const kept = new Map(); // review → how to give its lock back

/** Say which reviews this tab has now; resolves when the other tabs can see it. */
export function tell(reviews) {
  for (const [review, giveBack] of kept) {
    if (reviews.includes(review)) continue;
    giveBack();
    kept.delete(review);
  }
  return Promise.all(reviews.filter((review) => !kept.has(review)).map(keep));
}

function keep(review) {
  const until = new Promise((giveBack) => kept.set(review, giveBack));
  return new Promise((seen) => {
    const hold = () => { seen(); return until; };
    if (!navigator.locks) seen();
    navigator.locks?.request(NAME + review, { mode: "shared" }, hold).catch(seen);
  });
}

/** Do something while no other tab does it; one that takes longer than a request is not waited for. */
export async function inTurn(act) {
  let doing = null;
  const start = () => (doing ??= act());
  await navigator.locks?.request(TURN, { signal: AbortSignal.timeout(PATIENCE) }, start).catch(() => {});
  return start();
}

/** The reviews of all tabs, this one too. */
export async function inTabs() {
  const names = (await held()).map((lock) => lock.name).filter((name) => name.startsWith(NAME));
  return [...new Set([...kept.keys(), ...names.map((name) => name.slice(NAME.length))])];
}

async function held() {
  try { return (await navigator.locks?.query())?.held ?? []; } catch { return []; }
}
