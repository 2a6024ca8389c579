// Draws a run: measures, the providers' map frame by frame, and one user.
import { colour } from "/static/frame/frame.js";
import { player } from "/static/frame/player.js";
import { band, plot, plotAll } from "/static/frame/plots.js";
import { drawMap } from "./map.js";

const accent = () => colour("--accent");

function drawMeasures(board) {
  plotAll(document.getElementById("measures"), board.series.map((series) => ({
    label: `${series.name}: ${series.mean[0].toFixed(3)} at the start, ${series.mean.at(-1).toFixed(3)} at the end`,
    make() {
      const line = { x: board.steps, y: series.mean, mode: "lines", line: { color: accent() } };
      const layout = { title: { text: series.name }, xaxis: { title: { text: "step" } } };
      return [[band(board.steps, series.low, series.high, accent()), line], layout];
    },
  })));
}

function drawFrame(board, at) {
  const frame = board.frames[at];
  drawMap(document.getElementById("map"), board, at, Math.max(1, ...board.frames.at(-1).clicks), accent);
  document.getElementById("step").value = frame.step;
  const order = frame.clicks.map((_, provider) => provider).sort((a, b) => frame.clicks[b] - frame.clicks[a]).slice(0, 10);
  const table = document.getElementById("largest");
  table.replaceChildren();
  const row = (cells, kind) => {
    const line = table.insertRow();
    for (const cell of cells) line.appendChild(Object.assign(document.createElement(kind), { className: "number" })).textContent = cell;
  };
  row(["provider", "clicks", "satisfaction", "publishes"], "th");
  for (const p of order) row([p, frame.clicks[p], frame.satisfaction[p].toFixed(1), frame.alive[p] ? "yes" : "no"], "td");
}

async function drawUser(number) {
  const facts = document.getElementById("user-facts");
  const answer = await fetch(`/recsim/api/users/${number}`);
  const user = await answer.json();
  if (!answer.ok) {
    facts.textContent = user.detail;
    return;
  }
  const providers = new Set(user.provider).size;
  const mean = user.utility.reduce((a, b) => a + b, 0) / user.utility.length;
  facts.textContent = `Interest (${user.x.toFixed(1)}, ${user.y.toFixed(1)}); mean utility ${mean.toFixed(2)}; ${providers} providers.`;
  plot(document.getElementById("user-plot"), () => {
    const line = {
      x: user.steps, y: user.utility, mode: "lines+markers", text: user.provider.map((p) => `provider ${p}`),
      line: { color: accent() }, marker: { size: 4 },
    };
    return [[line], { xaxis: { title: { text: "step" } }, yaxis: { title: { text: "utility" } } }];
  });
}

const board = await (await fetch("/recsim/api/run")).json();
drawMeasures(board);
if (board.frames.length) {
  const [button, slider] = [document.getElementById("play"), document.getElementById("frame")];
  player({ button, slider, pause: 200, show: (at) => drawFrame(board, at) }).open(board.frames.length - 1);
  const choice = document.getElementById("user");
  choice.addEventListener("change", () => drawUser(choice.value));
  await drawUser(0);
}
document.body.dataset.ready = "true";
