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

// A count with its verb, kept on one line: 1 holds, 2 hold.
function told(count, one, many) {
  return `${count} ${count === 1 ? one : many}`.replaceAll(" ", "\u00a0");
}

function verdicts({ holds, fails, untold }) {
  return [told(holds, "holds", "hold"), told(fails, "fails", "fail"), told(untold, "cannot be told", "cannot be told")];
}

function counts({ state, claims, note, seconds }) {
  if (state === "running") return seconds ? `running for ${duration(seconds)}` : "running";
  if (state !== "done") return note ? `${state}: ${note}` : state;
  const said = verdicts(claims).filter((each) => !each.startsWith("0"));
  if (seconds) said.push(duration(seconds).replace(" ", "\u00a0"));
  return said.join(" · ");
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
  const [holds, ...others] = verdicts({ holds: sum("holds"), fails: sum("fails"), untold: sum("untold") });
  const all = [holds.replace("\u00a0", sum("holds") === 1 ? " claim " : " claims "), ...others].join(", ");
  if (done) return `The tour is over: ${all}.`;
  const now = wings.filter(({ state }) => state === "running").map(({ name }) => name);
  const at = now.length ? `Now: ${now.join(", ")}. ` : "";
  return `${over.length} of ${wings.length} are through. ${at}${over.length ? `So far ${all}.` : ""}`.trim();
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
