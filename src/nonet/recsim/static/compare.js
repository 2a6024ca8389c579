// Draws several runs of one story over each other, and their providers' maps beside each other.
import { colour, onScheme } from "/static/frame/frame.js";
import { player } from "/static/frame/player.js";
import { band, plotAll } from "/static/frame/plots.js";
import { drawMap } from "./map.js";

const tints = () => [colour("--accent"), "#c2410c", "#1a7f4b", "#7e22ce", "#a16207", "#0e7490"];
const tint = (number) => tints()[number % tints().length];

function drawMeasures(names, boards) {
  const shared = boards[0].series.filter((series) => boards.every((board) => board.series.some((s) => s.name === series.name)));
  plotAll(document.getElementById("measures"), shared.map(({ name: measure }) => {
    const found = boards.map((board) => board.series.find((series) => series.name === measure));
    const ends = found.map((series, run) => `${names[run]} ${series.mean.at(-1).toFixed(3)}`);
    const lines = () => found.flatMap((series, run) => [
      band(boards[run].steps, series.low, series.high, tint(run)),
      { x: boards[run].steps, y: series.mean, mode: "lines", name: names[run], line: { color: tint(run) } },
    ]);
    return {
      label: `${measure} at the end: ${ends.join(", ")}`,
      make: () => [lines(), { title: { text: measure }, xaxis: { title: { text: "step" } } }],
    };
  }));
}

function drawMaps(names, boards) {
  const place = document.getElementById("maps");
  const boxes = names.map((name) => {
    const figure = place.appendChild(document.createElement("figure"));
    figure.appendChild(document.createElement("figcaption")).textContent = name;
    const box = figure.appendChild(document.createElement("div"));
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `Map of providers under ${name}`);
    return box;
  });
  // one scale for all, so that circles can be compared
  const most = Math.max(1, ...boards.flatMap((board) => board.frames.at(-1).clicks));
  const show = (at) => {
    boards.forEach((board, run) => drawMap(boxes[run], board, Math.min(at, board.frames.length - 1), most, () => tint(run)));
    document.getElementById("step").value = boards[0].frames[at].step;
  };
  const [button, slider] = [document.getElementById("play"), document.getElementById("frame")];
  player({ button, slider, pause: 200, show }).open(boards[0].frames.length - 1);
}

function drawKeys() {
  for (const key of document.querySelectorAll(".key")) key.style.background = tint(Number(key.dataset.run));
}

const comparison = await (await fetch("/recsim/api/runs")).json();
const names = Object.keys(comparison.boards);
const boards = Object.values(comparison.boards);
drawKeys();
onScheme(drawKeys);
drawMeasures(names, boards);
if (boards.every((board) => board.frames.length)) drawMaps(names, boards);
document.body.dataset.ready = "true";
