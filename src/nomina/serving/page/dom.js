/* Elements. Texts only ever become text nodes and attributes. */

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Make an element: `element("p", { className: "note" }, "text", child)`. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** "1 word", "2 words", "1,000 words". */
export function counted(n, noun, plural = `${noun}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : plural}`;
}
