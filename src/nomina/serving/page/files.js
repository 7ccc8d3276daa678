/* Files that the reader drops or chooses, as items to label, each with the place where it came from. */

import { counted } from "./dom.js";
import { wellFormed } from "./text.js";

const MOST_BYTES = 100 * 2 ** 20;
const N_HEAD = 1000;
const MISSING = "_";
const ENTITY_TAG = /^(?:O|[BIESLUM]-.+)$/;
const COMMENT = /^#[ \t]*(?:(?:newdoc|newpar)(?:[ \t]+id[ \t]*=.*)?|(?:sent_id|text|global\.columns)[ \t]*=.*)$/;
// Columns by their number, where the last holds entity tags and where it does not; as nomina reads them elsewhere.
const LABELLED = { 2: [0, null], 3: [0, 1], 4: [0, 1] };
const UNLABELLED = { 1: [0, null], 2: [0, 1] };

/** What is wrong with a whole file, or with one record of it. */
export class FileError extends Error {}

function readText(text, name) {
  return text.trim() ? [{ name, text: wellFormed(text) }] : [];
}

function declaredColumns(line) {
  const names = line.slice(line.indexOf("=") + 1).trim().split(/\s+/);
  const at = (...wanted) => names.findIndex((name) => wanted.includes(name.toUpperCase()));
  const word = at("FORM", "WORD");
  const pos = at("XPOS", "POS") >= 0 ? at("XPOS", "POS") : at("UPOS");
  if (word < 0) throw new FileError(`Expected FORM among the columns, found “${names.join(" ")}”.`);
  return [word, pos < 0 ? null : pos];
}

/** Which columns hold the word and its tag. */
function findColumns(rows) {
  const widths = new Map();
  for (const row of rows) widths.set(row.length, (widths.get(row.length) ?? 0) + 1);
  const width = [...widths].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
  const regular = rows.filter((row) => row.length === width);
  const most = (n) => 2 * n > regular.length;
  const isNumbered = width > 1 && regular.length > 2 && most(regular.filter(([cell]) => /^\d+$/.test(cell)).length);
  const isLabelled = most(regular.filter((row) => ENTITY_TAG.test(row.at(-1))).length);
  const columns = (isLabelled ? LABELLED : UNLABELLED)[width];
  if (columns && !isNumbered) return columns;
  throw new FileError(
    `Expected columns of words, then POS tags and entity tags if there are any; found ${counted(width, "column")} ` +
      `whose meaning is not clear: “${regular[0].join(" ").slice(0, 60)}”. nomina convert makes such files.`,
  );
}

function readColumns(text, name) {
  const lines = text.split(/\r\n|\r|\n/);
  const isData = (line) => line.trim() && !COMMENT.test(line) && !/^\s*-DOCSTART-/.test(line);
  const head = lines.slice(0, N_HEAD).filter(isData);
  if (head.length === 0) return [];
  const byTabs = head.some((line) => line.includes("\t"));
  const split = (line) => (byTabs ? line.split("\t").map((cell) => cell.trim()) : line.trim().split(/[ \t]+/));
  const declared = lines.slice(0, N_HEAD).find((line) => COMMENT.test(line) && line.includes("global.columns"));
  const [word, pos] = declared ? declaredColumns(declared) : findColumns(head.map((line) => split(line.trimEnd())));
  const items = [];
  let item = null;
  for (const [i, line] of lines.entries()) {
    if (!line.trim() || (item === null && COMMENT.test(line)) || /^\s*-DOCSTART-/.test(line)) {
      item = null;
      continue;
    }
    if (item === null) {
      item = { name: `${name}:${i + 1}`, words: [], ...(pos === null ? {} : { pos: [] }) };
      items.push(item);
    }
    const cells = split(line);
    if (!cells[word]) item.error ??= `Line ${i + 1} has no word.`;
    item.words.push(wellFormed(cells[word] ?? ""));
    item.pos?.push(wellFormed(cells[pos] || MISSING));
  }
  return items;
}

function isStrings(values) {
  return Array.isArray(values) && values.every((value) => typeof value === "string");
}

function readRecord(record) {
  if (record === null || typeof record !== "object" || Array.isArray(record)) {
    throw new FileError("Expected an object with “tokens” or “text”.");
  }
  const words = record.tokens ?? record.words;
  if (words === undefined && typeof record.text === "string") {
    if (!record.text.trim()) throw new FileError("The text is empty.");
    return { text: wellFormed(record.text) };
  }
  if (!isStrings(words) || words.length === 0 || words.includes("")) {
    throw new FileError("Expected “tokens” with a list of words, or “text”.");
  }
  const pos = (record.pos_tags ?? record.pos)?.map?.((tag) => tag || MISSING);
  if (pos === undefined) return { words: words.map(wellFormed) };
  if (!isStrings(pos) || pos.length !== words.length) {
    throw new FileError(`Expected one POS tag for each of ${counted(words.length, "token")}, found ${pos.length}.`);
  }
  return { words: words.map(wellFormed), pos: pos.map(wellFormed) };
}

function readLines(text, name) {
  const items = [];
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (!line.trim()) continue;
    const place = `${name}:${i + 1}`;
    try {
      items.push({ name: place, ...readRecord(JSON.parse(line)) });
    } catch (error) {
      const message = error instanceof FileError ? error.message : `No whole JSON object: ${error.message}.`;
      items.push({ name: place, error: message });
    }
  }
  return items;
}

const READERS = {
  txt: readText,
  conll: readColumns,
  tsv: readColumns,
  iob: readColumns,
  iob2: readColumns,
  bio: readColumns,
  jsonl: readLines,
  ndjson: readLines,
};

/**
 * Read one file.
 *
 * @param {File} file
 * @returns {Promise<object[]>} Items as in `requests.js`; one that cannot be read has its `error`.
 * @throws {FileError} If the file as a whole cannot be read.
 */
export async function readFile(file) {
  const ending = file.name.toLowerCase().match(/\.([^.]+)$/)?.[1];
  const read = READERS[ending];
  if (!read) {
    const endings = Object.keys(READERS).join(", .");
    throw new FileError(`Expected a file that ends in .${endings}; found “${file.name}”.`);
  }
  if (file.size > MOST_BYTES) {
    throw new FileError(`“${file.name}” is too large for a page; nomina predict takes it.`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new FileError(`“${file.name}” is not in UTF-8. Save it as UTF-8 and try again.`);
  }
  const items = read(text, file.name);
  if (items.length === 0) throw new FileError(`There is nothing to read in “${file.name}”.`);
  return items;
}
