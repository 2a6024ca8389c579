// Draws a run: measures, the providers' map frame by frame, and one user.
import { band, colour, drawMap, layout, play, quiet } from "./plots.js";

function drawMeasures(board) {
  const place = document.getElementById("measures");
  // all boxes first: the grid settles its columns before anything is drawn
  const boxes = board.series.map(() => place.appendChild(document.createElement("div")));
  board.series.forEach((series, number) => {
    const box = boxes[number];
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${series.name}: ${series.mean[0].toFixed(3)} at the start, ${series.mean.at(-1).toFixed(3)} at the end`);
    const line = { x: board.steps, y: series.mean, mode: "lines", line: { color: colour("--accent") } };
    Plotly.newPlot(box, [band(board.steps, series, colour("--accent")), line], layout({ title: { text: series.name }, xaxis: { title: { text: "step" } } }), quiet);
  });
}

function drawFrame(board, at) {
  const frame = board.frames[at];
  drawMap("map", board, at, Math.max(1, ...board.frames.at(-1).clicks), colour("--accent"));
  document.getElementById("step").value = frame.step;
  const order = frame.clicks.map((_, provider) => provider).sort((a, b) => frame.clicks[b] - frame.clicks[a]).slice(0, 10);
  const table = document.getElementById("largest");
  table.replaceChildren();
  const row = (cells, kind) => {
    const line = table.insertRow();
    for (const cell of cells) line.appendChild(document.createElement(kind)).textContent = cell;
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
  const line = {
    x: user.steps, y: user.utility, mode: "lines+markers", text: user.provider.map((p) => `provider ${p}`),
    line: { color: colour("--accent") }, marker: { size: 4 },
  };
  Plotly.react("user-plot", [line], layout({ xaxis: { title: { text: "step" } }, yaxis: { title: { text: "utility" } } }), quiet);
}

const board = await (await fetch("/recsim/api/run")).json();
drawMeasures(board);
if (board.frames.length) {
  play(board.frames.length, (at) => drawFrame(board, at));
  const choice = document.getElementById("user");
  choice.addEventListener("change", () => drawUser(choice.value));
  await drawUser(0);
}
document.body.dataset.ready = "true";
