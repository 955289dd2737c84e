// A review is held by a lease, which is renewed while it is open. Where it is lost, the reviewer is told at once.
import { send } from "./requests.js";

/** Whether the reviewer may decide about this review. */
export const isMine = (item) => "mine" in (item?.dataset ?? {}) && !("lost" in item.dataset);

/** Say something above the review; nothing takes it away. */
export function banner(item, text) {
  const place = item.querySelector("[data-banner]");
  place.textContent = text;
  place.hidden = !text;
  place.scrollIntoView({ block: "nearest" });
}

/** Renew what `held()` gives, a few times in each lease; `lost(item)` is called for one that is gone. */
export function keepLeases({ seconds, held, lost }) {
  const renewAll = () => {
    for (const item of held()) if ("mine" in item.dataset) renew(item, lost);
  };
  setInterval(renewAll, (seconds * 1000) / 3);
  // A laptop that was closed: the lease may have ended meanwhile.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) renewAll();
  });
  window.addEventListener("online", renewAll);
}

async function renew(item, lost) {
  const answer = await send(`/desk/${item.dataset.review}/renew`);
  if (answer.ok && "lost" in item.dataset) {
    delete item.dataset.lost;
    banner(item, "You have this review again.");
  } else if (answer.ok && "unsure" in item.dataset) {
    delete item.dataset.unsure;
    banner(item, "");
  } else if (!answer.ok && (answer.status === 0 || answer.status >= 500)) {
    item.dataset.unsure = "";
    banner(item, `${answer.problem.detail} You may lose this review; what you typed is kept.`);
  } else if (!answer.ok && !("lost" in item.dataset)) {
    item.dataset.lost = "";
    banner(item, `You do not have this review any more: ${answer.problem.detail} What you typed is kept.`);
    lost(item);
  }
}
