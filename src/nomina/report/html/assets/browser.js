"use strict";

/* global ErrorStore, FacetGroup, copyText, drawCard, element */

const PER_PAGE = 25;
const SEARCH_DELAY_MS = 120;
const PLAIN_KEYS = "nomina-plain-keys";

const byId = (id) => document.getElementById(id);
const inWords = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** What the address says of the errors: a query and a page, from 0 on. */
function readAddress(store, hash) {
  const parameters = new URLSearchParams(hash.startsWith("#errors?") ? hash.slice("#errors?".length) : "");
  const chosen = new Map();
  for (const facet of store.facets) {
    const values = parameters.getAll(facet.id).map((key) => facet.number(key));
    if (values.length) chosen.set(facet.id, new Set(values));
  }
  const page = Math.max(1, Number.parseInt(parameters.get("page") ?? "1", 10) || 1) - 1;
  return { query: { chosen, text: parameters.get("q") ?? "", sort: parameters.get("sort") ?? "" }, page };
}

function writeAddress(store, query, page) {
  const parameters = new URLSearchParams();
  for (const facet of store.facets) {
    for (const value of query.chosen.get(facet.id) ?? []) parameters.append(facet.id, facet.keys[value]);
  }
  if (query.text) parameters.set("q", query.text);
  if (query.sort) parameters.set("sort", query.sort);
  if (page) parameters.set("page", String(page + 1));
  return parameters.size ? `#errors?${parameters}` : "#errors";
}

class ErrorBrowser {
  constructor(store) {
    this.store = store;
    this.list = byId("error-list");
    this.search = byId("error-search");
    this.sort = byId("error-sort");
    const all = store.answer({ chosen: new Map(), text: "", sort: "" });
    this.groups = store.facets.map(
      (facet) => new FacetGroup(facet, all.counts.get(facet.id), (...change) => this.choose(...change)),
    );
    byId("error-facets").append(...this.groups.map((group) => group.root));
    for (const option of this.sort.options) {
      if (["confident", "unsure"].includes(option.value)) option.disabled = !store.hasConfidence;
    }
    this.pagers = [...document.querySelectorAll("#error-browser .pager")].map((nav) => this.#makePager(nav));
    this.readAddress();
  }

  readAddress() {
    const { query, page } = readAddress(this.store, location.hash);
    this.query = query;
    this.search.value = query.text;
    this.sort.value = query.sort;
    if (this.sort.selectedIndex < 0) this.sort.value = this.query.sort = "";
    this.show(page);
  }

  choose(facet, value, isChosen) {
    const values = this.query.chosen.get(facet.id) ?? new Set();
    if (isChosen) values.add(value);
    else values.delete(value);
    if (values.size) this.query.chosen.set(facet.id, values);
    else this.query.chosen.delete(facet.id);
    this.ask();
  }

  clear() {
    this.query = { chosen: new Map(), text: "", sort: this.query.sort };
    this.search.value = "";
    this.ask();
  }

  /** Answer a query that the reader changed, from its first page. */
  ask() {
    this.show(0);
    this.keepAddress();
  }

  keepAddress() {
    history.replaceState(null, "", writeAddress(this.store, this.query, this.page));
  }

  show(page) {
    this.answer = this.store.answer(this.query);
    for (const group of this.groups) {
      group.update(this.query.chosen.get(group.facet.id), this.answer.counts.get(group.facet.id));
    }
    const { sentences, nErrors } = this.answer;
    const shown = sentences.length.toLocaleString("en");
    byId("error-status").textContent =
      `${shown} of ${inWords(this.store.size, "wrong sentence")}, ${inWords(nErrors, "error")}`;
    byId("error-clear").disabled = !this.query.chosen.size && !this.query.text;
    const nChosen = [...this.query.chosen.values()].reduce((n, values) => n + values.size, 0);
    byId("error-filter-count").textContent = nChosen ? `(${nChosen})` : "";
    this.showPage(page);
  }

  get nPages() {
    return Math.max(1, Math.ceil(this.answer.sentences.length / PER_PAGE));
  }

  showPage(page) {
    this.page = Math.min(page, this.nPages - 1);
    const first = this.page * PER_PAGE;
    const sentences = this.answer.sentences.slice(first, first + PER_PAGE);
    this.list.replaceChildren(...sentences.map((sentence, i) => this.#card(sentence, first + i + 1)));
    this.list.start = first + 1;
    if (this.cards.length) this.cards[0].tabIndex = 0;
    else this.list.append(element("li", { className: "nothing" }, this.#nothing()));
    for (const pager of this.pagers) this.#updatePager(pager);
  }

  #nothing() {
    return this.store.size ? "No sentence has all of this; clear a filter." : "Every sentence was right.";
  }

  #card(sentence, number) {
    const { firstError } = this.store;
    const asked = [...this.answer.matches.subarray(firstError[sentence], firstError[sentence + 1])].map(Boolean);
    const text = this.query.text.trim().toLowerCase();
    const card = drawCard(this.store.sentence(sentence), { number, asked, text });
    card.dataset.sentence = String(sentence);
    return card;
  }

  get cards() {
    return [...this.list.querySelectorAll(".card")];
  }

  #makePager(nav) {
    const before = element("button", { type: "button" }, "‹ Previous");
    const after = element("button", { type: "button" }, "Next ›");
    const place = element("span");
    before.addEventListener("click", () => this.turn(-1));
    after.addEventListener("click", () => this.turn(1));
    nav.append(before, place, after);
    return { nav, before, after, place };
  }

  #updatePager({ nav, before, after, place }) {
    nav.hidden = this.nPages === 1;
    before.disabled = this.page === 0;
    after.disabled = this.page === this.nPages - 1;
    place.textContent = `Page ${this.page + 1} of ${this.nPages.toLocaleString("en")}`;
  }

  /** Go to another page, if there is one, and to its first or last sentence. */
  turn(step, toLast = false) {
    const page = this.page + step;
    if (page < 0 || page >= this.nPages) return;
    this.showPage(page);
    this.keepAddress();
    this.focusCard(this.cards.at(toLast ? -1 : 0));
  }

  focusCard(card) {
    if (!card) return;
    for (const each of this.cards) each.tabIndex = each === card ? 0 : -1;
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  get current() {
    return document.activeElement?.closest("#error-list .card") ?? null;
  }

  /** The next sentence or the one before, over the borders of pages. */
  move(step) {
    const { cards, current } = this;
    if (!current) {
      this.focusCard(cards.find((card) => card.tabIndex === 0));
      return;
    }
    const next = cards.indexOf(current) + step;
    if (next >= 0 && next < cards.length) this.focusCard(cards[next]);
    else this.turn(step, step < 0);
  }

  async copy(card) {
    const button = card.querySelector(".copy");
    let outcome = "Copied";
    try {
      await navigator.clipboard.writeText(copyText(this.store.sentence(Number(card.dataset.sentence))));
    } catch {
      outcome = "Not allowed";
    }
    button.textContent = outcome;
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  }
}

/** Keys without Ctrl or Alt can be switched off, for who speaks to the computer (WCAG 2.1.4). */
function plainKeys() {
  const box = byId("error-shortcuts");
  try {
    box.checked = localStorage.getItem(PLAIN_KEYS) !== "off";
  } catch {
    box.checked = true;
  }
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(PLAIN_KEYS, box.checked ? "on" : "off");
    } catch {
      // It then holds until the page is left.
    }
  });
  return () => box.checked;
}

