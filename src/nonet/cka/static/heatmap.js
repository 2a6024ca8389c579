// A map of similarities on a canvas: zoom, movement, reading by pointer and keys, blocks drawn over it.
(() => {
  "use strict";
  // magma of matplotlib at sixteen places; differences get red against blue
  const MAGMA = ["000004", "0b0924", "20114b", "3b0f70", "57157e", "721f81", "8c2981", "a8327d", "c43c75", "de4968", "f1605d", "fa7f5e", "fe9f6d", "febf84", "fddea0", "fcfdbf"];
  const DIVERGING = ["2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7", "fddbc7", "f4a582", "d6604d", "b2182b"];
  const NOTHING = [128, 128, 128];

  function palette(stops) {
    const colours = stops.map((text) => [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16)));
    return (share) => {
      const at = Math.min(1, Math.max(0, share)) * (colours.length - 1);
      const low = Math.min(colours.length - 2, Math.floor(at));
      return colours[low].map((value, band) => value + (at - low) * (colours[low + 1][band] - value));
    };
  }

  class Heatmap {
    constructor(canvas, reading) {
      this.canvas = canvas;
      this.reading = reading;
      this.cursor = null;
      this.overlay = true;
      this.describe = () => ""; // what else is known of a column's layer
      canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
      canvas.addEventListener("pointerdown", (event) => this.onDown(event));
      canvas.addEventListener("pointermove", (event) => this.onMove(event));
      canvas.addEventListener("pointerup", () => (this.drag = null));
      canvas.addEventListener("pointercancel", () => (this.drag = null));
      canvas.addEventListener("keydown", (event) => this.onKey(event));
      canvas.addEventListener("dblclick", () => this.whole());
      new ResizeObserver(() => this.draw()).observe(canvas);
    }

    show(panel) {
      this.panel = panel;
      this.cursor = null;
      [this.low, this.high] = panel.difference ? [-0.5, 0.5] : [0, panel.top];
      this.colour = palette(panel.difference ? DIVERGING : MAGMA);
      this.image = this.painted();
      this.whole();
    }

    whole() {
      // the view in cells: its left column, its lowest row, and how many cells it spans
      this.view = { x: 0, y: 0, span: Math.max(this.panel.rows.length, this.panel.columns.length) };
      this.draw();
    }

    painted() {
      const { rows, columns, values } = this.panel;
      const image = document.createElement("canvas");
      image.width = columns.length;
      image.height = rows.length;
      const pixels = new ImageData(columns.length, rows.length);
      values.forEach((value, at) => {
        const row = rows.length - 1 - Math.floor(at / columns.length); // the first layer is at the bottom
        const place = 4 * (row * columns.length + (at % columns.length));
        const colour = Number.isNaN(value) ? NOTHING : this.colour((value - this.low) / (this.high - this.low));
        pixels.data.set([...colour, 255], place);
      });
      image.getContext("2d").putImageData(pixels, 0, 0);
      return image;
    }

    draw() {
      if (!this.panel) return;
      const ratio = globalThis.devicePixelRatio || 1;
      const side = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
      if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
      const pen = this.canvas.getContext("2d");
      const cell = side / this.view.span;
      const { rows, columns } = this.panel;
      pen.clearRect(0, 0, side, side);
      pen.imageSmoothingEnabled = cell < 1;
      const top = side - (rows.length - this.view.y) * cell;
      pen.drawImage(this.image, -this.view.x * cell, top, columns.length * cell, rows.length * cell);
      if (this.overlay) this.drawBlocks(pen, side, cell, ratio);
      if (this.cursor) {
        const [row, column] = this.cursor;
        pen.strokeStyle = "#fff";
        pen.lineWidth = 2 * ratio;
        pen.strokeRect((column - this.view.x) * cell, side - (row + 1 - this.view.y) * cell, cell, cell);
      }
    }

    drawBlocks(pen, side, cell, ratio) {
      pen.lineWidth = 2 * ratio;
      pen.strokeStyle = "#35e0ff";
      for (const block of this.panel.blocks || []) {
        const size = (block.last - block.first + 1) * cell;
        pen.strokeRect((block.first - this.view.x) * cell, side - (block.last + 1 - this.view.y) * cell, size, size);
      }
    }

    at(event) {
      const box = this.canvas.getBoundingClientRect();
      return {
        x: this.view.x + ((event.clientX - box.left) / box.width) * this.view.span,
        y: this.view.y + ((box.bottom - event.clientY) / box.height) * this.view.span,
      };
    }

    zoomMiddle(factor) {
      this.zoom(factor, this.view.x + this.view.span / 2, this.view.y + this.view.span / 2);
    }

    zoom(factor, x, y) {
      const most = Math.max(this.panel.rows.length, this.panel.columns.length);
      const span = Math.min(most, Math.max(4, this.view.span * factor));
      const share = span / this.view.span;
      this.move({ x: x - (x - this.view.x) * share, y: y - (y - this.view.y) * share, span });
    }

    move(view) {
      const most = Math.max(this.panel.rows.length, this.panel.columns.length);
      const inside = (value) => Math.min(most - view.span, Math.max(0, value));
      this.view = { x: inside(view.x), y: inside(view.y), span: view.span };
      this.draw();
    }

    onWheel(event) {
      event.preventDefault();
      const { x, y } = this.at(event);
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, x, y);
    }

    onDown(event) {
      this.canvas.setPointerCapture(event.pointerId);
      const place = this.at(event);
      this.drag = { ...place };
      this.point(Math.floor(place.y), Math.floor(place.x)); // a finger does not hover
    }

    onMove(event) {
      const place = this.at(event);
      if (this.drag) {
        this.move({ x: this.view.x + this.drag.x - place.x, y: this.view.y + this.drag.y - place.y, span: this.view.span });
        return;
      }
      this.point(Math.floor(place.y), Math.floor(place.x));
    }

    onKey(event) {
      const steps = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const [row, column] = this.cursor || [0, 0];
      if (event.key in steps) {
        const [up, right] = this.cursor ? steps[event.key] : [0, 0];
        this.point(row + up, column + right);
      } else if (event.key === "+" || event.key === "-") this.zoom(event.key === "+" ? 0.8 : 1.25, column, row);
      else if (event.key === "0") this.whole();
      else return;
      event.preventDefault();
    }

    point(row, column) {
      const { rows, columns, values, error, reasons, difference } = this.panel;
      if (row < 0 || column < 0 || row >= rows.length || column >= columns.length) return;
      this.cursor = [row, column];
      const place = row * columns.length + column;
      const value = values[place], deviation = error ? error[place] : NaN;
      const why = reasons[rows[row]] || reasons[columns[column]];
      const number = Number.isNaN(value) ? `not a number: ${why || "no value"}` : value.toFixed(3);
      const spread = Number.isNaN(deviation) ? "" : ` ± ${Math.abs(deviation).toFixed(3)} (standard error)`;
      this.reading.textContent = `${row}: ${rows[row]}  ·  ${column}: ${columns[column]}\n${difference ? "difference" : this.panel.title} ${number}${spread}${this.describe(column)}`;
      this.draw();
    }

    svg() {
      const { rows, columns, rowModel, columnModel } = this.panel;
      const [wide, high] = [600, (600 * rows.length) / columns.length];
      const unit = wide / columns.length;
      const safe = (text) => text.replace(/[<&"]/g, (sign) => ({ "<": "&lt;", "&": "&amp;", '"': "&quot;" })[sign]);
      const blocks = (this.overlay ? this.panel.blocks || [] : []).map((block) => {
        const size = (block.last - block.first + 1) * unit;
        return `<rect x="${block.first * unit}" y="${high - (block.last + 1) * unit}" width="${size}" height="${size}" fill="none" stroke="#35e0ff" stroke-width="2"/>`;
      });
      return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-40 -10 ${wide + 60} ${high + 50}" font-family="sans-serif" font-size="14">
<image href="${this.image.toDataURL()}" width="${wide}" height="${high}" style="image-rendering:pixelated"/>${blocks.join("")}
<text x="${wide / 2}" y="${high + 28}" text-anchor="middle">layers of ${safe(columnModel)}</text>
<text transform="translate(-16 ${high / 2}) rotate(-90)" text-anchor="middle">layers of ${safe(rowModel)}</text></svg>`;
    }

    csv() {
      const { rows, columns, values } = this.panel;
      const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
      const lines = rows.map((name, row) =>
        [quoted(name), ...Array.from(values.subarray(row * columns.length, (row + 1) * columns.length), (value) => value.toFixed(5))].join(","),
      );
      return [["layer", ...columns.map(quoted)].join(","), ...lines].join("\n") + "\n";
    }

    scale(canvas, ends) {
      const pen = canvas.getContext("2d");
      for (let y = 0; y < canvas.height; y++) {
        pen.fillStyle = `rgb(${this.colour(1 - y / (canvas.height - 1)).map(Math.round)})`;
        pen.fillRect(0, y, canvas.width, 1);
      }
      [ends[0].textContent, ends[1].textContent] = [this.high, this.low].map((value) => String(Number(value.toFixed(2))));
    }
  }

  globalThis.cka = Object.assign(globalThis.cka || {}, { Heatmap });
})();
