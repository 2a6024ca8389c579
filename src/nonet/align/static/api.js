// The server, as functions. Every failure is an Error whose message can be shown.

const GONE = "The server does not answer. Is nonet still running there?";

let asking = new AbortController();

// Answers to `request`, or null where a newer search has begun meanwhile.
export async function search(request) {
  asking.abort();
  const mine = (asking = new AbortController());
  try {
    const body = JSON.stringify(request);
    return await ask("search", { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: mine.signal });
  } catch (error) {
    if (mine.signal.aborted) return null;
    throw error;
  }
}

// Drops the answer of a search that is still under way.
export function forget() {
  asking.abort();
}

export function upload(file) {
  return ask("uploads", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
}

export function label(picture, labels) {
  const body = JSON.stringify({ picture, labels });
  return ask("labels", { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

export const imageAddress = (id) => `/align/api/images/${id}`;

export function thumbAddress({ kind, value }) {
  return kind === "upload" ? `/align/api/uploads/${value}` : `/align/api/thumbs/${value}`;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`/align/api/${path}`, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Error(GONE);
  }
  let said;
  try {
    said = await response.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Error(`The server answered ${response.status} and nothing that can be read.`);
  }
  if (!response.ok) throw new Error(said.detail ?? `The server answered ${response.status}.`);
  return said;
}
