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
    this.offered = [...facet.values.keys()].filter((value) => totals[value] > 0);
    this.largest = Math.max(1, ...totals);
    this.rows = new Map(this.offered.map((value) => [value, this.#makeRow(value, onChange)]));
    this.more = element("button", { type: "button", className: "more" });
    this.more.addEventListener("click", () => this.#toggleMore());
    const fieldset = element("fieldset", {}, element("legend", { className: "unseen-text" }, facet.title));
    fieldset.append(...[...this.rows.values()].map(({ label }) => label), this.more);
    this.summary = element("summary", {}, facet.title);
    this.root = element("details", { className: "facet", open: !facet.id.startsWith("slice.") }, this.summary, fieldset);
    this.isLong = false;
  }

  #makeRow(value, onChange) {
    const box = element("input", { type: "checkbox" });
    const count = element("span", { className: "count" });
    const label = element("label", {}, box, element("bdi", { className: "name" }, this.facet.values[value]), " ", count);
    box.addEventListener("change", () => onChange(this.facet, value, box.checked));
    return { box, count, label };
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
    this.more.hidden = this.offered.length <= FACET_ROWS;
    this.more.textContent = this.isLong ? "Show fewer" : `Show all ${this.offered.length}`;
    this.more.setAttribute("aria-expanded", String(this.isLong));
  }

  /** Show what is chosen and how many errors each value has now. */
  update(chosen, counts) {
    for (const [value, { box, count, label }] of this.rows) {
      box.checked = chosen?.has(value) ?? false;
      count.textContent = counts[value].toLocaleString("en");
      label.classList.toggle("none", counts[value] === 0);
      label.style.setProperty("--share", `${(100 * counts[value]) / this.largest}%`);
    }
    const n = chosen?.size ?? 0;
    this.summary.textContent = n ? `${this.facet.title} (${n})` : this.facet.title;
    if (n) this.root.open = true;
    this.#fold();
  }
}
