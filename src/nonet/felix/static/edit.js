// The editing page: texts go to the server, edits come back, and each can be accepted or rejected.

const byId = (id) => document.getElementById(id);
const ELEMENTS = { delete: "del", insert: "ins", from: "s", to: "mark" };
const NAMES = { insert: "add", delete: "remove", replace: "replace", move: "move" };
const PAUSE = 250; // milliseconds after the last movement of a slider

let waiting = 0;
let asked = 0; // the number of the newest request; answers to older ones are dropped

// ---- the server

async function ask(path, body) {
  let response;
  try {
    response = await fetch(`/felix/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server does not answer. Is nonet still running there?");
  }
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(said.detail ?? `The server answered ${response.status}.`);
  return said;
}

const caution = () => ({ keep_bias: Number(byId("bias").value), min_edit_probability: Number(byId("least").value) });

async function edit() {
  clearTimeout(waiting);
  const texts = byId("text").value.split("\n").filter((line) => line.trim());
  if (!texts.length) {
    byId("results").replaceChildren();
    byId("status").textContent = "";
    return;
  }
  const mine = ++asked;
  const chosen = caution();
  byId("results").setAttribute("aria-busy", "true");
  try {
    const answer = await ask("edit", { texts, ...chosen });
    if (mine !== asked) return;
    byId("problem").hidden = true;
    byId("results").replaceChildren(...answer.results.map((result) => card(result, chosen)));
    const edits = answer.results.reduce((sum, result) => sum + result.edits.length, 0);
    byId("status").textContent = `${edits} edit${edits === 1 ? "" : "s"} · ${Math.max(1, Math.round(answer.milliseconds))} ms`;
  } catch (error) {
    if (mine === asked) complain(error.message);
  } finally {
    if (mine === asked) byId("results").setAttribute("aria-busy", "false");
  }
}

function complain(message) {
  byId("problem").textContent = message;
  byId("problem").hidden = false;
}

// ---- one result

function card(result, chosen) {
  const section = byId("result").content.cloneNode(true).querySelector("section");
  const rejected = new Set();
  const output = section.querySelector("output");
  const marked = section.querySelector(".marked");
  marked.append(...result.segments.map(stretch));
  output.textContent = result.text;
  section.querySelector(".sure").textContent = result.edits.length
    ? `the whole: ${percent(result.probability)}`
    : "nothing to change";
  if (result.fallback || result.windows > 1) {
    const note = section.querySelector(".note");
    note.textContent = result.fallback ? `Kept as it was: ${result.fallback}.` : `Edited in ${result.windows} parts.`;
    note.hidden = false;
  }
  section.querySelector(".edits").append(...result.edits.map((one) => row(one, marked, toggle)));
  for (const button of section.querySelectorAll("[data-act='accept'], [data-act='reject']")) {
    button.hidden = !result.edits.length;
  }
  section.addEventListener("click", (event) => {
    const act = event.target.dataset?.act;
    if (act === "copy") copy(event.target, output.textContent);
    if (act === "accept" || act === "reject") all(act === "accept");
  });

  function toggle(id, accepted) {
    if (accepted) rejected.delete(id);
    else rejected.add(id);
    refresh();
  }

  function all(accepted) {
    for (const one of result.edits) {
      if (accepted) rejected.delete(one.id);
      else rejected.add(one.id);
    }
    for (const box of section.querySelectorAll(".edits input")) box.checked = accepted;
    refresh();
  }

  let turn = 0;
  async function refresh() {
    for (const part of marked.querySelectorAll("[data-edit]")) {
      part.classList.toggle("rejected", rejected.has(Number(part.dataset.edit)));
    }
    const mine = ++turn;
    if (!rejected.size) output.textContent = result.text;
    else if (rejected.size === result.edits.length) output.textContent = result.source;
    else {
      try {
        const answer = await ask("rewrite", { text: result.source, rejected: [...rejected], ...chosen });
        if (mine === turn) output.textContent = answer.text;
      } catch (error) {
        complain(error.message);
      }
    }
  }

  return section;
}

function stretch(segment) {
  if (segment.edit === null) return document.createTextNode(segment.text);
  const element = document.createElement(ELEMENTS[segment.kind]);
  element.dataset.edit = segment.edit;
  element.textContent = segment.text;
  return element;
}

function row(one, marked, toggle) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
  const change = one.kind === "replace" ? `${one.old} → ${one.new}` : one.new || one.old;
  label.append(box, cell("kind", NAMES[one.kind]), cell("change", change), cell("probability", percent(one.probability)));
  item.append(label);
  box.addEventListener("change", () => toggle(one.id, box.checked));
  const light = (on) => {
    for (const part of marked.querySelectorAll(`[data-edit="${one.id}"]`)) part.classList.toggle("lit", on);
  };
  label.addEventListener("mouseenter", () => light(true));
  label.addEventListener("mouseleave", () => light(false));
  box.addEventListener("focus", () => light(true));
  box.addEventListener("blur", () => light(false));
  box.addEventListener("keydown", (event) => walk(event, item));
  return item;
}

function cell(name, text) {
  return Object.assign(document.createElement("span"), { className: name, textContent: text });
}

function walk(event, item) {
  const next = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  next?.querySelector("input").focus();
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select and copy";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);

// ---- the form

function show() {
  const bias = Number(byId("bias").value);
  byId("bias-shown").value = bias > 0 ? `+${bias}` : String(bias).replace("-", "−");
  byId("least-shown").value = `${Math.round(100 * byId("least").value)} %`;
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!byId("text").value.trim()) byId("text").value = byId("text").placeholder; // an empty page shows what it can do
  edit();
});
byId("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    edit();
  }
});
for (const name of ["bias", "least"]) {
  byId(name).addEventListener("input", () => {
    show();
    clearTimeout(waiting);
    waiting = setTimeout(edit, PAUSE);
  });
}
show();
