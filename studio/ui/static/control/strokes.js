/**
 * What was painted on frames: shapes by frame, with undo. Knows no screen.
 *
 * A shape is {tool: "brush" | "eraser", size, points: [[x, y], ...]} or {tool: "box", box: [x, y, x, y]}, in parts of
 * the frame's width and height (sizes: of its width). shapes: {"0": [shape, ...], ...}; treated as immutable.
 */
const MOST_STEPS = 100;
const GRAIN = 1e4;
const near = (value) => Math.round(value * GRAIN) / GRAIN;

/** {shapes, on(fn), put(frame, shape), clear(frame), load(shapes), undo(), redo(), past, future}. */
export function makeStrokes(shapes = {}) {
  const listeners = [];
  const past = [];
  const future = [];
  const strokes = { shapes, past, future, on: (fn) => listeners.push(fn) };
  const tell = () => listeners.forEach((fn) => fn(strokes.shapes));
  function change(next) {
    past.push(strokes.shapes);
    if (past.length > MOST_STEPS) past.shift();
    future.length = 0;
    strokes.shapes = next;
    tell();
  }
  const travel = (from, to) => {
    if (!from.length) return false;
    to.push(strokes.shapes);
    strokes.shapes = from.pop();
    tell();
    return true;
  };
  return Object.assign(strokes, {
    put: (frame, shape) => change({ ...strokes.shapes, [frame]: [...(strokes.shapes[frame] || []), tidy(shape)] }),
    clear(frame) {
      if (!strokes.shapes[frame]) return;
      const { [frame]: gone, ...rest } = strokes.shapes;
      change(rest);
    },
    load(next) {
      past.length = future.length = 0;
      strokes.shapes = next;
      tell();
    },
    undo: () => travel(past, future),
    redo: () => travel(future, past),
  });
}

/** Fewer digits and fewer points than a hand gives: what a kept form must hold. */
function tidy(shape) {
  if (shape.tool === "box") return { tool: "box", box: shape.box.map(near) };
  const points = shape.points.map((point) => point.map(near));
  const grain = shape.size / 12;
  const kept = points.filter((point, i) => !i || i === points.length - 1 || Math.hypot(point[0] - points[i - 1][0], point[1] - points[i - 1][1]) > grain / 4);
  return { tool: shape.tool, size: near(shape.size), points: kept };
}

/** Draw shapes on a canvas in one colour; `invert` paints all but them. */
export function drawShapes(canvas, shapes, { colour = "#fff", invert = false } = {}) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.globalCompositeOperation = "source-over";
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineCap = pen.lineJoin = "round";
  for (const shape of shapes) {
    pen.globalCompositeOperation = shape.tool === "eraser" ? "destination-out" : "source-over";
    if (shape.tool === "box") {
      const [x0, y0, x1, y1] = shape.box;
      pen.fillRect(Math.min(x0, x1) * width, Math.min(y0, y1) * height, Math.abs(x1 - x0) * width, Math.abs(y1 - y0) * height);
      continue;
    }
    const dots = shape.points.map(([x, y]) => [x * width, y * height]);
    pen.lineWidth = Math.max(1, shape.size * width);
    pen.beginPath();
    pen.moveTo(...dots[0]);
    if (dots.length === 1) pen.lineTo(dots[0][0] + 0.01, dots[0][1]);
    for (const dot of dots.slice(1)) pen.lineTo(...dot);
    pen.stroke();
  }
  if (!invert) return;
  pen.globalCompositeOperation = "source-out";
  pen.fillRect(0, 0, width, height);
  pen.globalCompositeOperation = "source-over";
}

/** The painted frame as a black and white picture of that size (a PNG file). */
export async function maskFile(shapes, width, height, name) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  drawShapes(canvas, shapes);
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "destination-over";
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, width, height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return new File([blob], name, { type: "image/png" });
}

/** Whether anything is left white of shapes (in a coarse look). */
export function isEmpty(shapes) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  drawShapes(canvas, shapes);
  const { data } = canvas.getContext("2d").getImageData(0, 0, 64, 64);
  for (let i = 3; i < data.length; i += 4) if (data[i] > 100) return false;
  return true;
}
