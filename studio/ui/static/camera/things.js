/** The stand-ins of the stage: the solids of `pipelines/conditioning/previz.py`, and their faces for drawing. */
import { add, radians, scale } from "./vectors.js";

// Each part: centre, half sizes, whether it is round; for size 1, standing on the ground (up is -y).
const PARTS = {
  ball: [[[0, -0.5, 0], [0.5, 0.5, 0.5], true]],
  box: [[[0, -0.45, 0], [0.45, 0.45, 0.45], false]],
  pillar: [[[0, -1, 0], [0.2, 1, 0.2], false]],
  figure: [
    [[-0.11, -0.42, 0], [0.08, 0.42, 0.09], false], [[0.11, -0.42, 0], [0.08, 0.42, 0.09], false],
    [[0, -1.14, 0], [0.2, 0.3, 0.11], false], [[-0.27, -1.14, 0], [0.055, 0.3, 0.06], false],
    [[0.27, -1.14, 0], [0.055, 0.3, 0.06], false], [[0, -1.6, 0], [0.11, 0.14, 0.12], true], [[0, -1.59, -0.13], [0.03, 0.03, 0.04], true],
  ],
};
const MIDDLE = { ball: 0.5, box: 0.45, pillar: 1, figure: 1.1 };
const WIDE = { ball: 0.5, box: 0.45, pillar: 0.2, figure: 0.32 };
const HIGH = { ball: 1, box: 0.9, pillar: 2, figure: 1.74 };
export const KINDS = Object.keys(PARTS);
export const COLOURS = { ball: [0.85, 0.25, 0.18], box: [0.25, 0.45, 0.8], pillar: [0.85, 0.72, 0.3], figure: [0.45, 0.62, 0.4] };

/** The point of a stand-in to look at. */
export const middle = (thing) => [thing.x, -thing.size * MIDDLE[thing.kind], thing.z];
export const heightOf = (thing) => thing.size * HIGH[thing.kind];
export const radiusOf = (thing) => thing.size * WIDE[thing.kind];

const turnedBy = (yaw) => {
  const [c, s] = [Math.cos(radians(yaw)), Math.sin(radians(yaw))];
  return ([x, y, z]) => [c * x + s * z, y, -s * x + c * z];
};

/** The faces of a stand-in: [{points: [world, ...], normal, colour}, ...]. */
export function facesOf(thing) {
  const turn = turnedBy(thing.yaw_degrees || 0);
  const place = (point) => add(scale(turn(point), thing.size), [thing.x, 0, thing.z]);
  return PARTS[thing.kind].flatMap(([centre, radii, round]) =>
    (round ? ROUND : CUBE).map(({ points, normal }) => ({
      points: points.map((point) => place(add(centre, point.map((v, i) => v * radii[i])))),
      normal: turn(normal),
      colour: thing.colour,
    })));
}

const CUBE = [0, 1, 2].flatMap((axis) => [-1, 1].map((sign) => {
  const corner = (u, v) => { const p = [0, 0, 0]; p[axis] = sign; p[(axis + 1) % 3] = u; p[(axis + 2) % 3] = v; return p; };
  const normal = [0, 0, 0];
  normal[axis] = sign;
  return { points: [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)], normal };
}));

const ROUND = (() => {
  const [rows, columns] = [14, 28];
  const at = (i, j) => {
    const [a, b] = [(Math.PI * i) / rows, (2 * Math.PI * j) / columns];
    return [Math.sin(a) * Math.cos(b), -Math.cos(a), Math.sin(a) * Math.sin(b)];
  };
  const faces = [];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) faces.push({ points: [at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)], normal: at(i + 0.5, j + 0.5) });
  return faces;
})();
