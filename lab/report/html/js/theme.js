// Light or dark: what the system says, or what the reader has chosen; kept where the browser lets a file keep anything.
"use strict";
(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const inputs = [...document.querySelectorAll('input[name="theme"]')];
  const listeners = [];
  let forced = "";
  const kept = () => {
    try {
      return localStorage.getItem("lab-theme");
    } catch {
      return null;
    }
  };
  const chosen = () => inputs.find((input) => input.checked)?.value ?? "auto";
  const apply = () => {
    const wanted = forced || chosen();
    const theme = wanted === "auto" ? (system.matches ? "dark" : "light") : wanted;
    if (document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    for (const listener of listeners) listener(theme);
  };
  const before = kept();
  for (const input of inputs) {
    if (input.value === before) input.checked = true;
    input.addEventListener("change", () => {
      try {
        localStorage.setItem("lab-theme", input.value);
      } catch {
        // a page that may keep nothing forgets the choice
      }
      apply();
    });
  }
  system.addEventListener("change", apply);
  apply();
  lab.theme = {
    current: () => document.documentElement.dataset.theme,
    onChange: (listener) => listeners.push(listener),
    // what is printed is light, whatever the screen is
    force: (theme) => {
      forced = theme;
      apply();
    },
  };
})();
