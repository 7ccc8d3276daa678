/* The results' half of the page: the summary, the legend, the filters, and the views. */

import { AnnotatedText, Tip } from "./annotate.js";
import { blocksOf } from "./blocks.js";
import { byId, counted } from "./dom.js";
import { EntityList, summarize } from "./list.js";
import { copy, download, toConll, toJson } from "./outputs.js";
import { Filter, Store, onlyShown } from "./store.js";
import { bindTabs } from "./tabs.js";
import { codePoints } from "./text.js";
import { Palette, countTypes, drawLegend } from "./types.js";

const N_PREVIEW = 100_000; // characters of an export that are shown
const QUIET_MS = 600; // after which a change of the filter is read out

const EXPORTS = {
  json: { write: toJson, name: "entities.json", type: "application/json" },
  conll: { write: toConll, name: "entities.conll", type: "text/plain" },
};

export class Results {
  filter = new Filter();
  palette = new Palette([]);
  types = [];
  showPos = false;
  store = new Store([]);
  #next = null; // of a request under way; it takes the place of `store` with the first answer
  #view = "text";
  #timer = 0;

  constructor() {
    this.tip = new Tip(byId("tip"));
    this.text = new AnnotatedText(byId("annotated"), this);
    const choose = bindTabs(document.querySelector(".tabs"), (tab) => this.#show(tab));
    this.list = new EntityList(byId("view-list"), this, (id) => {
      choose(byId("tab-text"));
      this.text.focus(id);
    });
    this.#bindFilters();
    this.#bindExports();
  }

  #bindFilters() {
    byId("threshold").addEventListener("input", (event) => {
      this.filter.threshold = Number(event.target.value);
      this.#refilter();
    });
    byId("show-pos").addEventListener("change", (event) => {
      this.showPos = event.target.checked;
      this.text.pane.classList.toggle("with-pos", this.showPos);
      this.text.refresh();
    });
    byId("show-all").addEventListener("click", () => {
      this.filter.reset();
      byId("threshold").value = 0;
      this.#refilter();
      byId("threshold").focus();
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.tip.hide();
    });
  }

  #bindExports() {
    byId("only-shown").addEventListener("change", () => this.#drawExport());
    byId("copy").addEventListener("click", async () => {
      const isDone = await copy(this.#exported());
      byId("export-note").textContent = isDone ? "Copied." : "The browser forbids copying; download it instead.";
    });
    byId("download").addEventListener("click", () => {
      const { name, type } = EXPORTS[this.#view];
      download(this.#exported(), name, type);
      byId("export-note").textContent = `Saved as ${name}.`;
    });
  }

  /** @param {string[]} types Of the model. */
  setTypes(types) {
    this.types = types;
    this.palette = new Palette(types);
  }

  /** Get ready for answers about these items; what is there stays until the first, so that nothing flickers. */
  begin(items) {
    this.#next = new Store(items);
    items.forEach((item, i) => item.error && this.#next.fail(i, new Error(item.error)));
    byId("results").ariaBusy = "true";
    this.text.pane.classList.add("stale");
  }

  #takeOver() {
    if (!this.#next) return;
    this.store = this.#next;
    this.#next = null;
    this.text.pane.classList.remove("stale");
    this.text.clear();
    this.tip.hide();
  }

  add(part, answer) {
    this.#takeOver();
    const entities = this.store.add(part, answer, codePoints(part.text ?? ""));
    const { items } = this.store;
    this.text.append(blocksOf(part, answer, entities), items.length > 1 ? items[part.item].name : null);
  }

  /** Show the counts of what has been added. */
  update() {
    if (!this.#next) this.#drawCounts();
  }

  fail(part, error) {
    this.#takeOver();
    this.store.fail(part.item, error, codePoints(part.text ?? ""));
  }

  /** No more answers will come. */
  finish() {
    byId("results").ariaBusy = "false";
    this.#takeOver();
    if (this.#view !== "text") this.#drawView();
    this.#drawCounts();
    this.#readOut(0);
  }

  clear() {
    this.#next = new Store([]);
    this.finish();
  }

  #refilter() {
    this.text.refresh();
    if (this.#view !== "text") this.#drawView();
    this.#drawCounts();
    this.#readOut(QUIET_MS);
  }

  #readOut(delay) {
    clearTimeout(this.#timer);
    const say = () => {
      const { nSentences } = this.store;
      byId("live-summary").textContent = nSentences > 0 ? byId("summary").textContent : "";
    };
    this.#timer = setTimeout(say, delay);
  }

  #drawCounts() {
    const { entities, nSentences, hasPos } = this.store;
    byId("found").hidden = nSentences === 0;
    byId("nothing").hidden = nSentences > 0;
    const sure = entities.filter((entity) => this.filter.isSure(entity));
    const shown = sure.filter((entity) => !this.filter.hidden.has(entity.label));
    const nHidden = entities.length - shown.length;
    byId("summary").textContent =
      summarize(countTypes(shown), shown.length) + (nHidden > 0 ? `; ${nHidden.toLocaleString("en")} hidden` : "");
    byId("show-all").hidden = this.filter.isOpen;
    byId("only-shown-choice").hidden = nHidden === 0;
    byId("threshold-value").textContent = this.filter.threshold.toFixed(2);
    const nUnsure = entities.length - sure.length;
    const hides = `hides ${nUnsure.toLocaleString("en")} of ${entities.length.toLocaleString("en")}`;
    byId("threshold-note").textContent = nUnsure > 0 ? hides : "";
    byId("show-pos").disabled = !hasPos;
    byId("pos-choice").title = hasPos ? "" : "There are no tags: neither in the input nor from the model.";
    this.#drawLegend(new Map(countTypes(sure)));
  }

  #drawLegend(counts) {
    const types = [...new Set([...this.types, ...this.store.entities.map((entity) => entity.label)])];
    drawLegend(byId("legend"), { types, counts, palette: this.palette, filter: this.filter }, (type) => {
      if (!this.filter.hidden.delete(type)) this.filter.hidden.add(type);
      this.#refilter();
    });
  }

  #show(tab) {
    this.#view = tab.id.replace("tab-", "");
    const panel = tab.getAttribute("aria-controls");
    for (const view of document.querySelectorAll(".view")) view.hidden = view.id !== panel;
    byId(panel).setAttribute("aria-labelledby", tab.id);
    this.#drawView();
  }

  #drawView() {
    if (this.#view === "list") {
      this.list.draw(this.store.entities.filter((entity) => this.filter.shows(entity)), this.store.items);
    } else if (this.#view in EXPORTS) {
      this.#drawExport();
    }
  }

  #exported() {
    const { results } = this.store;
    return EXPORTS[this.#view].write(byId("only-shown").checked ? onlyShown(results, this.filter) : results);
  }

  #drawExport() {
    const text = this.#exported();
    const isLong = text.length > N_PREVIEW;
    byId("export").textContent = isLong ? `${text.slice(0, N_PREVIEW)}\n…` : text;
    byId("export-note").textContent = isLong ? `${counted(text.length, "character")}; the beginning is shown.` : "";
  }
}
