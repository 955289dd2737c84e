// Requests to this service. An answer is always a value: whether it is good, its text, and what is wrong.

export const PATIENCE = 30_000; // ms; the server answers sooner, also when a database is away

/** Send a request; never throws. Without an answer, `status` is 0. */
export async function send(path, { method = "POST", body, fragment = false, keepalive = false } = {}) {
  const headers = { Accept: "application/json" }; // so what is wrong comes as a problem document
  if (fragment) headers["Desk-Fragment"] = "1";
  try {
    const answer = await fetch(path, { method, body, headers, keepalive, signal: AbortSignal.timeout(PATIENCE) });
    const text = await answer.text();
    return { ok: answer.ok, status: answer.status, text, problem: answer.ok ? null : problemIn(text, answer.status) };
  } catch {
    return { ok: false, status: 0, text: "", problem: { title: "No answer", detail: "No answer came from the server.", errors: [] } };
  }
}

/** The problem document in an answer; proxies may answer with something else. */
export function problemIn(text, status) {
  if (status === 401) return { title: "Signed out", detail: "You are signed out. Sign in in another tab, then go on here.", errors: [] };
  try {
    const problem = { errors: [], ...JSON.parse(text) };
    return { ...problem, detail: String(problem.detail).replace(/\.?$/, ".") };
  } catch {
    return { title: "Failed", detail: `The server answered with status ${status}.`, errors: [] };
  }
}

/** The element that an answer holds. It comes from our templates, where all text is escaped. */
export function elementIn(text) {
  return new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
}

/** The fields of a form as they are sent. */
export const fieldsOf = (form) => new URLSearchParams(new FormData(form));
