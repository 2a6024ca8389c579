// How far the tour is, asked again while it runs.
const PAUSE = 2000; // milliseconds between two looks
const MARKS = { waiting: "·", running: "▸", done: "✓", failed: "✕", skipped: "–" };

const place = document.getElementById("tour");
const said = document.getElementById("tour-said");

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function duration(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function counts({ state, claims, note, seconds }) {
  const told = [];
  if (state === "running") told.push(seconds ? `running for ${duration(seconds)}` : "running");
  if (state === "done") {
    if (claims.holds) told.push(`${claims.holds} hold`);
    if (claims.fails) told.push(`${claims.fails} fail`);
    if (claims.untold) told.push(`${claims.untold} cannot be told`);
    if (seconds) told.push(duration(seconds));
  }
  if (state === "waiting" || state === "failed" || state === "skipped") told.push(note ? `${state}: ${note}` : state);
  return told.join(" · ");
}

function row(wing) {
  const mark = element("span", { className: "mark", ariaHidden: "true" }, MARKS[wing.state]);
  const name = wing.report ? element("a", { href: `/tour/${wing.name}/` }, wing.name) : element("span", {}, wing.name);
  const line = element("li", {}, mark, name, element("span", { className: "counts" }, counts(wing)));
  line.dataset.state = wing.state;
  return line;
}

// In one sentence, said only when it changes: how often one looks is nothing to hear of.
function sentence({ done, wings }) {
  const over = wings.filter(({ state }) => !["waiting", "running"].includes(state));
  const sum = (kind) => wings.reduce((total, { claims }) => total + claims[kind], 0);
  const verdicts = `${sum("holds")} claims hold, ${sum("fails")} fail, ${sum("untold")} cannot be told`;
  if (done) return `The tour is over: ${verdicts}.`;
  const now = wings.filter(({ state }) => state === "running").map(({ name }) => name);
  const at = now.length ? `Now: ${now.join(", ")}. ` : "";
  return `${over.length} of ${wings.length} are through. ${at}${over.length ? `So far ${verdicts}.` : ""}`.trim();
}

function show(state) {
  const { done, wings } = state;
  place.hidden = false;
  const bar = place.querySelector("progress");
  bar.max = wings.length;
  bar.value = wings.filter((wing) => !["waiting", "running"].includes(wing.state)).length;
  const text = sentence(state);
  if (said.textContent !== text) said.textContent = text;
  const rows = wings.map(row);
  const list = place.querySelector("ol");
  const changed = rows.length !== list.children.length || rows.some((each, at) => !each.isEqualNode(list.children[at]));
  if (changed && !list.contains(document.activeElement)) list.replaceChildren(...rows); // a focused link stays where it is
  place.querySelector("h2 a").hidden = !done;
}

async function look() {
  let again = true;
  try {
    const answer = await fetch("/tour/state");
    const state = await answer.json();
    if (!answer.ok) throw new Error(state.detail);
    show(state);
    again = !state.done;
  } catch (problem) {
    place.hidden = false;
    said.textContent = problem instanceof TypeError ? "The server does not answer." : problem.message;
  }
  if (again) setTimeout(look, PAUSE);
}

look();
