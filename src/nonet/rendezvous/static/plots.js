// Plots beside the picture: distances over time, and what the training measured.
const quiet = { displayModeBar: false, responsive: true };

function layout(ink, extra) {
  const axis = { gridcolor: ink("--line"), zerolinecolor: ink("--line"), automargin: true };
  return {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink("--ink"), size: 12 },
    margin: { l: 46, r: 12, t: 34, b: 52 }, legend: { orientation: "h", y: 1.14, font: { size: 11 } }, ...extra,
    xaxis: { ...axis, ...extra.xaxis }, yaxis: { ...axis, rangemode: "tozero", ...extra.yaxis },
  };
}

export function gapOf(points) {
  let widest = 0;
  for (const [x, y] of points) for (const [a, b] of points) widest = Math.max(widest, Math.hypot(x - a, y - b));
  return widest;
}

export function drawGaps(place, episode, ink) {
  const time = episode.poses.map((_, frame) => frame * episode.step_s);
  const goals = episode.goals.map((points) => (points.some(([x]) => x === null) ? null : gapOf(points)));
  const lines = [
    { x: time, y: episode.poses.map(gapOf), name: "robots apart", mode: "lines", line: { color: ink("--faint") } },
    { x: time, y: goals, name: "goals apart", mode: "lines", line: { color: ink("--accent") } },
  ];
  Plotly.react(place, lines, layout(ink, { xaxis: { title: { text: "seconds" } }, yaxis: { title: { text: "metres" } } }), quiet);
}

export function markTime(place, seconds, ink) {
  const mark = { type: "line", x0: seconds, x1: seconds, yref: "paper", y0: 0, y1: 1, line: { color: ink("--bad"), width: 1 } };
  Plotly.relayout(place, { shapes: [mark] });
}

function forecasts(figures) {
  const found = new Map();
  for (const [name, values] of Object.entries(figures)) {
    const told = name.match(/^forecast of (.+?), (.+), m$/);
    if (!told) continue;
    const lines = found.get(told[1]) ?? [];
    lines.push({ x: values.map((_, place) => place + 1), y: values, name: told[2], mode: "lines+markers" });
    found.set(told[1], lines);
  }
  return found;
}

export function drawCurves(place, learnt, ink) {
  const drawings = [];
  for (const [name, values] of Object.entries(learnt.curves)) {
    if (name === "maddpg steps") continue;
    const x = name === "maddpg meets" ? learnt.curves["maddpg steps"] : values.map((_, step) => step + 1);
    const title = name === "maddpg meets" ? "share of MADDPG's training episodes that meet" : name;
    drawings.push([title, [{ x, y: values, mode: "lines" }], name === "maddpg meets" ? "world steps" : "round or epoch", {}]);
  }
  for (const [member, lines] of forecasts(learnt.figures)) {
    drawings.push([`forecast of ${member}: mean error, m`, lines, "model steps ahead", { legend: { orientation: "v", x: 0.02, y: 0.98 } }]);
  }
  const boxes = drawings.map(() => document.createElement("div"));
  place.replaceChildren(...boxes);
  drawings.forEach(([title, lines, x, extra], number) => {
    boxes[number].setAttribute("role", "img");
    boxes[number].setAttribute("aria-label", title);
    const many = lines.length > 1;
    Plotly.newPlot(boxes[number], lines, layout(ink, {
      ...extra, title: { text: title, font: { size: 13 } }, showlegend: many,
      xaxis: { title: { text: x } }, yaxis: /loss|predictors/.test(title) ? { rangemode: "normal" } : {},
    }), quiet);
  });
}
