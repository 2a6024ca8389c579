// A participant for tests: looks at the dot with the mouse, some time late, taps on targets, answers questions.
(plan) => {
  const stage = document.getElementById("stage");
  const canvas = document.getElementById("canvas");
  const place = (frames, ms) => {
    let before = frames[0];
    for (const after of frames) {
      if (after[0] > ms) {
        const share = after[0] > before[0] ? Math.max(0, (ms - before[0]) / (after[0] - before[0])) : 0;
        return [before[1] + share * (after[1] - before[1]), before[2] + share * (after[2] - before[2])];
      }
      before = after;
    }
    return [before[1], before[2]];
  };
  let at = "";
  let since = 0;
  let tapped = false;
  setInterval(() => {
    const answer = document.querySelector("#ask:not([hidden]) #choices button");
    if (answer) return answer.click();
    const now = stage.dataset.at ?? "";
    if (now !== at) [at, since, tapped] = [now, performance.now(), false];
    if (!at) return;
    const [number, index] = at.split(".").map(Number);
    const trial = plan.stages[number].trials[index];
    const ms = performance.now() - since;
    let [x, y] = [innerWidth / 2, innerHeight / 2];
    if (trial.dot.length) [x, y] = place(trial.dot, ms - 100);
    const target = trial.items.find((item) => item.role === "target");
    if (target && ms > 250) [x, y] = [target.x, target.y];
    window.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y }));
    if (trial.respond === "tap" && ms > 800 && !tapped) {
      tapped = true;
      canvas.dispatchEvent(new PointerEvent("pointerdown", { clientX: x, clientY: y, bubbles: true }));
    }
  }, 15);
}
