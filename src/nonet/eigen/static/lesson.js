// The lesson: four numbers go to the server, which answers with everything that is shown.

import { drawLine, drawPlane, drawShape, drawSphere, short } from "./drawings.js";

const NAMES = ["a", "b", "c", "d"];
const EXAMPLES = [
  ["3 1 · 4 1", [3, 1, 4, 1]], ["8 4 · 2 6", [8, 4, 2, 6]], ["2 7 · 1 8", [2, 7, 1, 8]],
  ["a quarter turn", [0, -1, 1, 0]], ["a turn that grows", [1, -2, 2, 1]], ["a mirror (Pauli x)", [0, 1, 1, 0]],
  ["a shear: one line only", [1, 1, 0, 1]], ["twice the identity", [2, 0, 0, 2]],
];
const HARD = [
  ["choose …", null],
  ["nearly singular", [1, 1, 1, 1.0000000001]],
  ["nearly a double root", [1, 0.0000000123, 0.00000000456, 1]],
  ["a thin covariance", [0.7500000002500001, 0.4330127017477926, 0.4330127017477926, 0.2500000007500001]],
  ["columns of unlike size", [1.7, 0.000000013, 2.3, 0.000000019]],
];
const QUESTIONS = [[8, 4, 2, 6], [2, 7, 1, 8], [3, 1, 5, 7], [2, 3, 2, 4], [3, 1, 4, 3]];

const at = (id) => document.getElementById(id);
const numbers = NAMES.map((name) => at(`number-${name}`));
const sliders = NAMES.map((name) => at(`slider-${name}`));
let asked = 0;
let question = 0;

function set(entries) {
  entries.forEach((value, i) => {
    numbers[i].value = value;
    sliders[i].value = value;
  });
  ask();
}

async function ask() {
  const turn = ++asked;
  const entries = numbers.map((input) => input.valueAsNumber);
  if (entries.some(Number.isNaN)) return complain("Each of the four places needs a number.");
  const query = new URLSearchParams(NAMES.map((name, i) => [name, entries[i]]));
  const slow = setTimeout(() => { // the very first answer waits for the compiler
    if (turn === asked) at("eigenvalues").textContent = "Computing …";
  }, 700);
  try {
    const answer = await fetch(`/eigen/explain?${query}`);
    const found = await answer.json();
    if (turn !== asked) return; // a newer matrix is on its way
    if (answer.ok) show(found);
    else complain(found.detail);
  } catch {
    if (turn === asked) complain("The server does not answer. Is nonet serve still running?");
  } finally {
    clearTimeout(slow);
  }
}

function complain(text) {
  at("problem").textContent = text;
  at("problem").hidden = false;
}

