// The search page: a state, the address that holds it, and what is shown of it.

import { forget, search, upload } from "./api.js";
import { focusChip, showChips } from "./chips.js";
import { onDetail, showDetail } from "./detail.js";
import { appendResults, clearResults, enterGrid, showResults, walkWithKeys } from "./grid.js";
import { byId, captionOf } from "./page.js";
import { hasLabelsOpen, onTabs, showLabels } from "./labels.js";
import { onPictures } from "./pictures.js";
import { EMPTY, fromAddress, mixes, toAddress, toRequest, withoutPart, withPart, withSignTurned } from "./state.js";

const PAGE = 24;
const TYPING_PAUSE = 120; // milliseconds

const words = byId("words");
const status = byId("status");
const names = new Map(); // captions of pictures that were shown, by id
let state = fromAddress(location.search);
let shown = 0;
let waiting = 0;

// ---- from a state to the page

// `step`: a deliberate act, which the back button undoes; typing only rewrites the present address.
function become(next, { step = true } = {}) {
  state = next;
  const address = location.pathname + toAddress(state);
  if (address !== location.pathname + location.search) history[step ? "pushState" : "replaceState"](null, "", address);
  present();
}

function present() {
  if (words.value.trim() !== state.words.trim()) words.value = state.words;
  showChips(state.parts, names, {
    turn: (index) => become(withSignTurned(state, index)),
    remove: (index) => {
      become(withoutPart(state, index));
      focusChip(index);
    },
  });
  if (byId("where").value.trim() !== state.where.trim()) byId("where").value = state.where;
  byId("collapse").checked = state.collapse;
  if (state.where || state.collapse) byId("filters").open = true;
  byId("weighing").hidden = !mixes(state);
  byId("weight").value = state.weight;
  byId("weight").nextElementSibling.value = `${state.weight}×`;
  run();
}

async function run(offset = 0) {
  clearTimeout(waiting);
  busy(true);
  const request = toRequest(state, PAGE, offset);
  byId("start").hidden = request !== null && status.dataset.pictures !== "0";
  byId("share").hidden = request === null;
  if (request === null) return rest();
  try {
    const sent = performance.now();
    const answer = await search(request);
    if (answer !== null) receive(answer, offset, performance.now() - sent);
  } catch (error) {
    complain(error.message, () => run(offset));
  }
}

// While this is set, the results shown are not yet those of the query shown.
function busy(is) {
  byId("results").setAttribute("aria-busy", String(is));
}

function receive(answer, offset, took) {
  busy(false);
  hideProblem();
  for (const result of answer.results) names.set(String(result.id), captionOf(result));
  if (offset) appendResults(answer.results, showDetail);
  else showResults(answer.results, showDetail);
  shown = offset + answer.results.length;
  byId("further").hidden = answer.results.length < PAGE;
  status.textContent = shown
    ? `Best ${shown} of ${answer.total.toLocaleString("en")} pictures · ${Math.max(1, Math.round(took))} ms`
    : "No pictures found.";
  status.title = `${answer.milliseconds} ms in the server`;
}

function rest() {
  busy(false);
  forget();
  clearResults();
  hideProblem();
  byId("further").hidden = true;
  status.textContent = "";
}

function complain(message, again = null) {
  busy(false);
  const problem = byId("problem");
  problem.firstElementChild.textContent = message;
  problem.lastElementChild.hidden = again === null;
  problem.lastElementChild.onclick = again;
  problem.hidden = false;
}

function hideProblem() {
  byId("problem").hidden = true;
}

// ---- from the visitor to a state

words.addEventListener("input", () => {
  clearTimeout(waiting);
  busy(true);
  state = { ...state, words: words.value }; // at once: something may be added before the pause is over
  waiting = setTimeout(() => become(state, { step: false }), TYPING_PAUSE);
});
words.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") {
    event.preventDefault();
    enterGrid();
  }
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  become({ ...state, words: words.value });
});
byId("refine").addEventListener("submit", (event) => {
  event.preventDefault();
  const more = byId("more");
  const value = more.value.trim();
  if (!value) return more.focus();
  become(withPart(state, { sign: event.submitter?.value ?? "plus", kind: "text", value }));
  more.value = "";
});
byId("weight").addEventListener("input", (event) => become({ ...state, weight: Number(event.target.value) }, { step: false }));
byId("where").addEventListener("change", (event) => become({ ...state, where: event.target.value }));
byId("collapse").addEventListener("change", (event) => become({ ...state, collapse: event.target.checked }));
byId("further").addEventListener("click", () => run(shown));
byId("start").addEventListener("click", (event) => {
  const suggestion = event.target.closest("button");
  if (suggestion) become({ ...EMPTY, words: suggestion.textContent });
});
byId("share").addEventListener("click", async (event) => {
  await navigator.clipboard.writeText(location.href);
  event.target.textContent = "Copied";
  setTimeout(() => (event.target.textContent = "Copy link"), 1500);
});
document.addEventListener("keydown", (event) => {
  const writing = event.target.closest("input, textarea, dialog");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    words.focus();
    words.select();
  }
});
addEventListener("popstate", () => {
  state = fromAddress(location.search);
  present();
});
walkWithKeys(() => words.focus());
onTabs();
onDetail((act, result) => {
  if (act === "label") return showLabels({ kind: "image", value: result.id });
  const part = { sign: act === "minus" ? "minus" : "plus", kind: "image", value: String(result.id) };
  become(withPart(act === "like" ? EMPTY : state, part));
  scrollTo({ top: 0 });
});
onPictures(async (file, sign) => {
  status.textContent = "Bringing the picture…";
  const labelling = hasLabelsOpen();
  try {
    const { id } = await upload(file);
    hideProblem();
    status.textContent = "";
    if (labelling) return showLabels({ kind: "upload", value: id });
    become(withPart(state, { sign, kind: "upload", value: id }));
  } catch (error) {
    status.textContent = "";
    complain(error.message);
  }
}, complain);

present();
