/* What the server says of its model. */

import { byId, counted, element } from "./dom.js";

const SOURCES = {
  none: "of the input alone",
  joint: "of the input, else the model's own",
};

function rounded(value) {
  return value.toFixed(3);
}

/** F1 with all that is needed to know what it means: the part, its size, the scheme and the mode. */
function describeF1(scores) {
  const part = ["test", "dev"].find((name) => scores?.[name]?.default?.micro);
  if (!part) return null;
  const { n_sentences: n, default: { micro, scheme, mode }, intervals } = scores[part];
  const interval = intervals?.f1;
  const range = interval && `${rounded(interval.low)} to ${rounded(interval.high)}`;
  const spread = interval ? ` (${100 * intervals.level} % interval ${range})` : "";
  const what = `on its ${part} part: ${counted(micro.support, "entity", "entities")} in ${counted(n, "sentence")}`;
  const value = rounded(micro.f1);
  return { value, text: `F1 ${value}${spread} ${what}, ${scheme}, seqeval's ${mode} mode` };
}

function describePos(model) {
  const tags = model.features?.pos;
  if (!tags) return "not read";
  const source = SOURCES[model.pos_source] ?? `of the input, else of ${model.pos_source}`;
  return `${counted(tags.length, "tag")}, ${source}`;
}

/** Show what is known of the model. */
export function drawFacts(model) {
  const f1 = describeF1(model.scores);
  const facts = {
    Name: model.name,
    Encoder: model.encoder,
    Types: model.types.join(", "),
    Scheme: model.scheme,
    "POS tags": describePos(model),
    Measured: f1?.text ?? "no scores beside the model",
    Runs: model.backend === "onnx" ? "on ONNX Runtime" : `on ${model.backend === "torch" ? "PyTorch" : model.backend}`,
    "Takes at once": model.limits?.max_words ? counted(model.limits.max_words, "word") : null,
  };
  const rows = Object.entries(facts).filter(([, value]) => value);
  byId("facts").replaceChildren(
    ...rows.map(([name, value]) => {
      return element("div", {}, element("dt", {}, name), element("dd", {}, element("bdi", {}, value)));
    }),
  );
  byId("facts").hidden = false;
  byId("model-state").hidden = true;
  byId("card").hidden = !model.card;
  byId("card-text").textContent = model.card ?? "";
  byId("version").textContent = model.version;
  const parts = [model.name, counted(model.types.length, "entity type"), f1 && `F1 ${f1.value}`];
  byId("tagline").textContent = parts.filter(Boolean).join(" · ");
  document.title = `${model.name} · nomina`;
}
