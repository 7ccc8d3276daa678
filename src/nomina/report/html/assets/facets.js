"use strict";

/* global element */

const FACET_ROWS = 8; // a facet with more values shows those at first, and a button for the others

/** A facet as a group of check boxes, with the errors of each value beside it. */
class FacetGroup {
  /**
   * @param {Facet} facet
   * @param {Uint32Array} totals Errors by value when nothing is filtered; values without any are not offered.
   * @param {(facet: Facet, value: number, isChosen: boolean) => void} onChange
   */
  constructor(facet, totals, onChange) {
    this.facet = facet;
    this.totals = totals;
    this.onChange = onChange;
    this.largest = Math.max(1, ...totals);
    this.rows = new Map();
    this.more = element("button", { type: "button", className: "more" });
    this.more.addEventListener("click", () => this.#toggleMore());
    this.isLong = false;
    const legend = element("legend", { className: "unseen-text" }, facet.title);
    this.fieldset = element("fieldset", {}, legend, this.more);
    this.summary = element("summary", {}, facet.title);
    const open = !facet.id.startsWith("slice.");
    this.root = element("details", { className: "facet", open }, this.summary, this.fieldset);
    totals.forEach((total, value) => {
      if (total > 0) this.#addRow(value);
    });
  }

  #addRow(value) {
    const box = element("input", { type: "checkbox" });
    const count = element("span", { className: "count" });
    const name = element("bdi", { className: "name" }, this.facet.values[value]);
    const label = element("label", {}, box, name, " ", count);
    box.addEventListener("change", () => this.onChange(this.facet, value, box.checked));
    this.rows.set(value, { box, count, label });
    this.more.before(label);
  }

  #toggleMore() {
    this.isLong = !this.isLong;
    this.#fold();
  }

  /** Chosen values are always to be seen. */
  #fold() {
    let n = 0;
    for (const { box, label } of this.rows.values()) {
      label.hidden = !this.isLong && n >= FACET_ROWS && !box.checked;
      n += 1;
    }
    this.more.hidden = this.rows.size <= FACET_ROWS;
    this.more.textContent = this.isLong ? "Show fewer" : `Show all ${this.rows.size}`;
    this.more.setAttribute("aria-expanded", String(this.isLong));
  }

  /** An address may ask for what no error has; it is shown as long as it is asked for. */
  #offerAsked(chosen) {
    for (const [value, { label }] of this.rows) {
      if (this.totals[value] || chosen.has(value)) continue;
      label.remove();
      this.rows.delete(value);
    }
    for (const value of chosen) if (!this.rows.has(value)) this.#addRow(value);
  }

  /** Show what is chosen and how many errors each value has now. */
  update(chosen, counts) {
    this.#offerAsked(chosen ?? new Set());
    for (const [value, { box, count, label }] of this.rows) {
      box.checked = chosen?.has(value) ?? false;
      count.textContent = counts[value].toLocaleString("en");
      label.classList.toggle("none", counts[value] === 0);
      label.style.setProperty("--share", `${(100 * counts[value]) / this.largest}%`);
    }
    const n = chosen?.size ?? 0;
    this.summary.textContent = n ? `${this.facet.title} (${n})` : this.facet.title;
    if (n) this.root.open = true;
    this.root.hidden = this.rows.size === 0;
    this.#fold();
  }
}
