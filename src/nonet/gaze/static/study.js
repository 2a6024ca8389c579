// The study from consent to report: one section after the other, and the tasks on the stage between them.
import * as api from "./api.js";
import { Stage } from "./stage.js";
import { Camera, Mouse } from "./trackers.js";

const $ = (id) => document.getElementById(id);
const CARD_CM = 8.56;
const memory = "gaze-session"; // of this tab's browser: ids only, so that a reload goes on
const sections = ["consent", "setup", "between", "done", "gone"];

const stage = new Stage($("stage"));
const camera = new Camera($("camera"));
let tracker = camera;
let state = null; // participant, session, plan, number of the stage that comes next
let events = null;
let running = null; // the abort controller of the trial on the screen
let at = { stage: -1, trial: -1 };

function say(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text;
}

function show(name) {
  for (const section of sections) $(section).hidden = section !== name;
  $("stop").hidden = !state?.participant || name === "gone" || name === "done";
  $(name).querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

const remember = () => localStorage.setItem(memory, JSON.stringify(state && { ...state, plan: undefined }));

async function attempt(work, button) {
  if (button) button.disabled = true;
  try {
    say("");
    await work();
  } catch (error) {
    say(error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

// --- consent and set-up -------------------------------------------------------------------------------------------

$("sign").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const agreement = { name: $("name").value, agree: $("agree").checked, keep_frames: $("keep").checked };
    const { participant } = await api.sign(agreement);
    state = { participant };
    show("setup");
  }, event.submitter);
});

function resizeCard() {
  $("card").style.width = `${$("card-width").value}px`;
}
$("card-width").addEventListener("input", resizeCard);

const chooseSource = () => {
  const mouse = $("source").value === "mouse";
  $("camera-box").hidden = $("camera-on").hidden = mouse;
};
$("source").addEventListener("change", chooseSource);

async function openCamera() {
  $("camera-state").textContent = "Asking for the camera …";
  try {
    await camera.open();
    $("camera-state").textContent = "The camera is on.";
  } catch (error) {
    $("camera-state").textContent = "The camera is not on.";
    throw error;
  }
}
$("camera-on").addEventListener("click", (event) => attempt(openCamera, event.target));

$("begin").addEventListener("click", (event) =>
  attempt(async () => {
    const source = $("source").value;
    if (source === "camera" && !camera.ready) await openCamera();
    const density = Number($("card-width").value) / CARD_CM;
    const above = Math.max(0, outerHeight - innerHeight) + 20; // bars of the window, and the frame of the screen
    const begun = await api.begin({
      participant: state.participant,
      width_px: innerWidth,
      height_px: innerHeight,
      px_per_cm: density,
      camera_x_cm: -innerWidth / 2 / density,
      camera_y_cm: -Math.min(10, ((window.screenY || 0) + above) / density),
      distance_cm: Number($("distance").value),
      source,
    });
    state = { ...state, ...begun, source, width: innerWidth, height: innerHeight };
    enter();
  }, event.target),
);

function enter() {
  remember();
  events = new api.Events(state.session);
  tracker = state.source === "mouse" ? new Mouse() : camera;
  tracker.now = () => at;
  tracker.onAnswer = heard;
  camera.onLost = lost;
  between();
}

// --- between the stages -------------------------------------------------------------------------------------------

function between(result) {
  stage.hide();
  const next = state.plan.stages[state.stage];
  if (!next) return finish();
  $("progress").textContent = `Part ${state.stage + 1} of ${state.plan.stages.length}`;
  $("between-title").textContent = next.title;
  $("instruction").textContent = next.instruction;
  $("accuracy").hidden = !result;
  $("again").hidden = $("try").hidden = !result || state.stage > 2;
  if (result) accuracy(result);
  show("between");
}

