/*
 * From what the reader gave to requests within the server's limits, in order, and their answers back.
 *
 * An item is `{name, text}` or `{name, words, pos}`; one with an `error` is not sent. A part is what of an item goes
 * into one request: all of it, or a piece of its text; `isApart` says that an empty line stands before it.
 */

import { cutText, estimateWords, jsonBytes } from "./text.js";

const WORDS_A_REQUEST = 2000; // so that progress shows, and a busy server is not held by one reader
const ITEMS_A_REQUEST = 100;
const ROOM = 0.9; // words are only estimated, and a body holds more than its inputs
const N_TRIES = 5;
const FRAME_BYTES = 200;
const N_CUTS = 3; // of a text that is refused, into halves, quarters, eighths
const SLOW_WORDS = 200; // fewer are not what makes a server slow

/** The server refuses what is in the request, not who asks or when. */
const REFUSED = new Set([400, 413, 422, 500, 504]);

function mostOf(limits) {
  return {
    words: Math.max(1, Math.floor(Math.min((limits.max_words ?? Infinity) * ROOM, WORDS_A_REQUEST))),
    bytes: Math.max(1, (limits.max_body_bytes ?? Infinity) * ROOM - FRAME_BYTES),
  };
}

function inputOf(part) {
  if (part.text !== undefined) return { text: part.text };
  return part.pos ? { words: part.words, pos: part.pos } : { words: part.words };
}

function sized(part) {
  const words = part.text === undefined ? part.words.length : estimateWords(part.text);
  return { ...part, size: { words, bytes: jsonBytes(inputOf(part)) } };
}

/** The parts of an item. A list of words is one sentence and stays whole. */
function partsOf(item, index, most) {
  if (item.text === undefined) return [sized({ item: index, words: item.words, pos: item.pos })];
  return cutText(item.text, most).map((text, i, all) =>
    sized({ item: index, text, isApart: i > 0 && /\n\s*\n$/.test(all[i - 1]) }),
  );
}

/**
 * Group items into requests.
 *
 * @param {object[]} items
 * @param {{max_words?: number, max_body_bytes?: number}} limits As `GET /model` tells them.
 * @returns {object[][]} The parts of each request.
 */
export function plan(items, limits) {
  const most = mostOf(limits);
  const requests = [];
  let size = { words: Infinity, bytes: Infinity };
  for (const [index, item] of items.entries()) {
    if (item.error) continue;
    for (const part of partsOf(item, index, most)) {
      const sum = { words: size.words + part.size.words, bytes: size.bytes + part.size.bytes + 1 };
      const last = requests.at(-1);
      if (last && last.length < ITEMS_A_REQUEST && sum.words <= most.words && sum.bytes <= most.bytes) {
        last.push(part);
        size = sum;
      } else {
        requests.push([part]);
        size = part.size;
      }
    }
  }
  return requests;
}

function wait(seconds, signal) {
  return new Promise((done, stop) => {
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      stop(new DOMException("Cancelled", "AbortError"));
    }, { once: true });
  });
}

/** Two smaller requests in place of one; null if nothing can be made smaller. */
function halved(parts, status) {
  if (parts.length > 1) {
    const middle = parts.length >> 1;
    return [parts.slice(0, middle), parts.slice(middle)];
  }
  const [part] = parts;
  const isTooMuch = status === 413 || (status === 504 && part.size.words > SLOW_WORDS);
  const nCuts = part.nCuts ?? 0;
  if (part.text === undefined || !isTooMuch || nCuts === N_CUTS) return null;
  const pieces = cutText(part.text, { words: part.size.words >> 1, bytes: Infinity });
  return pieces.length > 1 ? pieces.map((text) => [sized({ item: part.item, text, nCuts: nCuts + 1 })]) : null;
}

async function ask(parts, { predict, signal, onWait }) {
  for (let n = 1; ; n += 1) {
    try {
      return await predict(parts.map(inputOf), signal);
    } catch (error) {
      if (error.status !== 503 || n === N_TRIES) throw error;
      const seconds = error.retryAfter || n;
      onWait(seconds);
      await wait(seconds, signal);
    }
  }
}

/**
 * Send requests one after the other. One that is refused is halved until it is clear which record is at fault.
 *
 * @param {object[][]} requests From `plan`.
 * @param {object} steps `predict(inputs, signal)` asks; `signal` ends it all; `onAnswer(part, result)`,
 *   `onFailure(part, error)`, `onWait(seconds)` and `onProgress(done, total)` hear of it, in the order of the parts;
 *   progress is counted in words.
 * @throws {ServerError} If no other record can fare better: nobody answers, or the token is not right.
 */
export async function send(requests, steps) {
  const total = requests.flat().reduce((sum, part) => sum + part.size.words, 0);
  const waiting = [...requests].reverse();
  let done = 0;
  steps.onProgress(done, total);
  while (waiting.length > 0) {
    const parts = waiting.pop();
    try {
      const results = await ask(parts, steps);
      steps.signal.throwIfAborted(); // an answer may come in the same moment
      parts.forEach((part, i) => steps.onAnswer(part, results[i]));
    } catch (error) {
      if (!REFUSED.has(error.status)) throw error;
      const smaller = halved(parts, error.status);
      if (smaller) {
        waiting.push(...smaller.reverse());
        continue;
      }
      steps.onFailure(parts[0], error);
    }
    done += parts.reduce((sum, part) => sum + part.size.words, 0);
    steps.onProgress(done, total);
  }
}
