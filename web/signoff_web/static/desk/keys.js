// The keys of the desk: each can be changed, and all can be switched off. They are kept in this browser.
import { tinykeys } from "../vendor/tinykeys.js";

const STORE = "signoff.keys";
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const ACTIONS = [
  ["next", "j", "Next review of the queue"],
  ["previous", "k", "Previous review of the queue"],
  ["edit", "e", "Edit the reply"],
  ["status", "s", "Status; again: the next status"],
  ["amount", "l", "LTV amount"],
  ["tags", "t", "Find a tag; Enter turns it on or off"],
  ["approve", "$mod+Enter", "Approve and next, also while you type"],
  ["undo", "u", "Undo the last decision"],
  ["reject", "r", "Reject, with a reason"],
  ["skip", "x", "Skip"],
  ["help", "?", "This list"],
];
const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";

let chosen = read();
let unbind = () => {};
let acts = {};

/** Bind the keys; `given` has a function for each action, and `score`, which gets a number. */
export function useKeys(given) {
  acts = given;
  bind();
  const dialog = document.getElementById("keys");
  const button = document.getElementById("keys-button");
  button.hidden = false;
  button.addEventListener("click", showHelp);
  document.getElementById("keys-reset").addEventListener("click", () => change({ on: true, keys: {} }));
  const on = document.getElementById("keys-on");
  on.checked = chosen.on;
  on.addEventListener("change", () => change({ ...chosen, on: on.checked }));
  dialog.addEventListener("close", list);
}

/** Write the key of each action where `data-key` names it. */
export function labelKeys(within) {
  for (const place of within.querySelectorAll("[data-key]")) {
    place.textContent = chosen.on ? label(keyOf(place.dataset.key)) : "";
    place.hidden = !chosen.on;
  }
}

export function showHelp() {
  list();
  const dialog = document.getElementById("keys");
  if (!dialog.open) dialog.showModal();
}

const keyOf = (action) => chosen.keys[action] ?? ACTIONS.find(([name]) => name === action)[1];

function bind() {
  unbind();
  const bindings = { Escape: leaveField };
  if (chosen.on) {
    bindings["[Shift]+([1-5])"] = (event) => run(event, () => acts.score(Number(event.key)));
    for (const [action] of ACTIONS) {
      bindings[pressOf(keyOf(action))] = (event) => {
        if (action !== "approve" && document.querySelector("dialog[open]")) return;
        run(event, () => (action === "help" ? showHelp() : acts[action]()));
      };
    }
  }
  unbind = tinykeys(window, bindings, { ignore: isTyping });
}

/** Signs such as `?` need Shift on some keyboards and not on others. */
const pressOf = (key) => (/^[^\w\s]$/.test(key) ? `[Shift]+${key}` : key);

function run(event, act) {
  event.preventDefault();
  act();
}

/** Keys never act while somebody types, but for Escape and those with Ctrl; nor behind a dialog, which may be sent. */
function isTyping(event) {
  if (event.repeat || event.isComposing) return true;
  if (event.key === "Escape") return !event.target.matches?.(TYPING);
  const withControl = event.ctrlKey || event.metaKey;
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return !dialog.matches(".reject") || !withControl;
  return !withControl && Boolean(event.target.closest?.(TYPING));
}

function leaveField(event) {
  if (event.target.closest("dialog")) return;
  event.target.blur();
  document.querySelector("#open > *")?.focus({ preventScroll: true });
}

function label(key) {
  return key
    .replace("$mod+", MAC ? "⌘ " : "Ctrl ")
    .replace("Enter", "⏎")
    .replace(/^Arrow/, "");
}

/** The list in the dialog, with a button for each key. */
function list() {
  const place = document.getElementById("keys-list");
  place.replaceChildren();
  row(place, "Quality of the draft", "1 – 5");
  for (const [action, , text] of ACTIONS) {
    const change = document.createElement("button");
    change.type = "button";
    change.className = "quiet";
    change.textContent = label(keyOf(action));
    change.setAttribute("aria-label", `${text}: ${label(keyOf(action))}. Change it`);
    change.addEventListener("click", () => ask(action, change));
    row(place, text, change);
  }
}

function row(place, text, key) {
  const term = document.createElement("dt");
  term.textContent = text;
  const shown = document.createElement("dd");
  shown.append(key);
  place.append(term, shown);
}

/** Take the next key that is pressed for an action. */
function ask(action, button) {
  button.textContent = "press a key";
  const taken = (event) => {
    if (["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    window.removeEventListener("keydown", taken, true);
    const key = event.key === "Escape" ? keyOf(action) : pressed(event);
    const other = ACTIONS.find(([name]) => name !== action && keyOf(name) === key);
    if (other || /^[1-5 ]$/.test(key) || key === "Tab") {
      button.textContent = other ? `taken: ${other[2]}` : "not this one";
      return;
    }
    change({ ...chosen, keys: { ...chosen.keys, [action]: key } });
  };
  window.addEventListener("keydown", taken, true);
}

function pressed(event) {
  const letter = /^[a-z]$/i.test(event.key);
  const modifiers = `${event.ctrlKey || event.metaKey ? "$mod+" : ""}${letter && event.shiftKey ? "Shift+" : ""}`;
  return modifiers + (letter ? event.key.toLowerCase() : event.key);
}

function change(to) {
  chosen = to;
  try { localStorage.setItem(STORE, JSON.stringify(chosen)); } catch { /* then they last as long as the page */ }
  document.getElementById("keys-on").checked = chosen.on;
  bind();
  list();
  labelKeys(document);
}

function read() {
  try {
    const { on, keys } = JSON.parse(localStorage.getItem(STORE));
    return { on: on !== false, keys: Object.fromEntries(Object.entries(keys).filter(([, key]) => typeof key === "string")) };
  } catch {
    return { on: true, keys: {} };
  }
}
