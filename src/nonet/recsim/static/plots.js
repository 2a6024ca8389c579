// What the pages of runs share: colours of the theme, the providers' map, and its playing.
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const quiet = { displayModeBar: false, responsive: true };

export function layout(extra) {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
  return {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: colour("--ink") },
    margin: { l: 50, r: 14, t: 36, b: 52 }, showlegend: false, ...extra,
    // close to its numbers: the box would cut it off
    xaxis: { ...axis, ...extra.xaxis, title: { standoff: 6, ...extra.xaxis?.title } }, yaxis: { ...axis, ...extra.yaxis },
  };
}

export function drawMap(place, board, at, most, accent) {
  const frame = board.frames[at];
  const text = frame.clicks.map((clicks, provider) => `provider ${provider}<br>${clicks} clicks`);
  const markers = {
    x: board.x, y: board.y, text, mode: "markers", hoverinfo: "text",
    marker: {
      size: frame.clicks.map((clicks) => 6 + 44 * Math.sqrt(clicks / most)), opacity: 0.75,
      color: frame.alive.map((alive) => (alive ? accent : colour("--faint"))), line: { color: colour("--ground"), width: 1 },
    },
  };
  return Plotly.react(place, [markers], layout({ yaxis: { scaleanchor: "x" }, margin: { l: 40, r: 14, t: 14, b: 36 } }), quiet);
}

export function play(frames, draw) {
  const slider = document.getElementById("frame");
  const button = document.getElementById("play");
  slider.max = frames - 1;
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };
  slider.addEventListener("input", () => draw(Number(slider.value)));
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === frames - 1) slider.value = 0;
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      draw(Number(slider.value));
      if (Number(slider.value) === frames - 1) stop();
    }, 200);
  });
  draw(0);
}

export function band(steps, series, tint) {
  return {
    x: [...steps, ...[...steps].reverse()], y: [...series.high, ...[...series.low].reverse()],
    fill: "toself", fillcolor: tint, opacity: 0.18, line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  };
}
