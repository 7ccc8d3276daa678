/* The results as JSON and as CoNLL columns, to copy and to keep. */

const MISSING = "_";

/** Whether a value is written on one line: anything but an object or a list that holds objects or lists of objects. */
function isRow(value) {
  const isPlain = (each) => each === null || typeof each !== "object";
  if (isPlain(value)) return true;
  if (!Array.isArray(value)) return Object.values(value).every(isPlain);
  return value.every((each) => isPlain(each) || (Array.isArray(each) && each.every(isPlain)));
}

/** JSON with lists of words, labels and offsets on one line each, and so each entity. */
function pretty(value, indent = "") {
  if (isRow(value)) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((each) => inner + pretty(each, inner)).join(",\n")}\n${indent}]`;
  }
  const entries = Object.entries(value).map(([key, each]) => `${inner}${JSON.stringify(key)}: ${pretty(each, inner)}`);
  return `{\n${entries.join(",\n")}\n${indent}}`;
}

/** As the server answers a request with all items in it. */
export function toJson(results) {
  return `${pretty({ results })}\n`;
}

function cell(value) {
  return value.replace(/[\t\r\n]/g, " ");
}

/** Word, part-of-speech tag where there are any, and label, parted by tabs; an empty line after each sentence. */
export function toConll(results) {
  const sentences = results.flatMap((result) => result.sentences);
  const hasPos = sentences.some((sentence) => sentence.pos !== null);
  const lines = [];
  for (const { words, pos, labels } of sentences) {
    words.forEach((word, i) => {
      const tag = hasPos ? [cell(pos?.[i] || MISSING)] : [];
      lines.push([cell(word), ...tag, labels[i]].join("\t"));
    });
    lines.push("");
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** Give the reader a file. */
export function download(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Put a text on the clipboard; false if the browser forbids it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // the clipboard is there for https and localhost only
  }
}

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.value = text;
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}
