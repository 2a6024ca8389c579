// Plotly's drawings in the colours of the page; they are drawn again when those change.
import { colour, onScheme } from "/static/frame/frame.js";

const drawn = new Map(); // element: what makes its traces and its layout

// `make()` gives [traces, layout]; it asks for colours anew each time.
export function plot(place, make) {
  drawn.set(place, make);
  const [traces, layout] = make();
  return Plotly.react(place, traces, framed(layout), { displayModeBar: false, responsive: true });
}

// Several drawings in one grid. All boxes come first: the grid settles its columns before anything is drawn.
export function plotAll(place, drawings) {
  for (const old of place.children) drawn.delete(old);
  const boxes = drawings.map(({ label }) => {
    const box = document.createElement("div");
    box.className = "drawing";
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", label);
    return box;
  });
  place.replaceChildren(...boxes);
  drawings.forEach(({ make }, number) => plot(boxes[number], make));
}

// A band around a line, such as a confidence interval.
export function band(x, low, high, tint) {
  return {
    x: [...x, ...[...x].reverse()], y: [...high, ...[...low].reverse()],
    fill: "toself", fillcolor: tint, opacity: 0.18, line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  };
}

function framed(layout) {
  const axis = (own) => ({
    gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true, ...own,
    title: { standoff: 6, ...own?.title }, // close to its numbers: the box would cut it off
  });
  const title = layout.title && { font: { size: 14 }, ...layout.title };
  return {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: colour("--ink"), size: 12 },
    margin: { l: 50, r: 14, t: title ? 36 : 14, b: 52 }, showlegend: false, ...layout, title,
    xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
  };
}

onScheme(() => drawn.forEach((make, place) => plot(place, make)));
