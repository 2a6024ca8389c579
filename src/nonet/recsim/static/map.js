// The providers' map at one step, as the pages of runs draw it.
import { colour } from "/static/frame/frame.js";
import { plot } from "/static/frame/plots.js";

// `tint()` is asked anew when light and dark change.
export function drawMap(place, board, at, most, tint) {
  const frame = board.frames[at];
  const text = frame.clicks.map((clicks, provider) => `provider ${provider}<br>${clicks} clicks`);
  const markers = () => ({
    x: board.x, y: board.y, text, mode: "markers", hoverinfo: "text",
    marker: {
      size: frame.clicks.map((clicks) => 6 + 44 * Math.sqrt(clicks / most)), opacity: 0.75,
      color: frame.alive.map((alive) => (alive ? tint() : colour("--faint"))), line: { color: colour("--ground"), width: 1 },
    },
  });
  plot(place, () => [[markers()], { yaxis: { scaleanchor: "x" }, margin: { l: 40, r: 14, t: 14, b: 36 } }]);
}
