// The page of the outbox: one box ticks all events of the page.
const all = document.getElementById("choose-all");
const boxes = [...document.querySelectorAll('[name="event"]')];

function show() {
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

if (all) {
  all.hidden = false;
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; });
  for (const box of boxes) box.addEventListener("change", show);
  show();
}
