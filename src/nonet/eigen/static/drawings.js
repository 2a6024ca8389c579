// The drawings of the lesson. Each takes an svg element and the numbers of one matrix, and draws from scratch.

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 360;

function element(svg, name, attributes, text) {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  svg.append(node);
  return node;
}

// A window on the plane: centre (x, y), half its width in units; equal scales in both directions unless given.
function frame(svg, height, x, y, reach, reachY = (reach * height) / WIDTH) {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
  return {
    x: (value) => WIDTH / 2 + ((value - x) / reach) * (WIDTH / 2),
    y: (value) => height / 2 - ((value - y) / reachY) * (height / 2),
    left: x - reach, right: x + reach, bottom: y - reachY, top: y + reachY, height,
  };
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const short = (value) => String(Number(value.toPrecision(5)));

function step(span) {
  const power = 10 ** Math.floor(Math.log10(span));
  return [1, 2, 5, 10].map((n) => n * power).find((size) => span / size <= 6);
}

function ticks(svg, view, y) {
  const size = step(view.right - view.left);
  for (let i = Math.ceil(view.left / size); i * size <= view.right; i++) {
    const x = view.x(i * size);
    element(svg, "line", { x1: x, x2: x, y1: y - 4, y2: y + 4, class: "axis" });
    element(svg, "text", { x, y: y + 20, "text-anchor": "middle", class: "faint" }, short(i * size));
  }
}

function dot(svg, view, x, y, kind, label, drop = -14) {
  element(svg, "circle", { cx: view.x(x), cy: view.y(y), r: 6, class: `dot ${kind}` });
  const across = clamp(view.x(x), 30, WIDTH - 30);
  element(svg, "text", { x: across, y: view.y(y) + drop, "text-anchor": "middle" }, label);
}

// The complex plane: a real pair on the line with m between, or a conjugate pair above and below m.
export function drawLine(svg, { m, s, real }) {
  const reach = Math.max((real ? 1.7 : 2.3) * s, 0.25 * Math.abs(m), 1e-9);
  const view = frame(svg, 250, m, 0, reach);
  const line = view.y(0);
  element(svg, "line", { x1: 0, x2: WIDTH, y1: line, y2: line, class: "axis" });
  ticks(svg, view, line);
  const ends = real ? [[m - s, 0], [m + s, 0]] : [[m, -s], [m, s]];
  if (s > 0) {
    const shift = real ? -34 : 0;
    element(svg, "line", {
      x1: view.x(m), y1: line + shift, x2: view.x(ends[1][0]), y2: view.y(ends[1][1]) + shift, class: "distance",
    });
    element(svg, "text", {
      x: (view.x(m) + view.x(ends[1][0])) / 2 + (real ? 0 : 12), y: (line + view.y(ends[1][1])) / 2 + shift - 6,
      "text-anchor": real ? "middle" : "start",
    }, `s = ${short(s)}`);
  }
  dot(svg, view, m, 0, "mean", `m = ${short(m)}`, 40);
  if (s === 0) return;
  const names = real ? [short(m - s), short(m + s)] : [`${short(m)} − ${short(s)}i`, `${short(m)} + ${short(s)}i`];
  dot(svg, view, ...ends[0], "first", names[0], real ? -14 : 24);
  dot(svg, view, ...ends[1], "second", names[1]);
}

// The trace–determinant plane, drawn in m and p, with the parabola on which both eigenvalues are m.
export function drawPlane(svg, { m, p }) {
  const reach = Math.max(1.25 * Math.abs(m), 1.1 * Math.sqrt(Math.abs(p)), 1);
  const view = frame(svg, 250, 0, 0.2 * reach * reach, reach, 1.25 * reach * reach);
  const points = Array.from({ length: 81 }, (_, i) => view.left + (i / 80) * (view.right - view.left));
  const path = points.map((x) => `${view.x(x)},${clamp(view.y(x * x), -50, 400)}`).join(" L");
  element(svg, "path", { d: `M${path} L${WIDTH},-50 L0,-50 Z`, class: "above" });
  element(svg, "line", { x1: 0, x2: WIDTH, y1: view.y(0), y2: view.y(0), class: "axis" });
  element(svg, "line", { x1: view.x(0), x2: view.x(0), y1: 0, y2: view.height, class: "axis" });
  element(svg, "path", { d: `M${path}`, class: "curve" });
  element(svg, "text", { x: WIDTH / 2, y: 18, "text-anchor": "middle", class: "faint" }, "complex pair");
  element(svg, "text", { x: WIDTH - 8, y: view.y(0) + 16, "text-anchor": "end", class: "faint" }, "m");
  element(svg, "text", { x: view.x(0) + 6, y: view.height - 8, class: "faint" }, "p < 0: opposite signs");
  element(svg, "line", {
    x1: view.x(m), x2: view.x(m), y1: view.y(p), y2: view.y(m * m), class: "distance",
  });
  dot(svg, view, m, p, "", `(${short(m)}, ${short(p)})`, view.y(p) < 40 || p < 0 ? 24 : -14);
}

// The unit circle, its image, and the lines that the matrix maps onto themselves.
export function drawShape(svg, { a, b, c, d, lines }) {
  const turns = Array.from({ length: 121 }, (_, i) => (i / 120) * 2 * Math.PI);
  const image = turns.map((t) => [a * Math.cos(t) + b * Math.sin(t), c * Math.cos(t) + d * Math.sin(t)]);
  const reach = 1.15 * Math.max(1.2, ...image.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))));
  const view = frame(svg, WIDTH, 0, 0, reach);
  element(svg, "line", { x1: 0, x2: WIDTH, y1: view.y(0), y2: view.y(0), class: "axis" });
  element(svg, "line", { x1: view.x(0), x2: view.x(0), y1: 0, y2: WIDTH, class: "axis" });
  for (const [i, { x, y, value }] of lines.entries()) {
    const far = 2 * reach;
    element(svg, "line", {
      x1: view.x(-far * x), y1: view.y(-far * y), x2: view.x(far * x), y2: view.y(far * y),
      class: i ? "second" : "first",
    });
    const out = 0.86 * reach / Math.max(Math.abs(x), Math.abs(y));
    element(svg, "text", {
      x: clamp(view.x(out * x), 30, WIDTH - 30), y: clamp(view.y(out * y) - 8, 16, WIDTH - 6), "text-anchor": "middle",
    }, `× ${short(value)}`);
  }
  element(svg, "circle", { cx: view.x(0), cy: view.y(0), r: view.x(1) - view.x(0), class: "circle" });
  element(svg, "path", { d: `M${image.map(([x, y]) => `${view.x(x)},${view.y(y)}`).join(" L")} Z`, class: "image" });
}

