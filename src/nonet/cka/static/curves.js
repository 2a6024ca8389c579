// Bars and lines over layers, below the map.
(() => {
  "use strict";
  function prepared(canvas) {
    const ratio = globalThis.devicePixelRatio || 1;
    canvas.width = Math.max(1, canvas.clientWidth * ratio);
    canvas.height = Math.max(1, canvas.clientHeight * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    return { pen, wide: canvas.clientWidth, high: canvas.clientHeight, colour: (name) => style.getPropertyValue(name).trim() };
  }

  function title({ pen, colour }, text) {
    pen.fillStyle = colour("--faint");
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "left";
    pen.fillText(text, 2, 12);
  }

  // faint lines at 0, one half and 1, with their numbers
  function grid({ pen, wide, colour }, place) {
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "right";
    for (const value of [0, 0.5, 1]) {
      pen.fillStyle = colour("--line");
      pen.fillRect(0, place(value), wide, 1);
      pen.fillStyle = colour("--faint");
      pen.fillText(String(value), wide - 2, place(value) - 2);
    }
  }

  // one bar a layer, values in [0, 1]
  function bars(canvas, values, text) {
    const drawn = prepared(canvas);
    const { pen, wide, high, colour } = drawn;
    const unit = wide / values.length, room = high - 30;
    grid(drawn, (value) => high - 1 - value * room);
    pen.fillStyle = colour("--accent");
    values.forEach((value, at) => {
      if (value !== null) pen.fillRect(at * unit, high - value * room, Math.max(1, unit - (unit > 3 ? 1 : 0)), value * room);
    });
    title(drawn, text);
  }

  // a line of accuracies and one dot a layer
  function line(canvas, values, text) {
    const drawn = prepared(canvas);
    const { pen, wide, high, colour } = drawn;
    const room = high - 34, step = wide / Math.max(1, values.length);
    grid(drawn, (value) => high - 4 - value * room);
    pen.strokeStyle = pen.fillStyle = colour("--accent");
    pen.beginPath();
    values.forEach((value, at) => pen.lineTo((at + 0.5) * step, high - 4 - value * room));
    pen.stroke();
    values.forEach((value, at) => {
      pen.beginPath();
      pen.arc((at + 0.5) * step, high - 4 - value * room, Math.min(2.5, Math.max(0.8, step / 3)), 0, 7);
      pen.fill();
    });
    title(drawn, text);
  }

  globalThis.cka = Object.assign(globalThis.cka || {}, { bars, line });
})();
