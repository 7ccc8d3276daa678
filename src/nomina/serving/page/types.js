/* Entity types: their names in words, and a colour each. */

import { element } from "./dom.js";

const N_COLOURS = 12;

// What the abbreviations of the common annotation schemes (CoNLL-2003, GMB, OntoNotes) stand for.
const NAMES = {
  per: "person",
  person: "person",
  org: "organisation",
  loc: "place",
  geo: "place",
  gpe: "country or city",
  fac: "building",
  tim: "time",
  date: "date",
  time: "time",
  art: "artefact",
  eve: "event",
  event: "event",
  nat: "natural phenomenon",
  misc: "miscellaneous",
  norp: "nationality or group",
  product: "product",
  law: "law",
  language: "language",
  money: "amount of money",
  percent: "percentage",
  quantity: "quantity",
  ordinal: "ordinal number",
  cardinal: "number",
  work_of_art: "work of art",
};

// The same colour in every model for what everybody marks; others get what is left over.
const USUAL = {
  ...{ per: 0, person: 0, org: 1, loc: 2, geo: 2, gpe: 3, tim: 4, date: 4, time: 5 },
  ...{ misc: 6, eve: 7, event: 7, art: 8, nat: 9 },
};

/** A type in words, with its label where that says something else: "person (per)". */
export function typeName(type) {
  const name = NAMES[type.toLowerCase()];
  return name && name !== type.toLowerCase() ? `${name} (${type})` : type;
}

export class Palette {
  #classes = new Map();

  /** @param {string[]} types Of the model. */
  constructor(types) {
    const free = new Set(Array(N_COLOURS).keys());
    const give = (type, slot) => {
      free.delete(slot);
      this.#classes.set(type, `type-${slot}`);
    };
    const others = types.filter((type) => {
      const slot = USUAL[type.toLowerCase()];
      if (!free.has(slot)) return true;
      give(type, slot);
      return false;
    });
    // Where there are more types than colours, those share one that nobody expects to be a certain type's.
    others.forEach((type, i) => give(type, [...free][0] ?? N_COLOURS - 1 - (i % (N_COLOURS / 2))));
  }

  /** The class that colours a type. */
  of(type) {
    if (!this.#classes.has(type)) this.#classes.set(type, `type-${this.#classes.size % N_COLOURS}`);
    return this.#classes.get(type);
  }
}

/** How many entities of each type, the most frequent first. */
export function countTypes(entities) {
  const counts = new Map();
  for (const { label } of entities) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/**
 * Draw the legend: a button for each type that shows and hides it.
 *
 * @param {HTMLElement} legend
 * @param {{types: string[], counts: Map<string, number>, palette: Palette, filter: object}} view `counts` of the
 *   entities that are sure enough.
 * @param {(type: string) => void} toggle
 */
export function drawLegend(legend, { types, counts, palette, filter }, toggle) {
  const focused = document.activeElement?.dataset?.type;
  const buttons = types.map((type) => {
    const count = counts.get(type) ?? 0;
    const button = element("button", { type: "button", className: `chip ${palette.of(type)}` });
    button.dataset.type = type;
    button.setAttribute("aria-pressed", String(!filter.hidden.has(type)));
    button.setAttribute("aria-label", `${typeName(type)}, ${count}`);
    button.title = typeName(type);
    if (count === 0) button.classList.add("none");
    const number = element("span", { className: "count" }, count.toLocaleString("en"));
    button.append(element("span", { className: "swatch" }), element("bdi", { className: "name" }, type), number);
    button.addEventListener("click", () => toggle(type));
    return button;
  });
  legend.replaceChildren(...buttons);
  buttons.find((button) => button.dataset.type === focused)?.focus();
}
