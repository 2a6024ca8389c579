// Where gaze comes from: the camera's frames, or the mouse in their place. Both report what the server saw.
import { sendFrame, sendMouse } from "./api.js";

const MOST_UNDERWAY = 3; // frames; more are dropped, so that a slow server does not fall behind
const QUALITY = 0.9;
const WIDTH = 640;

export class Camera {
  constructor(video) {
    this.video = video;
    this.stream = null;
    this.running = false;
    this.underway = 0;
    this.dropped = 0;
    this.onAnswer = () => {};
    this.onLost = () => {};
    this.now = () => ({ stage: -1, trial: -1 });
  }

  get ready() {
    return this.stream?.getVideoTracks()[0]?.readyState === "live";
  }

  async open() {
    this.close();
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser offers no camera to this page.");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
      });
    } catch (error) {
      const reasons = {
        NotAllowedError: "The camera was not allowed. Allow it in the browser's address bar, then try again.",
        NotFoundError: "No camera was found.",
        NotReadableError: "The camera is in use by another program.",
      };
      throw new Error(reasons[error.name] ?? `The camera cannot be used (${error.name}).`);
    }
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.onLost());
    this.video.srcObject = this.stream;
    await this.video.play();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }

  start(session) {
    this.session = session;
    if (this.running) return;
    this.running = true;
    const next = (now, frame) => {
      if (!this.running) return;
      this.#take(frame?.captureTime ?? now);
      this.#wait(next);
    };
    this.#wait(next);
  }

  stop() {
    this.running = false;
  }

  #wait(next) {
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(next);
    else setTimeout(() => next(performance.now(), null), 33);
  }

  async #take(t) {
    if (this.underway >= MOST_UNDERWAY || !this.ready) return void (this.dropped += 1);
    this.underway += 1;
    try {
      const place = { t: Math.max(0, t), ...this.now() };
      const blob = await this.#picture();
      if (blob) this.onAnswer(await sendFrame(this.session, blob, place));
    } catch (error) {
      this.onAnswer({ reason: "server", advice: error.message, gaze: null, status: error.status });
    } finally {
      this.underway -= 1;
    }
  }

  #picture() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return null;
    const scale = Math.min(1, WIDTH / Math.max(videoWidth, videoHeight));
    this.canvas ??= document.createElement("canvas");
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }
}

export class Mouse {
  constructor() {
    this.place = { x: innerWidth / 2, y: innerHeight / 2 };
    this.points = [];
    this.onAnswer = () => {};
    this.now = () => ({ stage: -1, trial: -1 });
    addEventListener("pointermove", (event) => (this.place = { x: event.clientX, y: event.clientY }));
  }

  get ready() {
    return true;
  }

  start(session) {
    this.session = session;
    this.timer ??= setInterval(() => this.#take(), 1000 / 30);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    return this.flush();
  }

  #take() {
    this.points.push({ t: performance.now(), ...this.place, ...this.now() });
    if (this.points.length >= 6) this.flush();
  }

  async flush() {
    const points = this.points.splice(0);
    if (!points.length) return;
    try {
      this.onAnswer(await sendMouse(this.session, points));
    } catch (error) {
      this.onAnswer({ reason: "server", advice: error.message, gaze: null, status: error.status });
    }
  }
}