function accuracy(found) {
  const words = `You are ${found.cm.toFixed(1)} cm off on average (${found.deg.toFixed(1)}° at ${found.distance_cm.toFixed(0)} cm)`;
  $("accuracy-text").textContent = `${words}, on dots that were not used to calibrate.`;
  const map = $("accuracy-map");
  map.setAttribute("viewBox", `0 0 ${state.width} ${state.height}`);
  map.replaceChildren();
  const draw = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    map.append(node);
  };
  for (const dot of found.px) {
    draw("line", { x1: dot.x, y1: dot.y, x2: dot.gaze_x, y2: dot.gaze_y, stroke: "var(--bad)", "stroke-width": 3 });
    draw("circle", { cx: dot.x, cy: dot.y, r: 8, fill: "var(--good)" });
  }
}

const toPixels = (found) => {
  const { px_per_cm: density, camera_x_cm: left, camera_y_cm: top } = state.plan.screen;
  const px = (x, y) => [(x - left) * density, (top - y) * density];
  return found.dots.map((dot) => {
    const [[x, y], [gaze_x, gaze_y]] = [px(dot.x, dot.y), px(dot.gaze_x, dot.gaze_y)];
    return { x, y, gaze_x, gaze_y };
  });
};

$("go").addEventListener("click", (event) => attempt(runStage, event.target));
$("again").addEventListener("click", () => {
  state.stage = 0;
  between();
});

async function runStage() {
  const number = state.stage;
  const { task, trials } = state.plan.stages[number];
  if (state.source === "camera" && !camera.ready) await openCamera();
  await stage.load(trials.flatMap((trial) => trial.items.filter((i) => i.kind === "picture").map((i) => i.text)));
  stage.show();
  tracker.start(state.session);
  try {
    for (let trial = 0; trial < trials.length; trial += 1) await runTrial(number, trial, trials[trial]);
  } finally {
    at = { stage: -1, trial: -1 };
    await settle();
    stage.hide();
  }
  let found;
  if (task === "calibration") await api.calibrate(state.session);
  if (task === "validation") {
    found = await api.validate(state.session, number);
    found.px = toPixels(found);
  }
  state.stage = number + 1;
  await api.setStage(state.session, state.stage);
  remember();
  between(found);
}

// One trial; an interruption shows it again from its beginning.
async function runTrial(number, trial, content) {
  for (;;) {
    await present();
    running = new AbortController();
    const how = await stage.run(content, {
      signal: running.signal,
      begun: (t) => {
        at = { stage: number, trial };
        $("stage").dataset.at = `${number}.${trial}`;
        events.add("trial", { t, stage: number, trial });
      },
      tapped: (x, y) => events.add("tap", { stage: number, trial, x, y }),
    });
    running = null;
    at = { stage: -1, trial: -1 };
    delete $("stage").dataset.at;
    if (how === "stopped") continue;
    events.add("end", { stage: number, trial });
    if (content.question) await question(number, trial, content.question);
    return;
  }
}

const question = (number, trial, { text, choices }) =>
  new Promise((resolve) => {
    $("question").textContent = text;
    $("choices").replaceChildren(
      ...choices.map((words, answer) => {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
        button.addEventListener("click", () => {
          events.add("answer", { stage: number, trial, answer });
          $("ask").hidden = true;
          resolve();
        });
        return button;
      }),
    );
    $("ask").hidden = false;
    $("choices").firstChild.focus();
  });

// Everything recorded so far has reached the server.
async function settle() {
  if (tracker.flush) await tracker.flush();
  for (let turn = 0; tracker.underway && turn < 100; turn += 1) await new Promise((done) => setTimeout(done, 50));
  await events.flush();
}

// --- interruptions ------------------------------------------------------------------------------------------------

let blocked = null; // why no trial may run now

function interrupt(kind, text) {
  events?.add(kind, at);
  blocked = text;
  running?.abort();
  $("notice").textContent = text;
}

