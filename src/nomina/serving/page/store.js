/* What the server found, item by item, and what of it is shown. */

/**
 * An entity as the views need it: what the server said, with `item` and `id`, its place in all of them.
 *
 * @typedef {object} Entity
 */

function emptyResult() {
  return { sentences: [], entities: [] };
}

/** An answer with what was moved in front of it: sentences of the same item, and `chars` code points of its text. */
function moved(entity, sentences, chars) {
  const shift = (offset) => (offset === null ? null : offset + chars);
  return {
    ...entity,
    sentence: entity.sentence + sentences,
    start_char: shift(entity.start_char),
    end_char: shift(entity.end_char),
  };
}

export class Store {
  /** @param {object[]} items What is asked about, as in `requests.js`. */
  constructor(items) {
    this.items = items;
    this.results = items.map(emptyResult);
    this.chars = items.map(() => 0); // code points of each item's text that are answered
    /** @type {Entity[]} */
    this.entities = [];
    this.failures = [];
    this.hasPos = false;
  }

  /**
   * Take in the answer to a part.
   *
   * @param {{item: number}} part
   * @param {object} answer As the server gave it.
   * @param {number} chars Code points of the part's text.
   * @returns {Entity[]} The new ones; word indices within their sentences.
   */
  add(part, answer, chars) {
    const result = this.results[part.item];
    const before = this.chars[part.item];
    const entities = answer.entities.map((entity) => moved(entity, result.sentences.length, before));
    for (const sentence of answer.sentences) {
      const offsets = sentence.offsets && sentence.offsets.map(([start, end]) => [start + before, end + before]);
      result.sentences.push({ ...sentence, offsets });
      this.hasPos ||= sentence.pos !== null;
    }
    result.entities.push(...entities);
    this.chars[part.item] += chars;
    const known = entities.map((entity, i) => ({ ...entity, item: part.item, id: this.entities.length + i }));
    this.entities.push(...known);
    return known;
  }

  /** Note that an item, or a part of so many code points of it, could not be labelled, and why. */
  fail(item, error, chars = 0) {
    this.chars[item] += chars;
    this.failures.push({ item, name: this.items[item].name, error });
    this.results[item] = { ...this.results[item], error: { message: error.message } };
  }

  get nSentences() {
    return this.results.reduce((sum, result) => sum + result.sentences.length, 0);
  }
}

/** Which entities are shown: all but those of some types and those that are not sure enough. */
export class Filter {
  constructor() {
    this.hidden = new Set();
    this.threshold = 0;
  }

  isSure(entity) {
    return (entity.score ?? 1) >= this.threshold;
  }

  shows(entity) {
    return this.isSure(entity) && !this.hidden.has(entity.label);
  }

  get isOpen() {
    return this.hidden.size === 0 && this.threshold === 0;
  }

  reset() {
    this.hidden.clear();
    this.threshold = 0;
  }
}

/** The results without the entities that are not shown; their words are labelled as being outside. */
export function onlyShown(results, filter) {
  return results.map((result) => {
    const sentences = result.sentences.map((sentence) => ({ ...sentence, labels: [...sentence.labels] }));
    for (const entity of result.entities) {
      if (!filter.shows(entity)) sentences[entity.sentence].labels.fill("O", entity.start, entity.end);
    }
    return { ...result, sentences, entities: result.entities.filter((entity) => filter.shows(entity)) };
  });
}
