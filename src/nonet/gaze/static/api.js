// Requests to the server. What the display and the mouse did is sent in bundles; a bundle that fails is sent again.
const base = "/gaze/api";

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(base + path, options);
  } catch {
    throw new Refused("The server does not answer.", 0);
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(body?.detail ?? `The server answered ${answer.status}.`, answer.status);
  return body;
}

const json = (method, value) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

export const sign = (agreement) => ask("/consents", json("POST", agreement));
export const begin = (wish) => ask("/sessions", json("POST", wish));
export const fetchSession = (id) => ask(`/sessions/${id}`);
export const setStage = (id, stage) => ask(`/sessions/${id}/stage`, json("PUT", { stage }));
export const calibrate = (id) => ask(`/sessions/${id}/calibration`, { method: "POST" });
export const validate = (id, stage) => ask(`/sessions/${id}/validation?stage=${stage}`);
export const withdraw = (participant) => ask(`/participants/${participant}/withdraw`, { method: "POST" });
export const sendMouse = (id, points) => ask(`/sessions/${id}/mouse`, json("POST", { points }));
export const sendFrame = (id, blob, { t, stage, trial }) =>
  ask(`/sessions/${id}/frames?t=${t.toFixed(3)}&stage=${stage}&trial=${trial}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: blob,
  });

// Events wait in a queue until the server has them.
export class Events {
  constructor(id) {
    this.id = id;
    this.rows = [];
    this.sending = null;
  }

  add(kind, more = {}) {
    this.rows.push({ t: performance.now(), kind, ...more });
    this.flush();
  }

  // Resolves when everything added so far has arrived.
  async flush() {
    while (this.rows.length) {
      this.sending ??= this.#send();
      await this.sending;
    }
  }

  async #send() {
    const rows = this.rows.slice(0, 1000);
    try {
      await ask(`/sessions/${this.id}/events`, json("POST", { rows }));
      this.rows.splice(0, rows.length);
    } catch (error) {
      if (error.status >= 400 && error.status < 500) this.rows.splice(0, rows.length); // it will never be taken
      else await new Promise((resolve) => setTimeout(resolve, 1000));
    } finally {
      this.sending = null;
    }
  }
}
