// Draws trials on a canvas that fills the window, in time with the display.
const DOT = "#3ddc84";

export class Stage {
  constructor(root) {
    this.root = root;
    this.canvas = root.querySelector("#canvas");
    this.pictures = new Map();
  }

  show() {
    this.root.hidden = false;
    this.resize();
  }

  hide() {
    this.root.hidden = true;
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = innerWidth * ratio;
    this.canvas.height = innerHeight * ratio;
    this.pen = this.canvas.getContext("2d");
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  async load(names) {
    for (const name of names) {
      if (this.pictures.has(name)) continue;
      const picture = new Image();
      picture.src = `/gaze/pictures/${encodeURIComponent(name)}`;
      await picture.decode().catch(() => {});
      this.pictures.set(name, picture);
    }
  }

  // Runs one trial. `begun` is called with the first frame; resolves with "end", "tap", or "stopped".
  run(trial, { begun, tapped, signal }) {
    return new Promise((resolve) => {
      let start = null;
      const limit = trial.ms || trial.longest_ms;
      const finish = (how) => {
        cancelAnimationFrame(request);
        this.canvas.removeEventListener("pointerdown", tap);
        signal.removeEventListener("abort", stop);
        this.clear();
        resolve(how);
      };
      const tap = (event) => {
        if (start === null || trial.respond !== "tap") return;
        tapped(event.clientX, event.clientY);
        finish("tap");
      };
      const stop = () => finish("stopped");
      const frame = (now) => {
        if (start === null) begun((start = now));
        const ms = now - start;
        if (ms >= limit) return finish("end");
        this.draw(trial, ms);
        request = requestAnimationFrame(frame);
      };
      let request = requestAnimationFrame(frame);
      this.canvas.addEventListener("pointerdown", tap);
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
    });
  }

  clear() {
    this.pen.fillStyle = "#000";
    this.pen.fillRect(0, 0, innerWidth, innerHeight);
  }

  draw(trial, ms) {
    this.clear();
    for (const item of trial.items) this.item(item);
    if (trial.dot.length) this.dot(...place(trial.dot, ms), ms);
  }

  // A pulsating dot with a dark middle to look at.
  dot(x, y, ms) {
    const radius = 11 + 3 * Math.sin(ms / 120);
    this.disc(x, y, radius, DOT);
    this.disc(x, y, 2.5, "#000");
  }

  disc(x, y, radius, colour) {
    this.pen.fillStyle = colour;
    this.pen.beginPath();
    this.pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.pen.fill();
  }

  item(item) {
    const { pen } = this;
    pen.save();
    pen.translate(item.x, item.y);
    pen.rotate((item.angle * Math.PI) / 180);
    pen.fillStyle = item.colour;
    if (item.kind === "bar") pen.fillRect(-item.width / 2, -item.height / 2, item.width, item.height);
    else if (item.kind === "disc") this.disc(0, 0, item.width / 2, item.colour);
    else if (item.kind === "text") this.text(item);
    else this.picture(item);
    pen.restore();
  }

  text(item) {
    if (!item.text) return;
    this.pen.font = `${item.height / 1.9}px system-ui, sans-serif`;
    this.pen.textBaseline = "middle";
    const scale = item.width / this.pen.measureText(item.text).width; // the plan knows how long the line is
    this.pen.scale(scale, 1);
    this.pen.fillText(item.text, -item.width / 2 / scale, 0);
  }

  picture(item) {
    const picture = this.pictures.get(item.text);
    if (!picture?.naturalWidth) return;
    const scale = Math.min(item.width / picture.naturalWidth, item.height / picture.naturalHeight);
    const [width, height] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
    this.pen.drawImage(picture, -width / 2, -height / 2, width, height);
  }
}

// Where a dot is: straight between its keyframes (ms, x, y).
export function place(frames, ms) {
  let before = frames[0];
  for (const after of frames) {
    if (after[0] > ms) {
      const share = after[0] > before[0] ? Math.max(0, (ms - before[0]) / (after[0] - before[0])) : 0;
      return [before[1] + share * (after[1] - before[1]), before[2] + share * (after[2] - before[2])];
    }
    before = after;
  }
  return [before[1], before[2]];
}
