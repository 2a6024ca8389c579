// Plots beside the picture: distances over time, and what the training measured.
import { colour } from "/static/frame/frame.js";
import { plot, plotAll } from "/static/frame/plots.js";

const MARGIN = { l: 46, r: 12, t: 34, b: 52 };
const LEGEND = { orientation: "h", y: 1.14, font: { size: 11 } };
const UPWARDS = { rangemode: "tozero" };

export function gapOf(points) {
  let widest = 0;
  for (const [x, y] of points) for (const [a, b] of points) widest = Math.max(widest, Math.hypot(x - a, y - b));
  return widest;
}

export function drawGaps(place, episode) {
  const time = episode.poses.map((_, frame) => frame * episode.step_s);
  const goals = episode.goals.map((points) => (points.some(([x]) => x === null) ? null : gapOf(points)));
  plot(place, () => {
    const lines = [
      { x: time, y: episode.poses.map(gapOf), name: "robots apart", mode: "lines", line: { color: colour("--faint") } },
      { x: time, y: goals, name: "goals apart", mode: "lines", line: { color: colour("--accent") } },
    ];
    const axes = { xaxis: { title: { text: "seconds" } }, yaxis: { ...UPWARDS, title: { text: "metres" } } };
    return [lines, { ...axes, showlegend: true, legend: LEGEND, margin: MARGIN }];
  });
}

export function markTime(place, seconds) {
  const mark = { type: "line", x0: seconds, x1: seconds, yref: "paper", y0: 0, y1: 1, line: { color: colour("--bad"), width: 1 } };
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

export function drawCurves(place, learnt) {
  const drawings = [];
  for (const [name, values] of Object.entries(learnt.curves)) {
    if (name === "maddpg steps") continue;
    const maddpg = name === "maddpg meets";
    const x = maddpg ? learnt.curves["maddpg steps"] : values.map((_, step) => step + 1);
    const title = maddpg ? "share of MADDPG's training episodes that meet" : name;
    drawings.push([title, [{ x, y: values, mode: "lines" }], maddpg ? "world steps" : "round or epoch", LEGEND]);
  }
  for (const [member, lines] of forecasts(learnt.figures)) {
    drawings.push([`forecast of ${member}: mean error, m`, lines, "model steps ahead", { orientation: "v", x: 0.02, y: 0.98 }]);
  }
  plotAll(place, drawings.map(([title, lines, x, legend]) => ({
    label: title,
    make: () => [lines, {
      title: { text: title, font: { size: 13 } }, showlegend: lines.length > 1, legend, margin: MARGIN,
      xaxis: { title: { text: x } }, yaxis: /loss|predictors/.test(title) ? {} : UPWARDS,
    }],
  })));
}
