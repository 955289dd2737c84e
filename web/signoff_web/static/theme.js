// Light or dark: as the system says, or as the reader chose. Runs before the page is drawn.
"use strict";
(() => {
  const KEY = "signoff.theme";
  const THEMES = ["system", "light", "dark"];
  const root = document.documentElement;

  // Storage may be forbidden: then the choice lasts as long as the page.
  const stored = () => {
    try { return localStorage.getItem(KEY) ?? "system"; } catch { return "system"; }
  };
  const store = (theme) => {
    try { localStorage.setItem(KEY, theme); } catch { /* see above */ }
  };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };

  apply(stored());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const show = (theme) => {
      button.textContent = `Theme: ${theme}`;
      button.hidden = false;
    };
    show(stored());
    button.addEventListener("click", () => {
      const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
      store(next);
      apply(next);
      show(next);
    });
  });
})();
