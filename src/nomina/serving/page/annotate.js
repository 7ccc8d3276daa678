/* The text with its entities marked. Blocks far from the window are plain text until they come near. */

import { element } from "./dom.js";
import { direction } from "./text.js";
import { typeName } from "./types.js";

const NEAR = "1200px";
const LONG = 24; // UTF-16 units of a word
const N_MANY = 100; // blocks, from which on the browser may leave out what cannot be seen

export function scoreText(score) {
  return score === null || score === undefined ? "" : score.toFixed(2);
}

/** Two mentions of the same: the words and the type agree. */
function mentionKey(entity) {
  return `${entity.label}\n${entity.text.toLowerCase()}`;
}

export class AnnotatedText {
  #blocks = new Map(); // of each element: its block
  #places = []; // by the entity's number: the element of its block
  #entities = [];
  #mentions = new Map();
  #near = new Set();
  #fresh = new Set(); // elements that are drawn as they now shall be
  #current = null; // the number of the entity that had the focus last
  #tabStop = null; // of the one that the Tab key reaches
  #chosen = null;

  /**
   * @param {HTMLElement} pane
   * @param {{palette: object, filter: object, showPos: boolean, tip: object}} view Read anew at each drawing.
   */
  constructor(pane, view) {
    this.pane = pane;
    this.view = view;
    this.observer = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: NEAR });
    pane.addEventListener("keydown", (event) => this.#onKey(event));
    pane.addEventListener("click", (event) => this.#onClick(event));
    pane.addEventListener("focusin", (event) => this.#onFocus(event));
    pane.addEventListener("focusout", () => view.tip.hide());
    pane.addEventListener("mouseover", (event) => this.#explain(event.target));
    pane.addEventListener("mouseout", () => this.#explain(document.activeElement));
    addEventListener("beforeprint", () => this.#drawAll());
  }

  clear() {
    this.observer.disconnect();
    for (const each of [this.#blocks, this.#near, this.#fresh, this.#mentions]) each.clear();
    this.#places = [];
    this.#entities = [];
    this.#current = this.#chosen = this.#tabStop = null;
    this.pane.replaceChildren();
    this.pane.classList.remove("many");
  }

  /** Add blocks to the end, under a title if there is one. */
  append(blocks, title) {
    const made = blocks.map((block) => this.#place(block));
    if (title && made.length > 0) made[0].dataset.place = title;
    this.pane.append(...made);
    this.pane.classList.toggle("many", this.#blocks.size > N_MANY);
    this.#tabStop ??= this.#findTabStop();
    for (const each of made) this.observer.observe(each);
  }

  #place(block) {
    const made = element("div", { className: block.isApart ? "block apart" : "block" });
    const text = block.text.slice(block.from, block.to);
    made.dir = direction(text);
    made.textContent = text;
    this.#blocks.set(made, block);
    for (const sentence of block.sentences) {
      for (const entity of sentence.entities) {
        this.#places[entity.id] = made;
        this.#entities[entity.id] = entity;
        const key = mentionKey(entity);
        this.#mentions.set(key, (this.#mentions.get(key) ?? 0) + 1);
      }
    }
    return made;
  }

  /** Draw again what is near the window, after the filter or the tags that are shown have changed. */
  refresh() {
    this.#fresh.clear();
    this.#tabStop = this.#findTabStop();
    for (const each of this.#near) this.#draw(each);
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        this.#near.add(target);
        this.#draw(target);
      } else {
        this.#near.delete(target);
      }
    }
  }

  #drawAll() {
    for (const each of this.#blocks.keys()) this.#draw(each);
  }

  #draw(place) {
    if (this.#fresh.has(place) || !this.#blocks.has(place)) return;
    this.#fresh.add(place);
    const block = this.#blocks.get(place);
    const { filter, showPos } = this.view;
    const pieces = [];
    let at = block.from;
    const upTo = (to) => {
      if (to > at) pieces.push(block.text.slice(at, to));
      at = Math.max(at, to);
    };
    for (const sentence of block.sentences) {
      const shown = new Map(sentence.entities.filter((e) => filter.shows(e)).map((entity) => [entity.start, entity]));
      for (let i = 0; i < sentence.words.length; i += 1) {
        const entity = shown.get(i);
        if (!entity && !showPos) continue;
        upTo(sentence.words[i][0]);
        const last = entity ? entity.end - 1 : i;
        const words = this.#drawWords(block, sentence, i, last);
        pieces.push(...(entity ? [this.#mark(entity, words)] : words));
        at = sentence.words[last][1];
        i = last;
      }
    }
    upTo(block.to);
    place.replaceChildren(...pieces);
  }

  /** The words from the first to the last, each with its tag if tags are shown. */
  #drawWords(block, sentence, first, last) {
    const text = (from, to) => block.text.slice(from, to);
    if (!this.view.showPos || !sentence.pos) return [text(sentence.words[first][0], sentence.words[last][1])];
    const pieces = [];
    for (let i = first; i <= last; i += 1) {
      const [start, end] = sentence.words[i];
      if (i > first) pieces.push(text(sentence.words[i - 1][1], start));
      const className = end - start > LONG ? "long" : ""; // no other word is broken in two
      pieces.push(element("ruby", { className }, text(start, end), element("rt", { dir: "ltr" }, sentence.pos[i])));
    }
    return pieces;
  }

  #mark(entity, words) {
    const mark = element("mark", { className: `entity ${this.view.palette.of(entity.label)}` });
    const score = scoreText(entity.score);
    mark.dataset.id = entity.id;
    mark.setAttribute("role", "button");
    mark.setAttribute("aria-label", `${entity.text}: ${typeName(entity.label)}${score && `, score ${score}`}`);
    mark.setAttribute("aria-pressed", String(mentionKey(entity) === this.#chosen));
    mark.tabIndex = entity.id === this.#tabStop ? 0 : -1;
    mark.append(element("bdi", {}, ...words), element("bdi", { className: "tag" }, entity.label));
    return mark;
  }

  #findTabStop() {
    const isShown = (entity) => entity !== undefined && this.view.filter.shows(entity);
    if (isShown(this.#entities[this.#current])) return this.#current;
    return this.#entities.find(isShown)?.id ?? null;
  }

  /** Move the focus to an entity, wherever it is. */
  focus(id) {
    const place = this.#places[id];
    if (!place) return;
    this.#draw(place);
    const mark = place.querySelector(`.entity[data-id="${id}"]`);
    mark?.focus();
    mark?.scrollIntoView({ block: "nearest" });
  }

  #onFocus({ target }) {
    this.#explain(target);
    if (!target.matches(".entity")) return;
    for (const each of this.pane.querySelectorAll('.entity[tabindex="0"]')) each.tabIndex = -1;
    target.tabIndex = 0;
    this.#current = this.#tabStop = Number(target.dataset.id);
  }

  /** Say what stands at a place of the page; nothing, if that is no entity. */
  #explain(target) {
    const mark = target.closest(".entity");
    if (!mark) {
      this.view.tip.hide();
      return;
    }
    const entity = this.#entities[mark.dataset.id];
    const n = this.#mentions.get(mentionKey(entity));
    const score = scoreText(entity.score);
    const facts = [typeName(entity.label), score && `score ${score}`, n > 1 && `${n} mentions`].filter(Boolean);
    this.view.tip.show(mark, facts.join(" · "));
  }

  #onClick(event) {
    const mark = event.target.closest(".entity");
    if (mark && getSelection().isCollapsed) this.#choose(mark);
  }

  /** Mark all mentions of an entity, or no more. */
  #choose(mark) {
    const key = mentionKey(this.#entities[mark.dataset.id]);
    this.#chosen = this.#chosen === key ? null : key;
    for (const each of this.pane.querySelectorAll(".entity")) {
      const isChosen = mentionKey(this.#entities[each.dataset.id]) === this.#chosen;
      each.setAttribute("aria-pressed", String(isChosen));
    }
  }

  #onKey(event) {
    const mark = event.target.closest(".entity");
    if (!mark || event.ctrlKey || event.metaKey || event.altKey) return;
    const forward = mark.closest(".block").dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const backward = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const id = Number(mark.dataset.id);
    const n = this.#entities.length;
    const moves = { [forward]: [id + 1, 1], [backward]: [id - 1, -1], Home: [0, 1], End: [n - 1, -1] };
    if (event.key === "Escape") this.view.tip.hide();
    else if (event.key === "Enter" || event.key === " ") this.#choose(mark);
    else if (moves[event.key]) this.#step(...moves[event.key]);
    else return;
    event.preventDefault();
  }

  #step(from, by) {
    for (let id = from; id >= 0 && id < this.#entities.length; id += by) {
      const entity = this.#entities[id];
      if (entity && this.view.filter.shows(entity)) {
        this.focus(id);
        return;
      }
    }
  }
}

/** The one tooltip of the page. */
export class Tip {
  constructor(node) {
    this.node = node;
  }

  show(mark, text) {
    this.node.textContent = text;
    this.node.hidden = false;
    const box = mark.getClientRects()[0] ?? mark.getBoundingClientRect();
    const own = this.node.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - own.width - 8);
    const top = box.top - own.height - 6;
    this.node.style.setProperty("left", `${Math.max(8, left) + scrollX}px`);
    this.node.style.setProperty("top", `${(top < 8 ? box.bottom + 6 : top) + scrollY}px`);
  }

  hide() {
    this.node.hidden = true;
  }
}
