/** Through the lens: the stage as the camera sees it, flat-shaded on a canvas, dozens of times a second. */
import { column, dot, sub, unit } from "./vectors.js";
import { facesOf } from "./things.js";

const NEAR = 0.05;
const SUN = unit([-0.42, -0.78, -0.46]);
const REACH = 40;

/** Draw what {position, rotation, focal} sees of the things; the lens is that of a picture 24 mm high. */
export function drawLens(canvas, view, things) {
  const { width, height } = canvas;
  const pen = canvas.getContext("2d");
  const axes = [0, 1, 2].map((j) => column(view.rotation, j));
  const pixels = (view.focal * height) / 24;
  const local = (point) => { const p = sub(point, view.position); return axes.map((axis) => dot(axis, p)); };
  const onto = ([x, y, z]) => [width / 2 + (pixels * x) / z, height / 2 + (pixels * y) / z];
  pen.fillStyle = "#b9c5d1";
  pen.fillRect(0, 0, width, height);
  ground(pen, local, onto, axes, pixels, width, height, view.position);
  const faces = things.flatMap(facesOf)
    .filter((face) => dot(face.normal, sub(face.points[0], view.position)) < 0)
    .map((face) => ({ ...face, points: clipped(face.points.map(local)) }))
    .filter((face) => face.points.length > 2)
    .map((face) => ({ ...face, far: face.points.reduce((sum, p) => sum + p[2], 0) / face.points.length }))
    .sort((a, b) => b.far - a.far);
  for (const face of faces) {
    const light = 0.42 + 0.58 * Math.max(0, dot(face.normal, SUN));
    pen.fillStyle = pen.strokeStyle = `rgb(${face.colour.map((c) => Math.round(255 * c * light)).join(" ")})`;
    fill(pen, face.points.map(onto));
    pen.lineWidth = 0.7;
    pen.stroke(); // closes the hairlines between neighbours
  }
}

function fill(pen, points) {
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  pen.fill();
}

/** A polygon before the near plane. */
function clipped(points) {
  const out = [];
  points.forEach((a, i) => {
    const b = points[(i + 1) % points.length];
    if (a[2] >= NEAR) out.push(a);
    if (a[2] >= NEAR !== b[2] >= NEAR) {
      const u = (NEAR - a[2]) / (b[2] - a[2]);
      out.push(a.map((v, k) => v + u * (b[k] - v)));
    }
  });
  return out;
}

function ground(pen, local, onto, axes, pixels, width, height, eye) {
  // The ground fills the half of the picture on the lower side of the horizon.
  const [a, b, c] = axes.map((axis) => axis[1]);
  const below = (x, y) => ((x - width / 2) * a + (y - height / 2) * b) / pixels + c > 0;
  const edge = [];
  const corners = [[0, 0], [width, 0], [width, height], [0, height]];
  const value = ([x, y]) => ((x - width / 2) * a + (y - height / 2) * b) / pixels + c;
  corners.forEach((corner, i) => {
    const next = corners[(i + 1) % 4];
    if (below(...corner)) edge.push(corner);
    if (below(...corner) !== below(...next)) {
      const u = value(corner) / (value(corner) - value(next));
      edge.push([corner[0] + u * (next[0] - corner[0]), corner[1] + u * (next[1] - corner[1])]);
    }
  });
  pen.fillStyle = "#5c5e63";
  if (edge.length > 2) fill(pen, edge);
  const [cx, cz] = [Math.round(eye[0]), Math.round(eye[2])];
  for (let i = -REACH; i <= REACH; i++) {
    const strong = (v) => (v % 5 ? 0.1 : 0.26);
    line(pen, local([cx + i, 0, cz - REACH]), local([cx + i, 0, cz + REACH]), onto, strong(cx + i));
    line(pen, local([cx - REACH, 0, cz + i]), local([cx + REACH, 0, cz + i]), onto, strong(cz + i));
  }
}

function line(pen, from, to, onto, alpha) {
  let [a, b] = [from, to];
  if (a[2] < NEAR && b[2] < NEAR) return;
  const cut = (p, q) => { const u = (NEAR - p[2]) / (q[2] - p[2]); return p.map((v, k) => v + u * (q[k] - v)); };
  if (a[2] < NEAR) a = cut(a, b);
  else if (b[2] < NEAR) b = cut(b, a);
  const [[x1, y1], [x2, y2]] = [onto(a), onto(b)];
  pen.strokeStyle = `rgb(235 238 242 / ${alpha})`;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
