// Draws a run: measures, the providers' map frame by frame, and one user.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const quiet = { displayModeBar: false, responsive: true };

function layout(extra) {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
  return {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: colour("--ink") },
    margin: { l: 50, r: 14, t: 36, b: 52 }, showlegend: false, ...extra,
    xaxis: { ...axis, ...extra.xaxis }, yaxis: { ...axis, ...extra.yaxis },
  };
}

function drawMeasures(board) {
  const place = document.getElementById("measures");
  // all boxes first: the grid settles its columns before anything is drawn
  const boxes = board.series.map(() => place.appendChild(document.createElement("div")));
  board.series.forEach((series, number) => {
    const box = boxes[number];
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${series.name}: ${series.mean[0].toFixed(3)} at the start, ${series.mean.at(-1).toFixed(3)} at the end`);
    const band = {
      x: [...board.steps, ...[...board.steps].reverse()], y: [...series.high, ...[...series.low].reverse()],
      fill: "toself", fillcolor: colour("--accent"), opacity: 0.18, line: { width: 0 }, hoverinfo: "skip",
    };
    const line = { x: board.steps, y: series.mean, mode: "lines", line: { color: colour("--accent") } };
    Plotly.newPlot(box, [band, line], layout({ title: { text: series.name }, xaxis: { title: { text: "step" } } }), quiet);
  });
}

function drawFrame(board, at) {
  const frame = board.frames[at];
  const most = Math.max(1, ...board.frames.at(-1).clicks);
  const text = frame.clicks.map((clicks, provider) => `provider ${provider}<br>${clicks} clicks`);
  const markers = {
    x: board.x, y: board.y, text, mode: "markers", hoverinfo: "text",
    marker: {
      size: frame.clicks.map((clicks) => 6 + 44 * Math.sqrt(clicks / most)), opacity: 0.75,
      color: frame.alive.map((alive) => (alive ? colour("--accent") : colour("--faint"))), line: { color: colour("--ground"), width: 1 },
    },
  };
  Plotly.react("map", [markers], layout({ yaxis: { scaleanchor: "x" }, margin: { l: 40, r: 14, t: 14, b: 36 } }), quiet);
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

function animate(board) {
  const slider = document.getElementById("frame");
  const button = document.getElementById("play");
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };
  slider.addEventListener("input", () => drawFrame(board, Number(slider.value)));
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === board.frames.length - 1) slider.value = 0;
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      drawFrame(board, Number(slider.value));
      if (Number(slider.value) === board.frames.length - 1) stop();
    }, 200);
  });
  drawFrame(board, 0);
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
  animate(board);
  const choice = document.getElementById("user");
  choice.addEventListener("change", () => drawUser(choice.value));
  await drawUser(0);
}
document.body.dataset.ready = "true";
