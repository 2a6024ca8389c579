// A button and a slider that walk through steps 0 … last together.

// `show(step)` draws; the player moves the slider and says the step nowhere itself.
export function player({ button, slider, show, pause }) {
  let timer = null;
  const at = () => Number(slider.value);
  const last = () => Number(slider.max);
  const go = (step) => {
    slider.value = step;
    show(at());
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    if (at() === last()) go(0);
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      go(at() + 1);
      if (at() === last()) stop();
    }, pause);
  };
  button.addEventListener("click", () => (timer ? stop() : start()));
  slider.addEventListener("input", () => show(at()));
  return {
    // New things to walk through, `last` the number of their last step.
    open(last, step = 0) {
      stop();
      slider.max = last;
      go(step);
    },
    again: () => show(at()),
  };
}
