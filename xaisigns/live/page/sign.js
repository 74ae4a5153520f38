// The sign on its canvas: drawn at once, and changed by mouse, finger and keys.

import { LONGEST_STROKE, isFull, rounded } from "./state.js";

const KNOB = 9; // pixels of the canvas
const REACH = 22; // pixels of the page, for a finger
const STEP = 0.01;
const CLOSEST = 0.004; // of two points of a stroke
const SIZES = [0.04, 0.8];

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The corners of the sticker in shares of the picture, moved inside as the server moves them.
export function outline({ x, y, size, angle }, aspect) {
  const [cosine, sine] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const half = size / 2;
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([u, v]) => [
    x + u * half * cosine - v * half * aspect * sine,
    y + (u * half * sine) / aspect + v * half * cosine,
  ]);
  const shift = (axis) => {
    const ends = corners.map((corner) => corner[axis]);
    return Math.max(-Math.min(...ends), 0) + Math.min(1 - Math.max(...ends), 0);
  };
  const [dx, dy] = [shift(0), shift(1)];
  return corners.map(([a, b]) => [clamp(a + dx, 0, 1), clamp(b + dy, 0, 1)]);
}

// The state with the sticker's middle where it really is.
function inside(state, aspect) {
  const corners = outline(state, aspect);
  const [x, y] = [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / 4);
  return { ...state, x, y };
}

function path(corners, shape, side) {
  const [a, b, c, d] = corners;
  const found = new Path2D();
  const points = shape !== "ellipse" ? corners : [...Array(48).keys()].map((step) => {
    const turn = (2 * Math.PI * step) / 48;
    return [0, 1].map((axis) => {
      const across = (b[axis] + c[axis] - a[axis] - d[axis]) / 4;
      const down = (c[axis] + d[axis] - a[axis] - b[axis]) / 4;
      return (a[axis] + c[axis]) / 2 + across * Math.cos(turn) + down * Math.sin(turn);
    });
  });
  for (const [x, y] of points) found.lineTo(x * side, y * side);
  found.closePath();
  return found;
}

export class Sign {
  picture = null; // an ImageBitmap
  ghost = null; // the sticker as it was when the answer flipped
  tool = "move";
  width = 0.08;
  ink = "#ffffff";
  #drag = null;
  #frame = 0;
  #bySide = new Map();
  #scaledOf = null;
  #paint = document.createElement("canvas");

