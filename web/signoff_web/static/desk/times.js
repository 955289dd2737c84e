// Times in the reader's own time zone, and how long ago they were.

const NAMED = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The same units as the server's (shown.py). */
function age(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Bring all times within an element up to date. */
export function showTimes(within = document) {
  for (const time of within.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    if ("since" in time.dataset) time.textContent = age((Date.now() - moment) / 1000);
    else time.textContent = NAMED.format(moment);
    time.title = NAMED.format(moment);
  }
}

setInterval(() => showTimes(), 10_000);
