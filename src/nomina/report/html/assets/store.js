"use strict";

/**
 * What is asked of the errors.
 *
 * `chosen` holds the chosen values by facet ("kind", "gold", "pred", "slice.NAME"), as numbers into the facet's values;
 * a facet without an entry asks for nothing.
 *
 * @typedef {{chosen: Map<string, Set<number>>, text: string, sort: string}} Query
 *
 * `sentences` are in the order asked for; `counts` has for each facet the errors of each value among those that the
 * rest of the query lets through.
 *
 * @typedef {{sentences: number[], nErrors: number, matches: Uint8Array, counts: Map<string, Uint32Array>}} Answer
 */

const CORRECT = 0; // in the list of kinds
const PAIR_SIZE = 8; // kind, gold type, start, end, predicted type, start, end, confidence
const CONFIDENCE_STEPS = 10000;

/** A property of errors that can be filtered by. `values` are what the page shows, `keys` what addresses say. */
class Facet {
  constructor(id, title, keys, values) {
    this.id = id;
    this.title = title;
    this.keys = [...keys];
    this.values = [...values];
  }

  /** The number of the value that addresses call so; one that no error has becomes a value that finds nothing. */
  number(key) {
    const known = this.keys.indexOf(key);
    if (known >= 0) return known;
    this.keys.push(key);
    return this.values.push(key) - 1;
  }
}

/** All errors, one beside the other in flat arrays, so that a filter is one pass over numbers. */
class ErrorStore {
  constructor(payload) {
    this.payload = payload;
    this.size = payload.sentences.length;
    this.facets = this.#makeFacets();
    this.#flatten();
  }