function connectKeys(browser) {
  const areOn = plainKeys();
  const help = byId("error-keys");
  const actions = {
    j: () => browser.move(1),
    k: () => browser.move(-1),
    n: () => browser.turn(1),
    p: () => browser.turn(-1),
    c: () => browser.current && browser.copy(browser.current),
    "/": () => browser.search.focus(),
    "?": () => help.showModal(),
  };
  const arrows = { ArrowDown: actions.j, ArrowUp: actions.k };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.matches("input:not([type=checkbox]), select")) return;
    const action = (areOn() && actions[event.key]) || (event.target.matches(".card") && arrows[event.key]);
    if (!action) return;
    event.preventDefault();
    action();
  });
  browser.search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") browser.search.blur();
  });
  byId("error-help").addEventListener("click", () => help.showModal());
  byId("error-keys-close").addEventListener("click", () => help.close());
}

function connectControls(browser) {
  let waiting;
  browser.search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      browser.query.text = browser.search.value;
      browser.ask();
    }, SEARCH_DELAY_MS);
  });
  browser.sort.addEventListener("change", () => {
    browser.query.sort = browser.sort.value;
    browser.ask();
  });
  byId("error-clear").addEventListener("click", () => browser.clear());
  browser.list.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    if (card && event.target.closest(".copy")) browser.copy(card);
  });
  browser.list.addEventListener("focusin", (event) => {
    const card = event.target.closest(".card");
    for (const each of browser.cards) each.tabIndex = each === card ? 0 : -1;
  });
}

/** Links such as `#errors?kind=type&gold=per` set the filters, wherever they stand. */
function connectLinks(browser) {
  const visit = () => byId("errors").scrollIntoView();
  addEventListener("hashchange", () => {
    // The entry of the contents leads here without a change of the filters.
    if (location.hash === "#errors") browser.keepAddress();
    if (!location.hash.startsWith("#errors?")) return;
    browser.readAddress();
    visit();
  });
  document.addEventListener("click", (event) => {
    // The same address once more makes no event of its own.
    const link = event.target.closest('a[href^="#errors?"]');
    if (link && link.hash === location.hash) visit();
  });
  if (location.hash.startsWith("#errors?")) visit();
}

function startErrorBrowser() {
  const browser = new ErrorBrowser(new ErrorStore(JSON.parse(byId("errors-data").textContent)));
  byId("error-browser").hidden = false;
  byId("error-filters").open = matchMedia("(min-width: 48rem)").matches;
  connectControls(browser);
  connectKeys(browser);
  connectLinks(browser);
}

// The page is drawn first: a task from an animation frame runs after that frame.
if (byId("error-browser")) requestAnimationFrame(() => setTimeout(startErrorBrowser));
