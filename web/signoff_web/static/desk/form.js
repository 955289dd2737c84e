// The form of a review: its messages, tags, and the errors at its fields.
import { showDifference } from "./diff.js";

const LONGEST = 500; // characters of a message; the server has the last word

/** Make the form of a review usable: what needs scripts is hidden until now. */
export function prepareForm(item) {
  const form = item.querySelector("form.approve");
  if (!form) return;
  for (const hidden of form.querySelectorAll(".moves, [data-act], [data-find]")) hidden.hidden = false;
  form.addEventListener("click", (event) => {
    const move = event.target.closest("[data-move]");
    if (move) moveBubble(form, move.closest("li"), move.dataset.move);
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "add") addBubble(form).focus();
    if (act === "compare") toggleComparison(form);
  });
  form.addEventListener("input", (event) => {
    forgetError(event.target);
    if (event.target.matches("[data-find]")) showTags(form, event.target.value);
    if (event.target.matches(".bubble")) countAll(form);
  });
  // Enter in a field of one line would send the form; only the button and its key do.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.matches("[data-find]")) showAllTags(form, event.target);
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !event.target.matches("input")) return;
    event.preventDefault();
    if (event.target.matches("[data-find]")) chooseTag(form, event.target);
  });
  countAll(form);
}

/** The texts of the messages, as they are now. */
export const bubblesOf = (form) => [...form.querySelectorAll(".bubble")].map((bubble) => bubble.value);

/** Fill the form with fields that were sent or kept: a list of [name, value]. */
export function fill(form, fields) {
  const all = (name) => fields.filter(([given]) => given === name).map(([, value]) => value);
  const texts = all("bubble");
  while (form.querySelectorAll(".bubble").length < texts.length) addBubble(form);
  const rows = [...form.querySelectorAll(".reply > li")];
  rows.forEach((row, at) => {
    if (at < texts.length) row.querySelector(".bubble").value = texts[at];
    else if (at > 0) row.remove();
  });
  for (const field of form.querySelectorAll("input, textarea:not(.bubble)")) {
    if (field.type === "hidden" || !field.name) continue;
    if (field.type === "radio" || field.type === "checkbox") field.checked = all(field.name).includes(field.value);
    else field.value = all(field.name)[0] ?? "";
    if (field.value && field.closest("details")) field.closest("details").open = true;
  }
  number(form);
}

function addBubble(form) {
  const list = form.querySelector(".reply");
  const row = list.lastElementChild.cloneNode(true);
  const bubble = row.querySelector(".bubble");
  bubble.value = "";
  list.append(row);
  forgetError(bubble);
  number(form);
  return bubble;
}

function moveBubble(form, row, where) {
  if (where === "up") row.previousElementSibling?.before(row);
  if (where === "down") row.nextElementSibling?.after(row);
  if (where === "out") {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    if (next) row.remove(); // a reply has one message at least
    (next ?? row).querySelector(".bubble").focus();
  } else {
    row.querySelector(`[data-move="${where}"]`).focus();
  }
  number(form);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Names follow the order. */
function number(form) {
  form.querySelectorAll(".bubble").forEach((bubble, at) => bubble.setAttribute("aria-label", `Message ${at + 1}`));
  countAll(form);
}

/** How long each message is, shown where it comes near the limit; and the comparison, where it is open. */
function countAll(form) {
  for (const row of form.querySelectorAll(".reply > li")) {
    const length = [...row.querySelector(".bubble").value].length;
    const count = row.querySelector(".count");
    count.hidden = length <= LONGEST * 0.8;
    count.textContent = `${length} of ${LONGEST} characters`;
    count.classList.toggle("over", length > LONGEST);
  }
  if (!form.querySelector("[data-diff]").hidden) compare(form);
}

function toggleComparison(form) {
  const place = form.querySelector("[data-diff]");
  place.hidden = !place.hidden;
  form.querySelector('[data-act="compare"]').setAttribute("aria-expanded", String(!place.hidden));
  if (!place.hidden) compare(form);
}

function compare(form) {
  const draft = [...form.querySelector("[data-draft]").content.children].map((one) => one.textContent);
  showDifference(form.querySelector("[data-diff]"), draft.join("\n"), bubblesOf(form).join("\n"));
}

function showTags(form, sought) {
  const wanted = sought.trim().toUpperCase().replaceAll(" ", "_");
  for (const tag of form.elements.edit_tags) tag.closest("label").hidden = !tag.value.includes(wanted);
}

/** Whoever leaves the search sees all tags again. */
function showAllTags(form, search) {
  search.value = "";
  showTags(form, "");
}

/** Turn the first tag that is found on or off, and look for another. */
function chooseTag(form, search) {
  const found = [...form.elements.edit_tags].find((tag) => !tag.closest("label").hidden);
  if (!found || !search.value.trim()) return;
  found.checked = !found.checked;
  showAllTags(form, search);
  found.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Name what is wrong at the fields; `errors` are those of a problem document. Returns the first wrong field. */
export function showErrors(form, errors) {
  clearErrors(form);
  let first = null;
  for (const { pointer, detail } of errors) {
    const { place, field } = placeOf(form, pointer);
    place.textContent = place.textContent ? `${place.textContent} ${detail}` : detail;
    place.hidden = false;
    if (!field) continue;
    place.id ||= `error-${crypto.randomUUID?.() ?? Math.random()}`;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", place.id);
    field.closest("details")?.setAttribute("open", "");
    first ??= field;
  }
  return first;
}

export function clearErrors(form) {
  for (const place of form.querySelectorAll("[data-error]")) { place.hidden = true; place.textContent = ""; }
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Where an error is named, and the field it belongs to. */
function placeOf(form, pointer) {
  const [name, at] = pointer.split("/").slice(1);
  if (name === "final_bubbles" && at !== undefined) {
    const row = form.querySelectorAll(".reply > li")[Number(at)];
    if (row) return { place: row.querySelector(".error"), field: row.querySelector(".bubble") };
  }
  const place = form.querySelector(`[data-error="${CSS.escape(name ?? "form")}"]`) ?? form.querySelector('[data-error="form"]');
  const field = name === "final_bubbles" ? form.querySelector(".bubble") : form.querySelector(`[name="${CSS.escape(name ?? "")}"]`);
  return { place: place ?? form.querySelector("[data-error]"), field };
}

function forgetError(field) {
  const within = field.closest("li") ?? field.closest("label:has([data-error])") ?? field.closest("fieldset");
  for (const place of within?.querySelectorAll("[data-error]") ?? []) place.hidden = true;
  for (const wrong of within?.querySelectorAll("[aria-invalid]") ?? []) wrong.removeAttribute("aria-invalid");
}