// The Bloch sphere, seen from a little above the equator, with an arrow along the axis of a spin.
const LIFT = Math.PI / 9;
const SIDE = -Math.PI / 5;
function look([x, y, z]) {
  const across = x * Math.sin(SIDE) + y * Math.cos(SIDE);
  const towards = x * Math.cos(SIDE) - y * Math.sin(SIDE);
  return { x: across, y: z * Math.cos(LIFT) - towards * Math.sin(LIFT), near: towards * Math.cos(LIFT) + z * Math.sin(LIFT) >= -1e-9 };
}

// A circle on the sphere as two paths, the half that is seen and the half behind.
function ring(svg, view, at) {
  const points = Array.from({ length: 121 }, (_, i) => look(at((i / 120) * 2 * Math.PI)));
  for (const near of [true, false]) {
    const path = points.map((point, i) => {
      const joined = i > 0 && points[i - 1].near === near;
      return point.near === near ? `${joined ? "L" : "M"}${view.x(point.x)},${view.y(point.y)}` : "";
    }).join(" ");
    element(svg, "path", { d: path, class: near ? "curve" : "curve hidden" });
  }
}

export function drawSphere(svg, { points, eigenvalues }) {
  const view = frame(svg, 300, 0, 0, 1.75);
  element(svg, "circle", { cx: view.x(0), cy: view.y(0), r: view.x(1) - view.x(0), class: "curve" });
  ring(svg, view, (t) => [Math.cos(t), Math.sin(t), 0]);
  for (const [name, axis] of [["x", [1, 0, 0]], ["y", [0, 1, 0]], ["z", [0, 0, 1]]]) {
    const end = look(axis.map((value) => 1.22 * value));
    element(svg, "line", { x1: view.x(0), y1: view.y(0), x2: view.x(end.x), y2: view.y(end.y), class: "axis" });
    element(svg, "text", { x: view.x(1.1 * end.x), y: view.y(1.1 * end.y) + 4, "text-anchor": "middle", class: "faint" }, name);
  }
  const ends = points.map(look);
  element(svg, "line", {
    x1: view.x(ends[0].x), y1: view.y(ends[0].y), x2: view.x(ends[1].x), y2: view.y(ends[1].y), class: "distance",
  });
  ends.forEach((end, i) => {
    const kind = i ? "second" : "first";
    element(svg, "circle", { cx: view.x(end.x), cy: view.y(end.y), r: 7, class: `dot ${kind}${end.near ? "" : " hidden"}` });
    const out = 0.32 / Math.max(Math.hypot(end.x, end.y), 0.3);
    element(svg, "text", {
      x: view.x(end.x * (1 + out)), y: view.y(end.y * (1 + out)) + 5, "text-anchor": "middle",
    }, `λ = ${short(eigenvalues[i])}`);
  });
}
