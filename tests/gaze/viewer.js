// A participant on film: begins each part when the film has come to it, which the colour in its corner says.
() => {
  const [video, between, go] = ["camera", "between", "go"].map((id) => document.getElementById(id));
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let armed = 0;
  setInterval(() => {
    if (between.hidden || go.disabled || !video.videoWidth) return;
    pen.drawImage(video, 2, 2, 12, 12, 0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    const mark = (red > 128) + 2 * (green > 128) + 4 * (blue > 128);
    const part = Number(/\d+/.exec(document.getElementById("progress").textContent));
    if (mark === part) armed = part;
    else if (mark === 0 && armed === part) {
      armed = 0;
      go.click();
    }
  }, 15);
}
