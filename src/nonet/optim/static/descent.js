// Draws the contours and moves three paths along one slider.
import { onScheme } from "/static/frame/frame.js";
import { player } from "/static/frame/player.js";
import { plot } from "/static/frame/plots.js";

const byId = (id) => document.getElementById(id);
const COLOURS = { "L-BFGS": "#e4572e", "augmented Lagrangian": "#e4572e", "gradient descent": "#2e86ab", "penalty method": "#8e44ad" };
let answer = null;
let asked = 0;
const steps = player({ button: byId("play"), slider: byId("step"), pause: 120, show });

function question() {
  return {
    formula: byId("formula").value,
    constraints: byId("constraints").value.split(";").map((text) => text.trim()).filter(Boolean),
    start: [Number(byId("start-x").value), Number(byId("start-y").value)],
    rate: Number(byId("rate").value),
  };
}

async function walk() {
  const turn = ++asked;
  byId("problem").textContent = "";
  byId("plot").setAttribute("aria-busy", "true");
  const slow = setTimeout(() => byId("notes").replaceChildren(element("li", "Walking …")), 300);
  try {
    const response = await fetch("/optim/walk", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question()),
    });
    const body = await response.json();
    if (turn !== asked) return; // another walk was asked for meanwhile
    clearTimeout(slow);
    if (response.ok) arrive(body);
    else complain(body.detail);
  } catch {
    if (turn === asked) complain("The server does not answer. Is nonet serve still running?");
  } finally {
    clearTimeout(slow);
    if (turn === asked) byId("plot").removeAttribute("aria-busy");
  }
}

function complain(text) {
  byId("problem").textContent = text;
  byId("notes").replaceChildren();
}

function arrive(found) {
  answer = found;
  byId("name-x").textContent = answer.names[0];
  byId("name-y").textContent = answer.names[1];
  byId("start-x-name").textContent = answer.names[0];
  byId("start-y-name").textContent = answer.names[1];
  byId("notes").replaceChildren(...answer.paths.map((path) => element("li", `${path.method}: ${path.note}`)));
  plot(byId("plot"), drawing);
  const longest = Math.max(...answer.paths.map((path) => path.x.length)) - 1;
  steps.open(longest, longest);
}

// Levels crowd near the lowest value, where the paths end.
function spread(values) {
  const lowest = Math.min(...values.flat().filter((value) => value !== null));
  return values.map((row) => row.map((value) => (value === null ? null : Math.log10(value - lowest + 1e-3))));
}

function drawing() {
  const traces = [
    {
      type: "contour", x: answer.x, y: answer.y, z: spread(answer.values), showscale: false, ncontours: 24,
      colorscale: "Viridis", contours: { coloring: "heatmap" }, line: { width: 0.5, color: "rgba(255,255,255,.5)" }, hoverinfo: "skip",
    },
  ];
  if (answer.excess) {
    traces.push({
      type: "contour", x: answer.x, y: answer.y, z: answer.excess, showscale: false, hoverinfo: "skip", name: "forbidden",
      contours: { type: "constraint", operation: "<", value: 0 }, fillcolor: "rgba(0,0,0,.45)", line: { color: "#fff", width: 2 },
    });
  }
  for (const path of answer.paths) {
    traces.push({
      type: "scatter", mode: "lines+markers", name: path.method, x: path.x, y: path.y,
      line: { color: COLOURS[path.method], width: 2.5 },
      marker: { color: COLOURS[path.method], size: 6, line: { color: "#fff", width: 1 } },
    });
  }
  const range = (axis) => [axis[0], axis[axis.length - 1]];
  const layout = {
    margin: { l: 44, r: 8, t: 8, b: 40 }, showlegend: true,
    xaxis: { title: { text: answer.names[0] }, range: range(answer.x), constrain: "domain" },
    yaxis: { title: { text: answer.names[1] }, range: range(answer.y), scaleanchor: "x", constrain: "domain" },
    legend: { orientation: "h", x: 0.5, xanchor: "center", y: -0.15 },
  };
  return [traces, layout];
}

function show(step) {
  if (!answer) return;
  byId("shown").textContent = step;
  const first = answer.excess ? 2 : 1;
  const indices = answer.paths.map((_, i) => first + i);
  Plotly.restyle("plot", {
    x: answer.paths.map((path) => path.x.slice(0, step + 1)),
    y: answer.paths.map((path) => path.y.slice(0, step + 1)),
  }, indices);
  byId("rows").replaceChildren(...answer.paths.map((path) => row(path, Math.min(step, path.x.length - 1))));
}

function row(path, at) {
  const line = document.createElement("tr");
  const name = element("td", path.method);
  const dot = element("span", "");
  dot.className = "key";
  dot.style.background = COLOURS[path.method];
  name.prepend(dot);
  const numbers = at < 0 ? [] : [at, path.x[at], path.y[at], path.value[at], path.violation[at], path.evaluations[at]];
  line.append(name, ...numbers.map((value) => {
    const cell = element("td", value === null ? "–" : Number.isInteger(value) ? value : value.toPrecision(6));
    cell.className = "number";
    return cell;
  }));
  return line;
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

byId("question").addEventListener("submit", (event) => {
  event.preventDefault();
  walk();
});
onScheme(() => answer && steps.again());
for (const button of document.querySelectorAll("[data-formula]")) {
  button.addEventListener("click", () => {
    const { formula, constraints, start, rate } = button.dataset;
    byId("formula").value = formula;
    byId("constraints").value = constraints;
    [byId("start-x").value, byId("start-y").value] = start.split(" ");
    byId("rate").value = rate;
    walk();
  });
}
walk();
