// The labels tab: a picture, names of classes, and how likely each of them is.

import { imageAddress, label, thumbAddress } from "./api.js";
import { byId, make } from "./page.js";

const TYPING_PAUSE = 250; // milliseconds
const MOST = 100;

let picture = null; // {kind: "image" | "upload", value}
let asked = 0;
let waiting = 0;

export const hasLabelsOpen = () => !byId("panel-labels").hidden;

// Opens the tab with a picture.
export function showLabels(chosen) {
  picture = chosen;
  const shown = byId("label-picture");
  shown.src = chosen.kind === "image" ? imageAddress(chosen.value) : thumbAddress(chosen);
  shown.alt = "The picture to label";
  shown.hidden = false;
  byId("label-pick").firstElementChild.hidden = true;
  select("labels");
  run();
  byId("labels").focus();
}

export function onTabs() {
  for (const name of ["search", "labels"]) byId(`tab-${name}`).addEventListener("click", () => select(name));
  byId("tab-search").parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    select(hasLabelsOpen() ? "search" : "labels");
    byId(hasLabelsOpen() ? "tab-labels" : "tab-search").focus();
  });
  byId("label-pick").addEventListener("click", () => byId("file").click());
  byId("labels").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(run, TYPING_PAUSE);
  });
}

function select(name) {
  for (const each of ["search", "labels"]) {
    byId(`panel-${each}`).hidden = each !== name;
    byId(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    byId(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
}

const names = () => [...new Set(byId("labels").value.split(/[\n,;]/).map((name) => name.trim()).filter(Boolean))].slice(0, MOST);

async function run() {
  const labels = names();
  const mine = ++asked;
  if (!picture || !labels.length) {
    byId("bars").replaceChildren();
    byId("label-status").textContent = picture ? "Name some classes." : "";
    return;
  }
  try {
    const answer = await label(picture, labels);
    if (mine !== asked) return;
    const rows = answer.labels.map((name, at) => ({ name, share: answer.probabilities[at] }));
    rows.sort((a, b) => b.share - a.share);
    byId("bars").replaceChildren(...rows.map(bar));
    byId("label-status").textContent = `${Math.max(1, Math.round(answer.milliseconds))} ms`;
  } catch (error) {
    if (mine !== asked) return;
    byId("bars").replaceChildren();
    byId("label-status").textContent = error.message;
  }
}

function bar({ name, share }) {
  const percent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  return make("li", {},
    make("span", { className: "of" }, name),
    make("meter", { min: 0, max: 1, value: share, title: percent, "aria-label": `${name}: ${percent}` }),
    make("span", { className: "percent" }, percent));
}
