/**
 * The start picture as a relief: its coarse depth, read beside the window, from which the page draws and strokes.
 * The picture is what the camera sees in the first frame; its subject is as far away as that frame's camera looks.
 */
import { ask } from "../api.js";
import { reader } from "./curve.js";
import { add, column, dot, length, scale, sub } from "./vectors.js";

const AWAY = 4; // metres, where the first key looks freely: AWAY_METRES of pipelines/conditioning/lift.py
const FARTHEST = 1e4;

/** How far from the first camera the picture's subject is. */
export function subjectMetres({ keys: [first] }) {
  return first.target ? Math.max(1e-3, length(sub(first.target, first.position))) : AWAY;
}

/** {now(), trouble, ask()}: now() is the relief of the sketch's picture, null while there is none. */
export function makeRelief(sketch) {
  let asked = "";
  const relief = { now: () => null, trouble: "", begin };
  const key = () => (sketch.doc.picture ? JSON.stringify([framed(sketch.doc.picture), sketch.aspect.toFixed(4)]) : "");
  async function begin() {
    const wanted = key();
    if (wanted === asked) return;
    asked = wanted;
    Object.assign(relief, { now: () => null, trouble: "" });
    if (!wanted) return;
    try {
      const made = decoded(await ask("camera/relief", { picture: framed(sketch.doc.picture), aspect: sketch.aspect }));
      if (asked === wanted) relief.now = () => made;
    } catch (error) {
      if (asked === wanted) relief.trouble = `${error.message} ${error.hint || ""}`;
    }
    if (asked === wanted) sketch.tell("film");
  }
  return relief;
}

/** What the studio is told of a picture. */
export function framed({ media, mode, x, y, zoom }) {
  return { media, mode, x, y, zoom };
}

function decoded({ columns, rows, colours, closeness }) {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const near = new Float32Array(bytes(closeness).buffer);
  const order = [...near.keys()].sort((a, b) => near[a] - near[b]); // the far ones first
  return { columns, rows, colours: bytes(colours), closeness: near, order };
}

/** Points of the relief in the world: Float32Array of x, y, z for each cell. */
export function points(relief, path) {
  const { columns, rows, closeness } = relief;
  const first = reader(path)(0);
  const subject = subjectMetres(path);
  const cell = 24 / (first.focal * rows); // a cell's width at one metre
  const axes = [0, 1, 2].map((j) => column(first.rotation, j));
  const out = new Float32Array(3 * closeness.length);
  for (let i = 0; i < closeness.length; i++) {
    const z = closeness[i] > 0 ? subject / closeness[i] : FARTHEST;
    const x = ((i % columns) + 0.5 - columns / 2) * cell * z;
    const y = (Math.floor(i / columns) + 0.5 - rows / 2) * cell * z;
    for (let k = 0; k < 3; k++) out[3 * i + k] = first.position[k] + axes[0][k] * x + axes[1][k] * y + axes[2][k] * z;
  }
  return out;
}

/** Draw the relief as a camera sees it: at once and coarsely, until the studio's own warp is there. */
export function drawRelief(canvas, view, relief, path) {
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  pen.fillStyle = pen.createPattern(hatch(), "repeat");
  pen.fillRect(0, 0, width, height);
  const world = points(relief, path);
  const axes = [0, 1, 2].map((j) => column(view.rotation, j));
  const pixels = (view.focal * height) / 24;
  const first = reader(path)(0);
  const grain = (first.focal * relief.rows) / 24;
  for (const i of relief.order) {
    const p = [world[3 * i] - view.position[0], world[3 * i + 1] - view.position[1], world[3 * i + 2] - view.position[2]];
    const z = dot(axes[2], p);
    if (z < 0.02) continue;
    const away = relief.closeness[i] > 0 ? subjectMetres(path) / relief.closeness[i] : FARTHEST;
    const side = Math.min(width, (1.3 * pixels * away) / grain / z) + 1;
    pen.fillStyle = colour(relief, i);
    pen.fillRect(width / 2 + (pixels * dot(axes[0], p)) / z - side / 2, height / 2 + (pixels * dot(axes[1], p)) / z - side / 2, side, side);
  }
}

/** Draw the relief under a plan; `onto` maps a point of the world to pixels, `metre` is how many those are. */
export function drawCloud(canvas, relief, path, onto, metre) {
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  const pen = canvas.getContext("2d");
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  pen.clearRect(0, 0, wide, high);
  if (!relief) return;
  const world = points(relief, path);
  const grain = (reader(path)(0).focal * relief.rows) / 24;
  const subject = subjectMetres(path);
  pen.globalAlpha = 0.85;
  for (const i of relief.order) {
    if (relief.closeness[i] < 0.08) continue;
    const [x, y] = onto([world[3 * i], world[3 * i + 1], world[3 * i + 2]]);
    const side = Math.max(2, ((1.4 * subject) / relief.closeness[i] / grain) * metre);
    pen.fillStyle = colour(relief, i);
    pen.fillRect(x - side / 2, y - side / 2, side, side);
  }
}

/** The corners of what a plan should show of a relief. */
export function extent(relief, path) {
  const world = points(relief, path);
  return relief.order.filter((i, n) => n % 7 === 0 && relief.closeness[i] > 0.5).map((i) => [world[3 * i], world[3 * i + 1], world[3 * i + 2]]);
}

const colour = ({ colours }, i) => `rgb(${colours[3 * i]} ${colours[3 * i + 1]} ${colours[3 * i + 2]})`;

/** What stands for what the picture does not show. */
function hatch() {
  const tile = new OffscreenCanvas(9, 9);
  const pen = tile.getContext("2d");
  pen.fillStyle = "#1a1b1e";
  pen.fillRect(0, 0, 9, 9);
  pen.strokeStyle = "#e8943a";
  pen.lineWidth = 2;
  for (const shift of [-9, 0, 9]) { pen.beginPath(); pen.moveTo(shift - 1, 10); pen.lineTo(shift + 10, -1); pen.stroke(); }
  return tile;
}

/** The point of the first camera's world under a place 0..1 of the picture: metres to the right, down and ahead. */
export function under(relief, path, aspect, [u, v], most = 4) {
  const near = around(relief, u, v);
  const subject = subjectMetres(path);
  const z = Math.min(most * subject, near > 0 ? subject / near : Infinity);
  const height = 24 / path.keys[0].focal_mm;
  return scale([(u - 0.5) * aspect * height, (v - 0.5) * height, 1], z);
}

/** The middle of the closeness in the cells about a place. */
function around({ columns, rows, closeness }, u, v) {
  const [x, y] = [Math.floor(u * columns), Math.floor(v * rows)];
  const found = [];
  for (let j = y - 1; j <= y + 1; j++)
    for (let i = x - 1; i <= x + 1; i++) if (i >= 0 && j >= 0 && i < columns && j < rows) found.push(closeness[j * columns + i]);
  return found.sort((a, b) => a - b)[found.length >> 1] || 0;
}

/** From the first camera's world to the stage's. */
export function toWorld(path, point) {
  const first = reader(path)(0);
  return add(first.position, [0, 1, 2].map((k) => dot(first.rotation[k], point)));
}