  // `change` takes what is new in the state, and `from` where the event came from that made it so.
  constructor(canvas, read, change, patches) {
    Object.assign(this, { canvas, read, change, patches });
    this.#paint.width = this.#paint.height = canvas.width;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  get aspect() {
    return this.picture ? this.picture.height / this.picture.width : 1;
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawNow(this.canvas, true);
    });
  }

  // The sign with what is on it, without handles.
  drawOn(canvas) {
    this.#drawNow(canvas, false);
  }

  // Where the sticker is, as a path on a canvas with this side; null without one.
  path(side) {
    const state = this.read();
    return state.on ? path(this.#corners(state), state.patch === null ? state.shape : "rectangle", side) : null;
  }

  #corners(state) {
    return outline(state, this.aspect); // of a patch's own shape the square around it
  }

  #drawNow(canvas, handles) {
    const [side, pen, state] = [canvas.width, canvas.getContext("2d"), this.read()];
    pen.clearRect(0, 0, side, side);
    if (!this.picture) return;
    pen.drawImage(this.#scaled(side), 0, 0);
    if (state.strokes.length) pen.drawImage(this.#painted(state.strokes), 0, 0, side, side);
    if (!state.on) return;
    const shape = this.path(side);
    const patch = state.patch === null ? null : this.patches[state.patch];
    if (patch) this.#drawPatch(pen, patch, state, side);
    else {
      pen.fillStyle = state.colour;
      pen.fill(shape);
    }
    if (!handles) return;
    this.#drawGhost(pen, state, side);
    if (this.tool === "move") this.#drawHandles(pen, shape, this.#corners(state)[2], side);
  }

  // The picture at the size of a canvas: scaled once, not for each frame.
  #scaled(side) {
    if (this.#scaledOf !== this.picture) this.#bySide.clear();
    this.#scaledOf = this.picture;
    if (!this.#bySide.has(side)) {
      const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
      const pen = canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(this.picture, 0, 0, side, side);
      this.#bySide.set(side, canvas);
    }
    return this.#bySide.get(side);
  }

  // In the picture's own pixels, as the server draws: it need not be a square.
  #drawPatch(pen, patch, { x, y, size, angle }, side) {
    const { width: across, height: down } = this.picture;
    const longest = (size * Math.min(across, down)) / Math.max(patch.width, patch.height);
    const [width, height] = [patch.width * longest, patch.height * longest];
    const turn = (angle * Math.PI) / 180;
    const [cosine, sine] = [Math.abs(Math.cos(turn)), Math.abs(Math.sin(turn))];
    const inside = (at, whole, own) => clamp(at * whole, own / 2, Math.max(whole - own / 2, own / 2));
    pen.save();
    pen.scale(side / across, side / down);
    pen.translate(inside(x, across, width * cosine + height * sine), inside(y, down, width * sine + height * cosine));
    pen.rotate(turn);
    pen.drawImage(patch, -width / 2, -height / 2, width, height);
    pen.restore();
  }

  #drawGhost(pen, state, side) {
    if (!this.ghost || ["x", "y", "size", "angle"].every((key) => this.ghost[key] === state[key])) return;
    pen.setLineDash([6, 5]);
    for (const [colour, width] of [["#000", 3.5], ["#ffd400", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke(path(outline(this.ghost, this.aspect), state.shape, side));
    }
    pen.setLineDash([]);
  }

  #drawHandles(pen, shape, [x, y], side) {
    pen.lineWidth = 1.5;
    pen.strokeStyle = "#fff";
    pen.stroke(shape);
    pen.beginPath();
    pen.arc(x * side, y * side, KNOB, 0, 2 * Math.PI);
    pen.fillStyle = "#ffd400";
    pen.fill();
    pen.strokeStyle = "#000";
    pen.stroke();
  }

  #painted(strokes) {
    const [side, pen] = [this.#paint.width, this.#paint.getContext("2d")];
    const { width: across, height: down } = this.picture;
    pen.clearRect(0, 0, side, side);
    pen.save();
    pen.scale(side / across, side / down);
    pen.lineCap = pen.lineJoin = "round";
    for (const { points, width, colour, erases } of strokes) {
      pen.globalCompositeOperation = erases ? "destination-out" : "source-over";
      pen.strokeStyle = colour;
      pen.lineWidth = width * Math.min(across, down);
      pen.beginPath();
      for (const [x, y] of [points[0], ...points]) pen.lineTo(x * across, y * down);
      pen.stroke();
    }
    pen.restore();
    return this.#paint;
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width, 0, 1), clamp((event.clientY - box.top) / box.height, 0, 1)];
  }

  #down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const [x, y] = this.#place(event);
    const state = inside(this.read(), this.aspect);
    this.canvas.setPointerCapture(event.pointerId);
    if (this.tool !== "move") {
      if (isFull(state.strokes)) return;
      this.#drag = "paint";
      const stroke = { points: [[rounded(x), rounded(y)]], width: this.width, colour: this.ink, erases: this.tool === "eraser" };
      this.change({ strokes: [...state.strokes, stroke] }, event);
      return;
    }
    if (!state.on) return;
    const knob = this.#corners(state)[2];
    const near = Math.hypot(x - knob[0], y - knob[1]) * this.canvas.getBoundingClientRect().width < REACH;
    this.#drag = near ? "knob" : { dx: x - state.x, dy: y - state.y };
    if (!near && !this.canvas.getContext("2d").isPointInPath(this.path(this.canvas.width), x * this.canvas.width, y * this.canvas.width)) {
      this.#drag = { dx: 0, dy: 0 }; // the sticker jumps to the finger
      this.#moveTo(x, y, event);
    }
  }

  #up(event) {
    if (!event.isPrimary) return;
    this.#drag = null;
    this.draw();
  }

  #moveTo(x, y, event, byKey = false) {
    const state = inside({ ...this.read(), x: clamp(x, 0, 1), y: clamp(y, 0, 1) }, this.aspect);
    this.change({ x: state.x, y: state.y }, event, byKey);
  }

  #move(event) {
    if (!this.#drag || !event.isPrimary) return;
    const [x, y] = this.#place(event);
    const state = inside(this.read(), this.aspect);
    if (this.#drag === "paint") this.#paintTo(x, y, state, event);
    else if (this.#drag === "knob") {
      const [across, down] = [x - state.x, y - state.y];
      const size = clamp(Math.SQRT2 * Math.hypot(across, down), ...SIZES);
      const angle = (Math.atan2(down, across) * 180) / Math.PI - 45;
      this.change({ size, angle: Math.round(((angle + 540) % 360) - 180) }, event);
    } else this.#moveTo(x - this.#drag.dx, y - this.#drag.dy, event);
  }

  #paintTo(x, y, state, event) {
    const stroke = state.strokes.at(-1);
    if (!stroke || isFull(state.strokes)) return;
    const [lastX, lastY] = stroke.points.at(-1);
    if (Math.hypot(x - lastX, y - lastY) < CLOSEST) return;
    const point = [rounded(x), rounded(y)];
    const strokes = stroke.points.length < LONGEST_STROKE
      ? [...state.strokes.slice(0, -1), { ...stroke, points: [...stroke.points, point] }]
      : [...state.strokes, { ...stroke, points: [[lastX, lastY], point] }];
    this.change({ strokes }, event);
  }

  #key(event) {
    const state = inside(this.read(), this.aspect);
    if (!state.on || event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 5 * STEP : STEP;
    const wrapped = (angle) => ((angle + 540) % 360) - 180;
    const found = {
      ArrowLeft: { x: state.x - far }, ArrowRight: { x: state.x + far },
      ArrowUp: { y: state.y - far }, ArrowDown: { y: state.y + far },
      "+": { size: state.size + STEP }, "-": { size: state.size - STEP },
      "<": { angle: wrapped(state.angle - 5) }, ">": { angle: wrapped(state.angle + 5) },
    }[event.key];
    if (!found) return;
    event.preventDefault();
    if ("size" in found) found.size = clamp(found.size, ...SIZES);
    if ("x" in found || "y" in found) this.#moveTo(found.x ?? state.x, found.y ?? state.y, event, true);
    else this.change(found, event, true);
  }
}
