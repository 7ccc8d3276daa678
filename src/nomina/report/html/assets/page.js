"use strict";

/* global Theme */

/** The button that changes between light and dark. */
function initTheme() {
  const button = document.getElementById("theme");
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
}

/** The contents are open beside the text, and closed above it where there is no room for both. */
function initContents() {
  const contents = document.getElementById("contents");
  const wide = matchMedia("(min-width: 64rem)");
  const fit = () => {
    contents.open = wide.matches;
  };
  wide.addEventListener("change", fit);
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });
  fit();
}

/** Tables that scroll sideways can be scrolled with the keyboard. */
function initScrolling() {
  for (const frame of document.querySelectorAll(".table")) {
    if (frame.scrollWidth <= frame.clientWidth) continue;
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", frame.querySelector("caption").textContent);
  }
}

/** Mark the entry of the section that is being read. */
function initCurrentSection() {
  const links = new Map();
  for (const link of document.querySelectorAll(".contents a")) links.set(link.hash.slice(1), link);
  const seen = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id);
        else seen.delete(entry.target.id);
      }
      const first = [...links.keys()].find((id) => seen.has(id));
      if (first === undefined) return;
      for (const [id, link] of links) {
        if (id === first) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-10% 0px -60% 0px" },
  );
  for (const id of links.keys()) observer.observe(document.getElementById(id));
}

/** What a cell is sorted by: the first number in it, or its text; nothing goes last. */
function sortKey(cell, isNumeric) {
  const text = cell.textContent.trim();
  if (!isNumeric) return text;
  const number = text.replaceAll(",", "").replaceAll("\u2212", "-").match(/[-+]?\d*\.?\d+(?:e[-+]?\d+)?/i);
  return number ? Number(number[0]) : null;
}

function compareKeys(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
}

function sortTable(table, column, isNumeric, order) {
  const body = table.tBodies[0];
  const sign = order === "descending" ? -1 : 1;
  const rows = [...body.rows].map((row) => ({ row, key: sortKey(row.cells[column], isNumeric) }));
  rows.sort((a, b) => compareKeys(a.key, b.key, sign));
  body.append(...rows.map(({ row }) => row));
}

/** Put a button into each heading; numbers are first shown from the largest down. */
function initSorting(table) {
  const headings = [...table.tHead.rows[0].cells];
  for (const [column, heading] of headings.entries()) {
    const isNumeric = heading.classList.contains("n");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const usual = isNumeric ? "descending" : "ascending";
      const other = isNumeric ? "ascending" : "descending";
      const order = before === usual ? other : usual;
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      sortTable(table, column, isNumeric, order);
    });
  }
}

initTheme();
initContents();
initCurrentSection();
initScrolling();
document.querySelectorAll("table.sortable").forEach(initSorting);
