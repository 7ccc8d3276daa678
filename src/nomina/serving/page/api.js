/* The server: its answers, and in plain words what went wrong. */

/** An answer that is none. */
export class ServerError extends Error {
  /**
   * @param {string} message For the reader.
   * @param {{status?: number, kind?: string, retryAfter?: number}} facts `status` is 0 where no server answered,
   *   `retryAfter` is in seconds.
   */
  constructor(message, { status = 0, kind = "offline", retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { status, kind, retryAfter });
  }
}

const OFFLINE = "The server cannot be reached. Is it still running?";

/** What the status means, before what the server says of it. */
function explain(status, retryAfter) {
  switch (status) {
    case 401:
      return "The server wants a valid token.";
    case 413:
      return "That is more than the server takes at once.";
    case 422:
      return "The server cannot read this input.";
    case 503:
      return `The server is busy. Try again ${retryAfter ? `in ${retryAfter} s` : "in a moment"}.`;
    case 504:
      return "The server took too long and gave up. Try a shorter text.";
    default:
      return `The server answered with status ${status}.`;
  }
}

async function failure(response) {
  let fault = {};
  try {
    fault = (await response.json()).error ?? {};
  } catch {
    // A proxy's page, say; the status tells enough.
  }
  const retryAfter = Math.max(0, Math.ceil(Number(response.headers.get("Retry-After")) || 0));
  const detail = fault.message && response.status !== 401 ? ` (${fault.message})` : "";
  const message = explain(response.status, retryAfter) + detail;
  return new ServerError(message, { status: response.status, kind: fault.kind ?? "unknown", retryAfter });
}

export class Api {
  #token = "";

  /** Send this token with each request; it is kept nowhere else. */
  set token(token) {
    this.#token = token;
  }

  get hasToken() {
    return this.#token !== "";
  }

  async #ask(path, options) {
    const headers = { Accept: "application/json", ...options.headers };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    let response;
    try {
      response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "same-origin" });
      if (response.ok) return await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ServerError(response?.ok ? "The server's answer broke off." : OFFLINE);
    }
    throw await failure(response);
  }

  /** Facts about the model, as of `GET /model`. */
  model() {
    return this.#ask("model", {});
  }

  /**
   * @param {object[]} inputs `{text}` or `{words, pos}` each.
   * @param {string} tags Which part-of-speech tags the model shall read.
   * @param {AbortSignal} signal
   * @returns {Promise<object[]>} One result per input.
   */
  async predict(inputs, tags, signal) {
    const body = JSON.stringify(inputs.length === 1 ? { ...inputs[0], tags } : { inputs, tags });
    const headers = { "Content-Type": "application/json" };
    return (await this.#ask("predict", { method: "POST", body, headers, signal })).results;
  }
}
