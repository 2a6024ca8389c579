// The grid of results: one stop for the Tab key, arrow keys inside.

import { thumbAddress } from "./api.js";
import { byId, captionOf, make } from "./page.js";

const list = byId("results");

export function showResults(results, open) {
  list.replaceChildren(...results.map((result) => item(result, open)));
  moveTo(buttons()[0], false);
}

export function appendResults(results, open) {
  const first = list.children.length;
  list.append(...results.map((result) => item(result, open)));
  moveTo(buttons()[first], true);
}

export function clearResults() {
  list.replaceChildren();
}

export function walkWithKeys(leave) {
  list.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return leave();
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    const to = target(event.key, at, all);
    if (to === undefined || at < 0) return;
    event.preventDefault();
    if (to < 0) leave();
    else moveTo(all[Math.min(to, all.length - 1)], true);
  });
}

// From the search field into the results.
export function enterGrid() {
  moveTo(buttons()[0], true);
}

function target(key, at, all) {
  const row = all.filter((button) => button.offsetTop === all[0].offsetTop).length;
  const to = { ArrowRight: at + 1, ArrowLeft: Math.max(0, at - 1), ArrowDown: at + row, ArrowUp: at - row, Home: 0, End: all.length - 1 }[key];
  return key === "ArrowDown" && to >= all.length && Math.floor(at / row) === Math.floor((all.length - 1) / row) ? at : to;
}

function moveTo(button, focus) {
  if (!button) return;
  for (const other of list.querySelectorAll("button[tabindex='0']")) other.tabIndex = -1;
  button.tabIndex = 0;
  if (focus) button.focus();
}

const buttons = () => [...list.querySelectorAll("button.result")];

function item(result, open) {
  const caption = captionOf(result);
  const picture = make("span", { className: "picture" });
  const missing = () => picture.replaceChildren(make("span", { className: "missing" }, "This file is gone"));
  if (result.present) {
    const image = make("img", { loading: "lazy", decoding: "async", width: 256, height: 256, alt: "", src: thumbAddress({ kind: "image", value: result.id }) });
    image.addEventListener("error", missing);
    picture.append(image);
  } else missing();
  if (result.copies) {
    picture.append(make("span", { className: "copies", title: `${result.copies} near-duplicates are not shown` }, `+${result.copies}`));
  }
  const score = result.score.toFixed(2);
  return make("li", {}, make("button", {
    type: "button", className: "result", tabIndex: -1, dataset: { id: result.id }, onclick: () => open(result),
    "aria-label": `${caption}, score ${score}${result.present ? "" : ", this file is gone"}`,
  }, picture, make("span", { className: "caption", title: caption }, caption), make("span", { className: "score" }, score)));
}
