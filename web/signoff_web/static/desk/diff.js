// The difference between two texts, word by word.

const MOST = 4_000_000; // cells of the table; beyond it, the changed middle is shown as one change

const wordsOf = (text) => text.match(/\s+|[\p{L}\p{N}\p{M}_'’]+|[^\s\p{L}\p{N}]/gu) ?? [];

/** Parts in order: { kind: "same" | "out" | "in", text }. */
export function difference(before, after) {
  const a = wordsOf(before);
  const b = wordsOf(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const parts = [];
  const add = (kind, words) => {
    if (!words.length) return;
    if (parts.at(-1)?.kind === kind) parts.at(-1).text += words.join("");
    else parts.push({ kind, text: words.join("") });
  };
  add("same", a.slice(0, head));
  middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), add);
  add("same", a.slice(a.length - tail));
  return parts;
}

/** The longest common subsequence of words, by the usual table. */
function middle(a, b, add) {
  if (a.length * b.length > MOST) {
    add("out", a);
    add("in", b);
    return;
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) { add("same", [a[i++]]); j++; }
    else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) add("out", [a[i++]]);
    else add("in", [b[j++]]);
  }
  add("out", a.slice(i));
  add("in", b.slice(j));
}

/** Show the difference in an element. */
export function showDifference(place, before, after) {
  const shown = difference(before, after).map(({ kind, text }) => {
    if (kind === "same") return document.createTextNode(text);
    const part = document.createElement(kind === "in" ? "ins" : "del");
    part.textContent = text;
    return part;
  });
  place.replaceChildren(...(before === after ? [document.createTextNode("Nothing is changed.")] : shown));
}