  #makeFacets() {
    const { kinds, types, slices } = this.payload;
    return [
      new Facet("kind", "Kind of error", kinds.map(([key]) => key), kinds.map(([, name]) => name)),
      new Facet("gold", "Gold type", types, types),
      new Facet("pred", "Predicted type", types, types),
      ...slices.map(([name, values]) => new Facet(`slice.${name}`, name, values, values)),
    ];
  }

  /** `firstError[i]` to `firstError[i + 1]` are the errors of sentence i. */
  #flatten() {
    const { sentences } = this.payload;
    const sums = sentences.map(([, , pairs]) => {
      let n = 0;
      for (let at = 0; at < pairs.length; at += PAIR_SIZE) n += pairs[at] !== CORRECT;
      return n;
    });
    this.firstError = new Uint32Array(this.size + 1);
    sums.forEach((n, i) => {
      this.firstError[i + 1] = this.firstError[i] + n;
    });
    this.nErrors = this.firstError[this.size];
    this.columns = [new Int16Array(this.nErrors), new Int16Array(this.nErrors), new Int16Array(this.nErrors)];
    this.confidence = new Int16Array(this.nErrors);
    let error = 0;
    for (const [, , pairs] of sentences) {
      for (let at = 0; at < pairs.length; at += PAIR_SIZE) {
        if (pairs[at] === CORRECT) continue;
        this.columns[0][error] = pairs[at];
        this.columns[1][error] = pairs[at + 1];
        this.columns[2][error] = pairs[at + 4];
        this.confidence[error] = pairs[at + 7];
        error += 1;
      }
    }
    this.hasConfidence = this.confidence.some((value) => value >= 0);
  }

  facet(id) {
    return this.facets.find((facet) => facet.id === id);
  }

  words(i) {
    return this.payload.sentences[i][0].map((word) => this.payload.words[word]);
  }

  /** A sentence with everything in plain values. */
  sentence(i) {
    const [, tags, pairs, document, place] = this.payload.sentences[i];
    return {
      words: this.words(i),
      pos: tags === 0 ? null : tags.map((tag) => this.payload.tags[tag]),
      pairs: this.#pairs(pairs),
      document: document < 0 ? null : this.payload.documents[document],
      place,
    };
  }

  #pairs(flat) {
    const pairs = [];
    for (let at = 0; at < flat.length; at += PAIR_SIZE) {
      const [kind, gold, goldStart, goldEnd, pred, predStart, predEnd, confidence] = flat.slice(at, at + PAIR_SIZE);
      pairs.push({
        kind: this.payload.kinds[kind][0],
        kindName: this.payload.kinds[kind][1],
        gold: gold < 0 ? null : { type: this.payload.types[gold], start: goldStart, end: goldEnd },
        predicted: pred < 0 ? null : { type: this.payload.types[pred], start: predStart, end: predEnd },
        confidence: confidence < 0 ? null : confidence / CONFIDENCE_STEPS,
      });
    }
    return pairs;
  }

  /** The sentence as it is searched in; made when it is first needed. */
  text(i) {
    this.texts ??= new Array(this.size);
    this.texts[i] ??= this.words(i).join(" ").toLowerCase();
    return this.texts[i];
  }

  /** @param {Query} query @returns {Answer} */
  answer(query) {
    const tests = query.chosen;
    const columns = ["kind", "gold", "pred"].map((id) => tests.get(id));
    const slices = this.facets.slice(3).map((facet) => tests.get(facet.id));
    const matches = new Uint8Array(this.nErrors);
    const counts = this.facets.map((facet) => new Uint32Array(facet.values.length));
    const text = query.text.trim().toLowerCase();
    const sentences = [];
    let nErrors = 0;
    for (let i = 0; i < this.size; i += 1) {
      if (text && !this.text(i).includes(text)) continue;
      const found = this.#answerSentence(i, columns, slices, counts, matches);
      if (found) sentences.push(i);
      nErrors += found;
    }
    this.#sort(sentences, query.sort, matches);
    return { sentences, nErrors, matches, counts: new Map(this.facets.map((facet, d) => [facet.id, counts[d]])) };
  }

  /**
   * Count the errors of a sentence. One that passes every test counts for all facets; one that fails a single facet's
   * test counts for that facet alone, whose numbers say what choosing another of its values would give.
   */
  #answerSentence(i, columns, slices, counts, matches) {
    const values = this.payload.sentences[i][5];
    let sliceFailed = -1;
    let nSlicesFailed = 0;
    slices.forEach((chosen, s) => {
      if (chosen && !values[s].some((value) => chosen.has(value))) {
        sliceFailed = 3 + s;
        nSlicesFailed += 1;
      }
    });
    if (nSlicesFailed > 1) return 0;
    let found = 0;
    for (let error = this.firstError[i]; error < this.firstError[i + 1]; error += 1) {
      let failed = sliceFailed;
      let nFailed = nSlicesFailed;
      for (let d = 0; d < 3; d += 1) {
        if (columns[d] && !columns[d].has(this.columns[d][error])) {
          failed = d;
          nFailed += 1;
        }
      }
      if (nFailed > 1) continue;
      this.#count(error, values, nFailed ? failed : -1, counts);
      if (nFailed) continue;
      matches[error] = 1;
      found += 1;
    }
    return found;
  }

  /** Count an error for one facet, or for all (-1). */
  #count(error, values, only, counts) {
    for (let d = 0; d < counts.length; d += 1) {
      if (only >= 0 && only !== d) continue;
      if (d >= 3) for (const value of values[d - 3]) counts[d][value] += 1;
      else if (this.columns[d][error] >= 0) counts[d][this.columns[d][error]] += 1;
    }
  }

  #sort(sentences, sort, matches) {
    if (sort === "long" || sort === "short") {
      const sign = sort === "long" ? -1 : 1;
      const length = (i) => this.payload.sentences[i][0].length;
      sentences.sort((a, b) => sign * (length(a) - length(b)) || a - b);
    } else if (sort === "confident" || sort === "unsure") {
      const keys = new Map(sentences.map((i) => [i, this.#confidenceKey(i, sort, matches)]));
      sentences.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
    }
  }

  /** From the surest or the least sure of the errors asked for; sentences where nothing was predicted go last. */
  #confidenceKey(i, sort, matches) {
    let key = Infinity;
    for (let error = this.firstError[i]; error < this.firstError[i + 1]; error += 1) {
      const confidence = this.confidence[error];
      if (matches[error] && confidence >= 0) key = Math.min(key, sort === "confident" ? -confidence : confidence);
    }
    return key;
  }
}
