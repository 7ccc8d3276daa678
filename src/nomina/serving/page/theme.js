"use strict";

// No module, so that it runs before the page is drawn and a theme chosen earlier does not flash.
const Theme = {
  key: "nomina-theme",

  /** What the reader chose, or null: storage may be forbidden. */
  chosen() {
    try {
      return localStorage.getItem(Theme.key);
    } catch {
      return null;
    }
  },

  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },

  set(name) {
    document.documentElement.dataset.theme = name;
    try {
      localStorage.setItem(Theme.key, name);
    } catch {
      // It then holds until the page is left.
    }
  },

  /** The button that changes between light and dark. */
  bind(button) {
    const show = () => {
      button.textContent = Theme.isDark() ? "Light theme" : "Dark theme";
    };
    button.addEventListener("click", () => {
      Theme.set(Theme.isDark() ? "light" : "dark");
      show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
    show();
    button.hidden = false;
  },
};

if (["light", "dark"].includes(Theme.chosen())) document.documentElement.dataset.theme = Theme.chosen();
document.addEventListener("DOMContentLoaded", () => Theme.bind(document.getElementById("theme")));
