/* The entities as a table that can be sorted by its headings. */

import { scoreText } from "./annotate.js";
import { counted, element } from "./dom.js";
import { typeName } from "./types.js";

const N_ROWS = 200; // at a time
const N_NAMED = 8; // types in a summary

const COLUMNS = [
  { name: "Entity", key: (entity) => entity.text },
  { name: "Type", key: (entity) => entity.label },
  { name: "Score", key: (entity) => entity.score ?? -1, isNumeric: true },
  { name: "Sentence", key: (entity) => entity.id, isNumeric: true },
];

export class EntityList {
  #order = { column: 3, sign: 1 };
  #n = N_ROWS;

  /**
   * @param {HTMLElement} pane
   * @param {{palette: object}} view
   * @param {(id: number) => void} goTo Shows an entity in the text.
   */
  constructor(pane, view, goTo) {
    Object.assign(this, { pane, view, goTo });
  }

  /**
   * @param {object[]} entities Those that are shown.
   * @param {object[]} items Where they are from.
   */
  draw(entities, items) {
    Object.assign(this, { entities, items });
    const { column, sign } = this.#order;
    const key = COLUMNS[column].key;
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
    const sorted = [...entities].sort((a, b) => sign * compare(key(a), key(b)) || a.id - b.id);
    const rows = sorted.slice(0, this.#n).map((entity) => this.#row(entity));
    const caption = element("caption", { className: "unseen" }, "Entities that are shown");
    const table = element("table", {}, caption, this.#head(), element("tbody", {}, ...rows));
    const parts = [element("div", { className: "table" }, table)];
    if (sorted.length > this.#n) {
      const nLeft = (sorted.length - this.#n).toLocaleString("en");
      const more = element("button", { type: "button" }, `Show more (${nLeft} left)`);
      more.addEventListener("click", () => {
        const before = this.#n;
        this.#n += N_ROWS;
        this.draw(entities, items);
        this.pane.querySelectorAll("tbody button")[before]?.focus();
      });
      parts.push(more);
    }
    if (sorted.length === 0) parts.splice(0, 1, element("p", { className: "quiet" }, "No entity is shown."));
    this.pane.replaceChildren(...parts);
  }

  #head() {
    const row = element("tr");
    COLUMNS.forEach(({ name, isNumeric }, column) => {
      const button = element("button", { type: "button", className: "sort" }, name);
      const heading = element("th", { scope: "col", className: isNumeric ? "n" : "" }, button);
      const isSorted = this.#order.column === column;
      if (isSorted) heading.ariaSort = this.#order.sign > 0 ? "ascending" : "descending";
      button.addEventListener("click", () => {
        this.#order = { column, sign: isSorted ? -this.#order.sign : name === "Score" ? -1 : 1 };
        this.#n = N_ROWS;
        this.draw(this.entities, this.items);
        this.pane.querySelectorAll(".sort")[column].focus();
      });
      row.append(heading);
    });
    return element("thead", {}, row);
  }

  #row(entity) {
    const button = element("button", { type: "button", className: "link" }, element("bdi", {}, entity.text));
    button.setAttribute("aria-label", `${entity.text}, show in the text`);
    button.addEventListener("click", () => this.goTo(entity.id));
    const className = `tag ${this.view.palette.of(entity.label)}`;
    const type = element("bdi", { className, title: typeName(entity.label) }, entity.label);
    const sentence = String(entity.sentence + 1);
    const place = this.items.length > 1 ? `${this.items[entity.item].name}, ${sentence}` : sentence;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, button),
      element("td", {}, type),
      element("td", { className: "n" }, scoreText(entity.score)),
      element("td", { className: "n" }, element("bdi", {}, place)),
    );
  }
}

/** "12 entities: 5 person (per), 7 place (geo)"; the rarest of many types together. */
export function summarize(counts, nShown) {
  const named = counts.length > N_NAMED + 1 ? counts.slice(0, N_NAMED) : counts;
  const parts = named.map(([type, n]) => `${n.toLocaleString("en")} ${typeName(type)}`);
  const nOthers = counts.slice(named.length).reduce((sum, [, n]) => sum + n, 0);
  if (nOthers > 0) parts.push(`${nOthers.toLocaleString("en")} of other types`);
  return [counted(nShown, "entity", "entities"), parts.join(", ")].filter(Boolean).join(": ");
}
