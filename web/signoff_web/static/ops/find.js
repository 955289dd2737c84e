// The key `/` goes to the search box of the header, unless somebody types, or has switched the keys off at the desk.
const box = document.getElementById("find");

function keysAreOff() {
  try {
    return JSON.parse(localStorage.getItem("signoff.keys"))?.on === false;
  } catch {
    return false;
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || keysAreOff()) return;
  event.preventDefault();
  box.focus();
  box.select();
});
