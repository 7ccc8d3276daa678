/* What was labelled, cut into blocks to show: paragraphs of texts, and sentences of files. */

import { unitOffsets } from "./text.js";

const SENTENCES_A_BLOCK = 60;

/**
 * A piece of a text that is drawn at once.
 *
 * @typedef {object} Block
 * @property {string} text All of the part's text; `from` and `to` are UTF-16 units in it.
 * @property {object[]} sentences Each with its `words` as `[start, end]` in units, its `pos` and its `entities`.
 * @property {boolean} isApart Whether an empty line stands before it.
 */

function byWords(part, sentence) {
  let at = 0;
  const words = sentence.words.map((word) => {
    const start = at;
    at += word.length + 1;
    return [start, start + word.length];
  });
  return { words, pos: sentence.pos };
}

function located(part, answer, entities) {
  const units = part.text === undefined ? null : unitOffsets(part.text);
  const sentences = answer.sentences.map((sentence) =>
    units
      ? { words: sentence.offsets.map(([start, end]) => [units(start), units(end)]), pos: sentence.pos }
      : byWords(part, sentence),
  );
  for (const sentence of sentences) sentence.entities = [];
  const first = entities.length > 0 ? entities[0].sentence - answer.entities[0].sentence : 0;
  for (const entity of entities) sentences[entity.sentence - first].entities.push(entity);
  return sentences.filter((sentence) => sentence.words.length > 0);
}

/** Blocks of a part and its answer; line breaks between sentences part them. */
export function blocksOf(part, answer, entities) {
  const text = part.text ?? answer.sentences.map(({ words }) => words.join(" ")).join("\n");
  const sentences = located(part, answer, entities);
  const blocks = [];
  let block = { text, from: 0, sentences: [], isApart: part.isApart ?? false };
  const close = (to) => {
    block.to = to;
    if (block.sentences.length > 0) blocks.push(block);
  };
  for (const sentence of sentences) {
    const end = block.sentences.at(-1)?.words.at(-1)[1];
    if (end !== undefined) {
      const gap = text.slice(end, sentence.words[0][0]);
      const breaks = gap.match(/\r\n|[\n\r\u2028\u2029]/g)?.length ?? 0;
      if (breaks > 0 || block.sentences.length === SENTENCES_A_BLOCK) {
        close(end + gap.trimEnd().length);
        const indent = breaks > 0 ? gap.match(/[^\S\n\r\u2028\u2029]*$/)[0].length : 0;
        block = { text, from: sentence.words[0][0] - indent, sentences: [], isApart: breaks > 1 };
      }
    }
    block.sentences.push(sentence);
  }
  close(text.trimEnd().length);
  if (blocks.length > 0) blocks[0].from = text.search(/[^\S\n\r\u2028\u2029]*\S/);
  return blocks;
}
