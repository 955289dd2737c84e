// Short messages at the edge of the page; each says what happened and goes away by itself.

const SECONDS = 8;
const MOST = 4;
const place = document.getElementById("notices");

/** Show a message; `action` is { label, run }. Bad news stays until it is closed. Returns how to remove it. */
export function notice(text, { bad = false, action = null, seconds = SECONDS } = {}) {
  const box = document.createElement("div");
  box.className = bad ? "notice bad" : "notice";
  const words = document.createElement("p");
  words.dir = "auto";
  words.textContent = text;
  const remove = () => box.remove();
  box.append(words);
  if (action) box.append(button(action.label, () => { remove(); action.run(); }));
  if (bad) box.append(button("Close", remove));
  else setTimeout(remove, seconds * 1000);
  place.append(box);
  while (place.children.length > MOST) place.firstElementChild.remove();
  return remove;
}

function button(label, run) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", run);
  return made;
}