// Resolves when the page is visible and gaze comes in again, and the participant is ready.
async function present() {
  if (!blocked) return;
  $("notice").textContent = blocked;
  $("pause").hidden = false;
  $("pause").focus();
  for (;;) {
    await new Promise((resolve) => $("pause").addEventListener("click", resolve, { once: true }));
    if (state.source === "mouse" || camera.ready) break;
    try {
      await openCamera();
      events.add("camera back");
      break;
    } catch (error) {
      $("notice").textContent = error.message;
    }
  }
  $("pause").hidden = true;
  $("notice").textContent = "";
  blocked = null;
}

const lost = () => {
  $("camera-state").textContent = "The camera was lost.";
  if (!$("stage").hidden) interrupt("camera lost", "The camera was lost. Plug it in again, then go on.");
};

document.addEventListener("visibilitychange", () => {
  if ($("stage").hidden || !events) return;
  if (document.hidden) interrupt("hidden", "The task was interrupted because the page was hidden.");
  else events.add("visible");
});

addEventListener("resize", () => {
  if ($("stage").hidden || !state?.width) return;
  stage.resize();
  if (innerWidth !== state.width || innerHeight !== state.height) {
    interrupt("resized", "The window has another size now. Make it as it was, then go on.");
  }
});

function heard(answer) {
  if (answer.status === 404) {
    running?.abort();
    blocked = "This session has ended.";
  }
  if (!blocked) $("notice").textContent = answer.advice;
  live(answer);
}

// --- trying it live -----------------------------------------------------------------------------------------------

let trying = false;

function live(answer) {
  if (!trying || !answer.gaze) return;
  stage.clear();
  stage.disc(...answer.gaze, 14, "#4aa3ff");
  trying = answer.gaze;
}

$("try").addEventListener("click", () => {
  stage.show();
  stage.clear();
  trying = [innerWidth / 2, innerHeight / 2];
  tracker.start(state.session);
  $("leave").hidden = false;
  $("notice").textContent = "The blue disc is where the measurement sees you look. Look somewhere and click there.";
});

$("canvas").addEventListener("pointerdown", (event) => {
  if (!trying) return;
  const cm = Math.hypot(event.clientX - trying[0], event.clientY - trying[1]) / state.plan.screen.px_per_cm;
  $("notice").textContent = `${cm.toFixed(1)} cm off here`;
  blocked = null;
});

$("leave").addEventListener("click", () => {
  trying = false;
  $("leave").hidden = true;
  $("notice").textContent = "";
  stage.hide();
});

// --- the end ------------------------------------------------------------------------------------------------------

function finish() {
  tracker.stop();
  camera.close();
  localStorage.removeItem(memory);
  $("report-link").href = `/gaze/api/sessions/${state.session}/report`;
  $("data-link").href = `/gaze/api/participants/${state.participant}/data`;
  $("number").textContent = state.participant;
  show("done");
}

$("withdraw").addEventListener("click", (event) =>
  attempt(async () => {
    tracker.stop();
    camera.close();
    const { receipt } = await api.withdraw(state.participant);
    localStorage.removeItem(memory);
    state = null;
    $("receipt").textContent = receipt;
    show("gone");
  }, event.target),
);

$("go-on").addEventListener("click", (event) =>
  attempt(async () => {
    const kept = JSON.parse(localStorage.getItem(memory));
    try {
      const fetched = await api.fetchSession(kept.session);
      state = { ...fetched, width: fetched.width_px, height: fetched.height_px };
    } catch (error) {
      if (error.status === 404) localStorage.removeItem(memory);
      throw error;
    }
    if (innerWidth !== state.width || innerHeight !== state.height) {
      state = null;
      throw new Error("The window has another size than when the session was begun. Make it as it was, then go on.");
    }
    enter();
  }, event.target),
);

if (document.getElementById("study").dataset.simulate || new URLSearchParams(location.search).has("simulate")) {
  $("source").value = "mouse";
}
$("card-width").value = Math.min(324, innerWidth - 40);
$("resume").hidden = !localStorage.getItem(memory);
resizeCard();
chooseSource();
