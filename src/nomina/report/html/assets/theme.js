"use strict";

// Runs before the page is drawn, so that a theme chosen earlier does not flash.
const Theme = {
  key: "nomina-theme",

  /** What the reader chose, or null: a file's own storage may be forbidden. */
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
};

if (["light", "dark"].includes(Theme.chosen())) document.documentElement.dataset.theme = Theme.chosen();
