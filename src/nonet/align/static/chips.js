// The parts of the query beside the words in the search field, as chips: turn their sign, or remove them.

import { thumbAddress } from "./api.js";
import { byId, make } from "./page.js";

const SIGNS = { plus: { mark: "+", said: "added", turn: "take away instead" }, minus: { mark: "−", said: "taken away", turn: "add instead" } };

// names: captions of pictures, by id, as far as they have been seen
export function showChips(parts, names, { turn, remove }) {
  const list = byId("chips");
  list.replaceChildren(...parts.map((part, index) => chip(part, names, () => turn(index), () => remove(index, list))));
  list.hidden = parts.length === 0;
}

function chip(part, names, turn, remove) {
  const { mark, said, turn: other } = SIGNS[part.sign];
  const name = part.kind === "text" ? part.value : part.kind === "upload" ? "your picture" : names.get(part.value) ?? `picture ${part.value}`;
  const shown = part.kind === "text"
    ? make("span", { className: "name", title: name }, name)
    : make("img", { src: thumbAddress(part), alt: name, title: name, width: 36, height: 36 });
  return make("li", { className: `chip ${part.sign}`, dataset: { kind: part.kind } },
    make("button", { type: "button", className: "sign", title: other, onclick: turn, "aria-label": `${name} is ${said}: ${other}` }, mark),
    shown,
    make("button", { type: "button", className: "remove", title: "Remove", onclick: remove, "aria-label": `Remove ${name}` }, "✕"));
}

// After a removal the focus goes to the next chip, or to the search field where none is left.
export function focusChip(index) {
  const buttons = byId("chips").querySelectorAll(".remove");
  (buttons[Math.min(index, buttons.length - 1)] ?? byId("words")).focus();
}
