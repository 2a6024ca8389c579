// The team's page: choose or run a meeting, and move through its time.
import { onScheme } from "/static/frame/frame.js";
import { player } from "/static/frame/player.js";
import { colourOf, drawMoment } from "./drawing.js";
import { drawCurves, drawGaps, gapOf, markTime } from "./plots.js";

const element = (id) => document.getElementById(id);
let episode = null;
const time = player({ button: element("play"), slider: element("frame"), pause: 60, show });

function layers() {
  return Object.fromEntries(["scan", "cloud", "paths", "trail"].map((name) => [name, element(`show-${name}`).checked]));
}

function showNumbers(frame) {
  const table = element("numbers");
  table.replaceChildren(table.caption);
  const row = (cells, kind) => {
    const line = table.insertRow();
    for (const cell of cells) line.appendChild(document.createElement(kind)).textContent = cell;
    return line;
  };
  row(["robot", "at", "goes to"], "th");
  for (const [robot, [x, y]] of episode.poses[frame].entries()) {
    const goal = episode.goals[frame][robot];
    const aim = goal[0] === null ? "–" : `${goal[0].toFixed(1)}, ${goal[1].toFixed(1)}`;
    const key = document.createElement("span");
    key.className = "key";
    key.style.background = colourOf(robot);
    row([robot, `${x.toFixed(1)}, ${y.toFixed(1)}`, aim], "td").cells[0].prepend(key);
  }
}

function show(frame) {
  if (!episode) return;
  element("clock").value = `${(frame * episode.step_s).toFixed(1)} s`;
  drawMoment(element("world"), episode, frame, layers());
  const apart = gapOf(episode.poses[frame]).toFixed(1);
  element("world").setAttribute("aria-label", `The robots from above after ${element("clock").value}: ${apart} m apart`);
  showNumbers(frame);
  markTime(element("disagreement"), frame * episode.step_s);
}

async function open(name) {
  const answer = await fetch(`/rendezvous/api/episodes/${encodeURIComponent(name)}`);
  if (!answer.ok) {
    element("outcome").textContent = (await answer.json()).detail;
    return;
  }
  episode = await answer.json();
  const met = episode.met_s["1"];
  const bumps = episode.collisions.reduce((a, b) => a + b, 0);
  const ending = met === null ? `They did not meet in ${episode.seconds} s` : `Within a metre after ${met} s`;
  element("outcome").textContent = `${ending}; ${bumps} ${bumps === 1 ? "contact" : "contacts"}.`;
  drawGaps(element("disagreement"), episode);
  element("stage").dataset.episode = name;
  history.replaceState(null, "", `#${name}`);
  time.open(episode.poses.length - 1);
}

async function list(chosen) {
  const episodes = await (await fetch("/rendezvous/api/episodes")).json();
  const choice = element("episodes");
  choice.replaceChildren(...episodes.map(({ name, about, met_s }) => {
    const ending = met_s === null ? "did not meet" : `met after ${met_s} s`;
    return new Option(`${about.map} ${about.episode ?? ""}, ${about.method}: ${ending}`, name);
  }));
  const any = episodes.length > 0;
  element("none").hidden = any;
  for (const id of ["stage", "time"]) element(id).hidden = !any;
  if (!any) return;
  choice.value = episodes.some(({ name }) => name === chosen) ? chosen : episodes[0].name;
  await open(choice.value);
}

async function run(event) {
  event.preventDefault();
  const form = event.target;
  const wanted = Object.fromEntries(new FormData(form));
  wanted.episode = Number(wanted.episode);
  wanted.robots = Number(wanted.robots);
  const button = form.querySelector("button");
  button.disabled = true;
  element("run-state").textContent = "The robots are on their way … the first meeting waits for the compiler.";
  try {
    const answer = await fetch("/rendezvous/api/episodes", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wanted),
    });
    const told = await answer.json();
    element("run-state").textContent = answer.ok ? "" : told.detail;
    if (answer.ok) await list(told.name);
  } catch (error) {
    element("run-state").textContent = `The server did not answer (${error.message}).`;
  } finally {
    button.disabled = false;
  }
}

element("run").addEventListener("submit", run);
element("episodes").addEventListener("change", (event) => open(event.target.value));
for (const box of document.querySelectorAll(".layers input")) box.addEventListener("change", time.again);
addEventListener("hashchange", () => list(decodeURIComponent(location.hash.slice(1))));
await list(decodeURIComponent(location.hash.slice(1)));
const learnt = await (await fetch("/rendezvous/api/learnt")).json();
drawCurves(element("curves"), learnt);
onScheme(() => episode && time.again());
document.body.dataset.ready = "true";