function show(found) {
  at("problem").hidden = true;
  const [[low, lowImaginary], [high, highImaginary]] = found.eigenvalues;
  at("eigenvalues").textContent = found.real
    ? `λ₁ = ${low}, λ₂ = ${high}`
    : `λ = ${low} ± ${highImaginary} i`;
  at("steps").replaceChildren(...found.steps.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const s = Math.sqrt(Math.abs(found.spread));
  const [a, b, c, d] = found.matrix;
  drawLine(at("line"), { m: found.mean, s, real: found.real });
  drawPlane(at("plane"), { m: found.mean, p: found.product });
  const lines = found.real
    ? found.eigenvectors.map(([[x], [y]], i) => ({ x, y, value: i ? high : low }))
    : [];
  drawShape(at("shape"), { a, b, c, d, lines: found.defective ? lines.slice(0, 1) : lines });
  at("line-caption").textContent = found.real
    ? s > 0 ? "Both eigenvalues lie at the distance s from m." : "s is 0: both eigenvalues are m."
    : "m² is less than p: the pair stands above and below m, at the distance s.";
  at("shape-caption").textContent = found.real
    ? found.defective
      ? "What the matrix does to the unit circle. There is one eigen-line only."
      : "What the matrix does to the unit circle. Along an eigen-line it only stretches."
    : "What the matrix does to the unit circle. Every line is turned: there is no real eigen-line.";
  gauge(found.digits);
}

function gauge(digits) {
  const rows = Object.entries(digits).map(([name, count]) => {
    const row = Object.assign(document.createElement("div"), { className: "bar-row" });
    const label = Object.assign(document.createElement("span"), { textContent: name });
    const track = Object.assign(document.createElement("div"), { className: "track" });
    const fill = Object.assign(document.createElement("div"), { className: count < 12 ? "fill low" : "fill" });
    fill.style.width = `${(100 * Math.min(count, 16)) / 16}%`;
    track.append(fill);
    const shown = Object.assign(document.createElement("span"), {
      className: "count", textContent: count >= 15.5 ? "all" : count.toFixed(1),
    });
    row.append(label, track, shown);
    return row;
  });
  at("gauge").replaceChildren(...rows);
}

// The spin: two angles go to the server, which answers with the matrix along them.
const angles = [at("polar"), at("azimuth")];
let spun = 0;

async function turn() {
  const now = ++spun;
  for (const input of angles) at(`${input.id}-shown`).textContent = `${input.value}°`;
  const query = new URLSearchParams(angles.map((input) => [input.id, input.value]));
  try {
    const answer = await fetch(`/eigen/spin?${query}`);
    const found = await answer.json();
    if (now !== spun || !answer.ok) return;
    drawSphere(at("sphere"), found);
    const [a, b, c, d] = found.matrix.map(complex);
    const vectors = found.eigenvectors.map((vector) => `(${vector.map(complex).join(", ")})`);
    at("spin-caption").textContent =
      `rows (${a}, ${b}) and (${c}, ${d})\nm = ${fixed(found.mean)}, p = ${fixed(found.product)}: λ = 0 ± √(0 + 1)\n` +
      `for λ = −1: ${vectors[0]}\nfor λ = 1: ${vectors[1]}`;
  } catch {
    at("spin-caption").textContent = "The server does not answer. Is nonet serve still running?";
  }
}

// No "-0": a number that rounds to nothing is 0.
const fixed = (value) => String(Number(value.toFixed(3)) + 0).replace("-", "−");

function complex([real, imaginary]) {
  const [x, y] = [Number(real.toFixed(3)) + 0, Number(imaginary.toFixed(3)) + 0];
  if (y === 0) return fixed(x);
  const part = `${fixed(Math.abs(y))}i`;
  if (x === 0) return y < 0 ? `−${part}` : part;
  return `${fixed(x)} ${y < 0 ? "−" : "+"} ${part}`;
}

// Quiz. An answer may be a number or a sum with a root, such as 3-√7 or 3-sqrt(7).
function read(text) {
  const tidy = text.replace(/\s/g, "").replace(/[−–]/g, "-").replace(",", ".").replace(/sqrt\(?([\d.]+)\)?/i, "√$1");
  const parts = /^([+-]?[\d.]+)?(?:([+-])?√([\d.]+))?$/.exec(tidy);
  if (!parts || tidy === "") return NaN;
  const root = parts[3] === undefined ? 0 : Math.sqrt(Number(parts[3]));
  return Number(parts[1] ?? 0) + (parts[2] === "-" ? -root : root);
}

function pose() {
  const [a, b, c, d] = QUESTIONS[question];
  at("question").textContent = `The rows are (${a}, ${b}) and (${c}, ${d}). Which are the eigenvalues? Roots may be written as 3-√7 or 3-sqrt(7).`;
  at("verdict").textContent = "";
  at("answer-low").value = at("answer-high").value = "";
}

function check(event) {
  event.preventDefault();
  const [a, b, c, d] = QUESTIONS[question];
  const m = (a + d) / 2;
  const s = Math.sqrt(m * m - (a * d - b * c));
  const given = [read(at("answer-low").value), read(at("answer-high").value)];
  const near = given.map((value, i) => Math.abs(value - (i ? m + s : m - s)) < 0.006);
  const sum = Math.abs(given[0] + given[1] - 2 * m) < 0.01;
  at("verdict").className = near[0] && near[1] ? "good" : "error";
  at("verdict").textContent = near[0] && near[1]
    ? `Right: ${m} ± ${Number.isInteger(s) ? s : `√${m * m - (a * d - b * c)}`}.`
    : given.some(Number.isNaN) ? "Write two numbers."
    : sum ? "Their mean is right, their product is not." : `Not yet: their mean should be ${m}.`;
}

function hint() {
  const [a, b, c, d] = QUESTIONS[question];
  at("verdict").className = "hint";
  at("verdict").textContent = `m = ${(a + d) / 2} and p = ${a}·${d} − ${b}·${c} = ${a * d - b * c}. What is m² − p?`;
}

function fill(select, entries) {
  select.replaceChildren(...entries.map(([label], i) => new Option(label, i)));
  select.addEventListener("change", () => {
    const entry = entries[Number(select.value)][1];
    if (entry) set(entry);
  });
}

fill(at("example"), EXAMPLES);
fill(at("hard"), HARD);
numbers.forEach((input, i) => input.addEventListener("input", () => {
  sliders[i].value = input.value;
  ask();
}));
sliders.forEach((slider, i) => slider.addEventListener("input", () => {
  numbers[i].value = slider.value;
  ask();
}));
for (const input of angles) input.addEventListener("input", turn);
at("quiz").addEventListener("submit", check);
at("hint").addEventListener("click", hint);
at("next").addEventListener("click", () => {
  question = (question + 1) % QUESTIONS.length;
  pose();
});
pose();
set(EXAMPLES[0][1]);
turn();
