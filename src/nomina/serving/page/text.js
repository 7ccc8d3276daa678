/* Texts: code points and UTF-16 units, sizes, directions, and where a long one may be cut. */

const RIGHT_TO_LEFT = /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const WORD = /[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}\p{M}]/gu;
const PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;
const encoder = new TextEncoder();

/** The text with a replacement character for each lone surrogate, which no encoding has. */
export function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** A function from offsets in code points, as the server counts, to offsets in UTF-16 units, as JavaScript does. */
export function unitOffsets(text) {
  const pairs = []; // of each code point that takes two units: its offset in code points
  for (const match of text.matchAll(PAIR)) pairs.push(match.index - pairs.length);
  if (pairs.length === 0) return (offset) => offset;
  return (offset) => {
    let [low, high] = [0, pairs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return offset + low;
  };
}

export function codePoints(text) {
  return text.length - (text.match(PAIR)?.length ?? 0);
}

/** About how many words the server will find; rather more than fewer. */
export function estimateWords(text) {
  return text.match(WORD)?.length ?? 0;
}

/** Bytes of a value in a request. */
export function jsonBytes(value) {
  return encoder.encode(JSON.stringify(value)).length;
}

/** The direction of a text is that of its first letter. */
export function direction(text) {
  const letter = text.match(/\p{L}/u);
  return letter && RIGHT_TO_LEFT.test(letter[0]) ? "rtl" : "ltr";
}

function paragraphs(text) {
  return text.match(/[^]*?(?:\n\s*\n|$)/g).filter(Boolean);
}

function sentences(text) {
  return [...new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text)].map(({ segment }) => segment);
}

function words(text) {
  return text.match(/\s*\S*\s*/g).filter(Boolean);
}

function halves(text) {
  let middle = text.length >> 1;
  if (/[\udc00-\udfff]/.test(text[middle])) middle += 1;
  return middle < text.length && middle > 0 ? [text.slice(0, middle), text.slice(middle)] : [text];
}

const CUTS = [paragraphs, sentences, words, halves];

/**
 * Cut a text into parts that fit into requests: between paragraphs, else sentences, else words, else anywhere.
 *
 * @param {string} text
 * @param {{words: number, bytes: number}} most What a part may hold.
 * @returns {string[]} Parts that together are the text.
 */
export function cutText(text, most, level = 0) {
  const fits = (size) => size.words <= most.words && size.bytes <= most.bytes;
  const measure = (piece) => ({ words: estimateWords(piece), bytes: jsonBytes(piece) });
  if (fits(measure(text))) return [text];
  const pieces = CUTS[level](text);
  if (pieces.length === 1) return level + 1 < CUTS.length ? cutText(text, most, level + 1) : pieces;
  const parts = [];
  let part = "";
  let size = { words: 0, bytes: 0 };
  for (const piece of pieces) {
    const more = measure(piece);
    const sum = { words: size.words + more.words, bytes: size.bytes + more.bytes };
    if (fits(sum)) {
      [part, size] = [part + piece, sum];
      continue;
    }
    if (part) parts.push(part);
    [part, size] = [piece, more];
    if (!fits(more)) {
      parts.push(...cutText(piece, most, Math.min(level + 1, CUTS.length - 1)));
      [part, size] = ["", { words: 0, bytes: 0 }];
    }
  }
  if (part) parts.push(part);
  return parts;
}
