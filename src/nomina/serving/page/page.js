/* The page of a running server: what the reader gives is sent to it, and what it finds is shown. */

import { Api } from "./api.js";
import { byId, counted, element } from "./dom.js";
import { drawFacts } from "./facts.js";
import { readFile } from "./files.js";
import { plan, send } from "./requests.js";
import { Results } from "./results.js";
import { SAMPLES } from "./samples.js";
import { estimateWords, wellFormed } from "./text.js";

const PAUSE_MS = 350; // without a key, after which a text is predicted
const LIVE_WORDS = 2000; // longer texts wait for the button
const N_FAILURES = 100;
const HOPELESS = new Set([401, 413, 422]); // asked again, the server would say the same

const api = new Api();
const results = new Results();
let model = null;
let files = null; // items of files, in place of the text
let job = null; // the AbortController of what is under way
let pause = 0;

function showError(error, retry) {
  const shown = byId("error");
  shown.replaceChildren();
  if (!error) return;
  if (error.status === 401) {
    askForToken();
    if (!api.hasToken) return; // the question says it all
  }
  const again = element("button", { type: "button" }, "Try again");
  again.addEventListener("click", () => {
    showError(null);
    retry();
  });
  shown.append(element("p", {}, error.message), ...(retry && !HOPELESS.has(error.status) ? [again] : []));
}

function askForToken() {
  byId("token-form").hidden = false;
  byId("token").focus();
}

async function loadModel() {
  try {
    model = await api.model();
  } catch (error) {
    byId("model-state").textContent = error.status === 401 ? "Needs the token." : "Not known yet.";
    showError(error, error.status === 401 ? null : loadModel);
    return false;
  }
  results.setTypes(model.types);
  drawFacts(model);
  const readsPos = Boolean(model.features?.pos);
  byId("tags-choice").hidden = !readsPos;
  byId("tags").querySelector('[value="source"]').disabled = model.pos_source === "none";
  return true;
}

function currentItems() {
  if (files) return files;
  const text = wellFormed(byId("text").value);
  return text.trim() ? [{ name: "text", text }] : [];
}

function showProgress(done, total) {
  byId("progress-bar").max = total || 1;
  byId("progress-bar").value = done;
  byId("progress-text").textContent = `${done.toLocaleString("en")} of about ${counted(total, "word")}`;
}

function showFailures(failures) {
  byId("failures").hidden = failures.length === 0;
  byId("failures-title").textContent = `${counted(failures.length, "record")} could not be labelled`;
  const shown = failures.slice(0, N_FAILURES).map(({ name, error }) =>
    element("li", {}, element("bdi", {}, name), `: ${error.message}`),
  );
  if (failures.length > N_FAILURES) shown.push(element("li", {}, `and ${failures.length - N_FAILURES} more`));
  byId("failures-list").replaceChildren(...shown);
}

/** Ask the server about what the reader gave, in place of what is under way. */
async function predict() {
  clearTimeout(pause);
  job?.abort();
  job = null;
  showError(null);
  showFailures([]);
  byId("state").textContent = "";
  const items = currentItems();
  if (items.length === 0) {
    byId("progress").hidden = true;
    results.clear();
    return;
  }
  const own = new AbortController();
  job = own;
  if (!model && !(await loadModel())) return;
  if (job !== own) return;
  const requests = plan(items, model.limits);
  byId("progress").hidden = requests.length < 2 && !files;
  results.begin(items);
  try {
    await send(requests, {
      predict: (inputs, signal) => api.predict(inputs, byId("tags").value, signal),
      signal: own.signal,
      onAnswer: (part, answer) => results.add(part, answer),
      onFailure: (part, error) => results.fail(part, error),
      onProgress: (done, total) => {
        showProgress(done, total);
        results.update();
      },
      onWait: (seconds) => {
        byId("progress-text").textContent = `The server is busy; going on in ${seconds} s`;
      },
    });
    if (job === own) finish();
  } catch (error) {
    if (job !== own) return;
    finish();
    if (error.name === "AbortError") showCancelled();
    else showError(error, predict);
  }
}

function showCancelled() {
  const hasSome = results.store.nSentences > 0;
  byId("state").textContent = hasSome ? "Cancelled; what was found until then is shown." : "Cancelled.";
}

function finish() {
  job = null;
  byId("progress").hidden = true;
  results.finish();
  const { failures, items } = results.store;
  // A single text is no record: its fault is the page's.
  if (failures.length > 0 && !files && items.length === 1) showError(failures[0].error, predict);
  showFailures(items.length > 1 || files ? failures : []);
}

function predictSoon() {
  clearTimeout(pause);
  if (!byId("live").checked || files) return;
  pause = setTimeout(() => {
    if (estimateWords(byId("text").value) <= LIVE_WORDS) predict();
  }, PAUSE_MS);
}

function setFiles(items, names) {
  files = items;
  byId("file-card").hidden = !items;
  byId("text").hidden = Boolean(items);
  byId("live").closest("label").hidden = Boolean(items);
  if (!items) return;
  byId("file-name").textContent = names.join(", ");
  byId("file-facts").textContent = counted(items.length, "record");
}

async function takeFiles(list) {
  const chosen = [...list];
  if (chosen.length === 0) return;
  try {
    const items = (await Promise.all(chosen.map(readFile))).flat();
    setFiles(items, chosen.map(({ name }) => name));
  } catch (error) {
    showError(error);
    return;
  }
  await predict();
}

function bindText() {
  byId("text").addEventListener("input", predictSoon);
  byId("live").addEventListener("change", predictSoon);
  byId("text-form").addEventListener("submit", (event) => {
    event.preventDefault();
    predict();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    predict();
  });
  const samples = SAMPLES.map(({ name, text }) => {
    const button = element("button", { type: "button", className: "sample" }, element("bdi", {}, name));
    button.addEventListener("click", () => {
      setFiles(null);
      byId("text").value = text;
      predict();
    });
    return button;
  });
  document.querySelector(".samples").append(...samples);
}

function bindFiles() {
  byId("file-choose").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", (event) => {
    takeFiles(event.target.files).finally(() => {
      byId("file").value = ""; // so that the same file can be chosen again
    });
  });
  byId("file-remove").addEventListener("click", () => {
    setFiles(null);
    byId("text").focus();
    predict();
  });
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (isOver) => byId("input").classList.toggle("over", isOver);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    takeFiles(event.dataTransfer.files);
  });
}

function bindToken() {
  byId("token-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    api.token = byId("token").value.trim();
    showError(null);
    if (!(await loadModel())) return;
    byId("token-form").hidden = true;
    byId("text").focus();
    if (currentItems().length > 0) predict();
  });
}

bindText();
bindFiles();
bindToken();
byId("cancel").addEventListener("click", () => job?.abort());
byId("tags").addEventListener("change", predict);
byId("model").open = matchMedia("(min-width: 64rem)").matches;
loadModel();
