"use strict";

/* A sentence with its errors as an element. Texts of the data only ever become text nodes and attributes. */

/** Make an element: `element("p", {className: "note"}, "text", child)`. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const RIGHT_TO_LEFT = /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** The direction of a sentence is that of its first letter. */
function direction(words) {
  for (const word of words) {
    const letter = word.match(/\p{L}/u);
    if (letter) return RIGHT_TO_LEFT.test(letter[0]) ? "rtl" : "ltr";
  }
  return "ltr";
}

/** A word as it is shown: one without a visible sign by its code points. */
function wordForm(word) {
  if (/[^\p{Z}\p{C}]/u.test(word)) return element("bdi", { className: "form" }, word);
  const points = [...word].map((sign) => `U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
  return element("bdi", { className: "form unseen", title: "a word without a visible sign" }, points.join(" "));
}

/** Which words a search met, as it is done: in the sentence in small letters, words joined by spaces. */
function wordsMet(words, text) {
  const met = new Set();
  if (!text) return met;
  const small = words.map((word) => word.toLowerCase());
  const joined = small.join(" ");
  const hits = [];
  for (let at = joined.indexOf(text); at >= 0; at = joined.indexOf(text, at + 1)) hits.push(at);
  let start = 0;
  small.forEach((word, i) => {
    if (hits.some((hit) => hit < start + word.length && start < hit + text.length)) met.add(i);
    start += word.length + 1;
  });
  return met;
}

/** Per word the gold or predicted entity over it, with its pair. */
function coverage(sentence, side) {
  const covered = new Array(sentence.words.length).fill(null);
  for (const pair of sentence.pairs) {
    if (pair[side]) for (let i = pair[side].start; i < pair[side].end; i += 1) covered[i] = pair;
  }
  return covered;
}

function confidenceText(confidence) {
  return confidence === null ? "" : confidence.toFixed(2);
}

/** The piece of an entity's bracket at one word, and its label at the first. */
function bracket(sentence, pair, side, i) {
  const span = pair[side];
  const state = pair.kind === "correct" ? "right" : "wrong";
  const ends = `${i === span.start ? " start" : ""}${i === span.end - 1 ? " end" : ""}`;
  const pieces = [element("span", { className: `bracket ${side} ${state}${ends}` })];
  if (i === span.start) {
    const label = element("span", { className: `label ${side} ${state}` }, span.type);
    if (side === "predicted" && pair.confidence !== null) {
      label.append(" ", element("span", { className: "confidence" }, confidenceText(pair.confidence)));
    }
    // A label, which is in small type, may reach over the next words of a long entity rather than widen its first.
    const n = sentence.words.slice(span.start, span.end).join(" ").length;
    if (span.end > i + 1 && n > label.textContent.length) label.classList.add("over");
    pieces.push(label);
  }
  return pieces;
}

/** The words in a row, gold entities above and predicted ones below. */
function drawWords(sentence, met) {
  const gold = coverage(sentence, "gold");
  const predicted = coverage(sentence, "predicted");
  const drawing = element("div", { className: "words", dir: direction(sentence.words) });
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", sentence.words.join(" "));
  sentence.words.forEach((word, i) => {
    const column = element("span", { className: met.has(i) ? "word met" : "word" });
    if (gold[i]) column.append(...bracket(sentence, gold[i], "gold", i));
    column.append(wordForm(word));
    if (sentence.pos) column.append(element("span", { className: "pos" }, sentence.pos[i]));
    if (predicted[i]) column.append(...bracket(sentence, predicted[i], "predicted", i));
    drawing.append(column);
  });
  return drawing;
}

function entityText(sentence, span) {
  return element("bdi", {}, sentence.words.slice(span.start, span.end).join(" "));
}

/** One error in words: its kind, what was to be found and what was found. */
function describeError(sentence, pair, isMatch) {
  const item = element("li", { className: isMatch ? "asked" : "" });
  item.append(element("span", { className: `kind ${pair.kind}` }, pair.kindName), " ");
  if (pair.gold) {
    item.append(element("b", { className: "gold" }, `gold ${pair.gold.type}`), " ", entityText(sentence, pair.gold));
  }
  if (pair.gold && pair.predicted) item.append(" → ");
  if (pair.predicted) {
    item.append(element("b", { className: "predicted" }, `predicted ${pair.predicted.type}`));
    // The same words need not be said twice.
    if (pair.kind !== "type") item.append(" ", entityText(sentence, pair.predicted));
    if (pair.confidence !== null) item.append(`, confidence ${confidenceText(pair.confidence)}`);
  }
  return item;
}

/** One IOB2 tag per word from one side's entities. */
function tagsOf(sentence, side) {
  return coverage(sentence, side).map((pair, i) => {
    if (!pair) return "O";
    return `${i === pair[side].start ? "B" : "I"}-${pair[side].type}`;
  });
}

/** The sentence in columns as CoNLL files have them: word, tag, gold and predicted entity. */
function copyText(sentence) {
  const gold = tagsOf(sentence, "gold");
  const predicted = tagsOf(sentence, "predicted");
  const comments = [sentence.place, sentence.document && `document ${sentence.document}`].filter(Boolean);
  const columns = ["word", ...(sentence.pos ? ["pos"] : []), "gold", "predicted"].join("\t");
  const lines = sentence.words.map((word, i) =>
    [word, ...(sentence.pos ? [sentence.pos[i]] : []), gold[i], predicted[i]].join("\t"),
  );
  return [...comments, columns].map((line) => `# ${line}\n`).join("") + lines.map((line) => `${line}\n`).join("");
}

/**
 * A sentence as an entry of the list.
 *
 * @param {object} sentence As `ErrorStore.sentence` gives it.
 * @param {{number: number, asked: boolean[], text: string}} view Its place in the list, from 1 on; which of its errors
 *   were asked for; the text that was searched for.
 */
function drawCard(sentence, view) {
  const card = element("li", { className: "card", tabIndex: -1 });
  const copy = element("button", { type: "button", className: "copy" }, "Copy");
  copy.setAttribute("aria-label", `Copy sentence ${view.number} as text`);
  const head = element("div", { className: "head" });
  head.append(element("span", { className: "number" }, String(view.number)));
  if (sentence.place) head.append(element("bdi", { className: "place" }, sentence.place));
  if (sentence.document !== null) head.append(element("span", {}, "document ", element("bdi", {}, sentence.document)));
  head.append(element("span", {}, sentence.words.length === 1 ? "1 word" : `${sentence.words.length} words`), copy);
  const errors = sentence.pairs.filter((pair) => pair.kind !== "correct");
  const list = element("ul", { className: "faults" });
  list.append(...errors.map((pair, e) => describeError(sentence, pair, view.asked[e])));
  card.append(head, drawWords(sentence, wordsMet(sentence.words, view.text)), list);
  return card;
}
