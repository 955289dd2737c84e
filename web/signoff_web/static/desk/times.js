// How long ago times were, kept up to date. Times are shown in UTC, as the server wrote them; pointing at one tells it in
// the reader's own time zone too.

const HERE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });

/** The same units as the server's (shown.py). */
function age(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A time of the day in UTC, with seconds. */
export const clock = (moment) => `${moment.toISOString().slice(11, 19)} UTC`;

/** Bring all times within an element up to date. */
export function showTimes(within = document) {
  for (const time of within.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    if ("since" in time.dataset) time.textContent = age((Date.now() - moment) / 1000);
    time.title = `${time.dateTime}; here ${HERE.format(moment)}`;
  }
}

setInterval(() => showTimes(), 10_000);
