// One pair at a time. An answer is written into the browser's own storage before it is sent, and stays there until
// the server has acknowledged it: neither a reload nor a server that goes away loses it.
const $ = (id) => document.getElementById(id);
const token = $("study").dataset.token;
const base = `/cxc/rate/${token}`;
const outbox = `cxc-unsent-${token}`;

let current = null; // the pair on the screen
let score = null;
let shownAt = 0;
let busy = false;

const waitFor = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function say(text, offline = false) {
  $("state").hidden = !text;
  $("state").textContent = text;
  $("state").classList.toggle("offline", offline);
}

// Repeats a request until the server has answered; refusals (4xx) are answers.
async function request(path, options) {
  for (let pause = 500; ; pause = Math.min(2 * pause, 8000)) {
    try {
      const answer = await fetch(base + path, options);
      if (answer.status < 500) {
        say("");
        return answer;
      }
    } catch {
      // the server is away; try again below
    }
    say("The server does not answer. Your rating is kept here and sent as soon as it does.", true);
    await waitFor(pause);
  }
}

async function flush() {
  const unsent = JSON.parse(localStorage.getItem(outbox) ?? "null");
  if (!unsent) return;
  const answer = await request(`/judgements/${unsent.pair}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ score: unsent.score, seconds: unsent.seconds }),
  });
  localStorage.removeItem(outbox);
  if (!answer.ok) throw new Error((await answer.json()).detail);
}

function fill(box, side, name) {
  box.replaceChildren();
  if (side.image) {
    const picture = Object.assign(document.createElement("img"), { src: side.image, alt: `${name} picture` });
    box.append(picture);
  }
  if (side.text) box.append(Object.assign(document.createElement("p"), { textContent: side.text }));
}

function choose(value) {
  score = value === null ? null : Math.round(Math.min(5, Math.max(0, value)) * 10) / 10;
  $("shown").textContent = score === null ? "–" : score.toFixed(1);
  $("score").value = score ?? 2.5;
  $("score").classList.toggle("unset", score === null);
  $("score").setAttribute("aria-valuetext", score === null ? "not chosen" : score.toFixed(1));
  $("submit").disabled = score === null;
  for (const button of $("anchors").children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.value) === score));
  }
}

function show(question) {
  current = question;
  $("finished").hidden = true;
  $("task").hidden = false;
  $("question").textContent = question.question;
  fill($("left"), question.left, "First");
  fill($("right"), question.right, "Second");
  $("anchors").replaceChildren(
    ...question.anchors.map((words, value) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.value = value;
      button.append(Object.assign(document.createElement("b"), { textContent: value }), words);
      button.addEventListener("click", () => choose(value));
      return button;
    }),
  );
  $("submit").textContent = question.score === null ? "Next pair" : "Keep";
  choose(question.score);
  shownAt = performance.now();
  $("question").focus({ preventScroll: true });
}

async function next() {
  const answer = await request("/next");
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  $("done").textContent = `${body.done} rated.`;
  $("progress").max = body.done + body.remaining;
  $("progress").value = body.done;
  $("remaining").textContent = body.remaining ? `${body.remaining} to go.` : "";
  $("back").disabled = body.done === 0;
  if (body.question) return show(body.question);
  current = null;
  $("task").hidden = true;
  $("finished").hidden = false;
  $("finished").querySelector("h1").focus();
}

async function once(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  } finally {
    busy = false;
  }
}

const submit = () =>
  once(async () => {
    if (!current || score === null) return;
    const seconds = (performance.now() - shownAt) / 1000;
    localStorage.setItem(outbox, JSON.stringify({ pair: current.pair, score, seconds }));
    $("submit").disabled = true;
    await flush();
    await next();
  });

const back = () =>
  once(async () => {
    const before = current?.made ? `?before=${current.made}` : "";
    const body = await (await request(`/previous${before}`)).json();
    if (body.question) show(body.question);
    else $("back").disabled = true;
  });

$("score").addEventListener("input", () => choose(Number($("score").value)));
$("submit").addEventListener("click", submit);
$("back").addEventListener("click", back);
$("review").addEventListener("click", back);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Backspace") return void back();
  if (!current) return;
  if (/^[0-5]$/.test(event.key)) choose(Number(event.key));
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    if (event.target === $("score")) return; // the slider moves itself
    event.preventDefault();
    choose((score ?? 2.5) + (event.key === "ArrowRight" ? 0.1 : -0.1));
  } else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) submit();
});

once(async () => {
  await flush();
  await next();
});
