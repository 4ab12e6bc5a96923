// Light or dark: the reader's system decides until the button is used. Runs in the head, before the first paint.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = () => {
    try { return localStorage.getItem("restorebench-theme"); } catch { return null; }
  };
  const set = (theme) => {
    root.dataset.theme = theme;
    try { localStorage.setItem("restorebench-theme", theme); } catch { /* some browsers keep nothing for files */ }
  };
  const first = stored();
  if (first === "light" || first === "dark") root.dataset.theme = first;
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const isDark = () => root.dataset.theme
      ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const name = () => { button.textContent = `${isDark() ? "light" : "dark"} theme`; };
    button.hidden = false;
    button.addEventListener("click", () => { set(isDark() ? "light" : "dark"); name(); });
    button.title = "switch between the light and the dark theme";
    name();
  });
})();
