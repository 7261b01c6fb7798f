/**
 * Vectors [x, y, z], quaternions [w, x, y, z] and rotations (three rows of three), as in `pipelines/domain/camera/pose.py`:
 * x right, y down, z forward, metres; the ground is y = 0 and everything above it has a negative y.
 */

const TINY = 1e-9;

export const add = (a, b) => a.map((v, i) => v + b[i]);
export const sub = (a, b) => a.map((v, i) => v - b[i]);
export const scale = (a, k) => a.map((v) => v * k);
export const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
export const length = (a) => Math.sqrt(dot(a, a));
export const mix = (a, b, u) => a.map((v, i) => v + u * (b[i] - v));
export const unit = (a) => scale(a, 1 / (length(a) || 1));
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
export const radians = (degrees) => (degrees * Math.PI) / 180;
export const degrees = (angle) => (angle * 180) / Math.PI;

/** The product of two rotations. */
export function times(a, b) {
  return a.map((row) => [0, 1, 2].map((j) => row[0] * b[0][j] + row[1] * b[1][j] + row[2] * b[2][j]));
}

/** A rotation's column: 0 = the camera's right, 1 = its down, 2 = its line of sight. */
export const column = (rotation, j) => rotation.map((row) => row[j]);

/** A turn clockwise about the line of sight. */
function rolled(angle) {
  const c = Math.cos(radians(angle));
  const s = Math.sin(radians(angle));
  return [[c, -s, 0], [s, c, 0], [0, 0, 1]];
}

/** The rotation of an upright camera at `position` that looks at `target`, then rolls. */
export function lookAt(position, target, roll = 0) {
  const sight = sub(target, position);
  const far = length(sight);
  const forward = far > TINY ? scale(sight, 1 / far) : [0, 0, 1];
  const side = cross([0, 1, 0], forward);
  const flat = length(side);
  const right = flat > TINY ? scale(side, 1 / flat) : [1, 0, 0];
  const down = cross(forward, right);
  return times([0, 1, 2].map((i) => [right[i], down[i], forward[i]]), rolled(roll));
}

/** The rotation of a quaternion, rolled. */
export function fromQuaternion(quaternion, roll = 0) {
  const [w, x, y, z] = unit(quaternion);
  const rotation = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  return roll ? times(rotation, rolled(roll)) : rotation;
}

/** The quaternion with w >= 0 of a rotation (Shepperd, 1978). */
export function toQuaternion(m) {
  const [xx, yy, zz] = [m[0][0], m[1][1], m[2][2]];
  const [a, b, c] = [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]];
  const [d, e, f] = [m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]];
  const choices = [
    [1 + xx + yy + zz, a, b, c],
    [a, 1 + xx - yy - zz, d, e],
    [b, d, 1 - xx + yy - zz, f],
    [c, e, f, 1 - xx - yy + zz],
  ];
  const sizes = [xx + yy + zz, xx, yy, zz];
  const best = unit(choices[sizes.indexOf(Math.max(...sizes))]);
  return best[0] < 0 ? scale(best, -1) : best;
}

/** First the rotation b, then a. */
export function product([w, x, y, z], [a, b, c, d]) {
  return [w * a - x * b - y * c - z * d, w * b + x * a + y * d - z * c, w * c - x * d + y * a + z * b, w * d + x * c - y * b + z * a];
}

export const conjugate = ([w, x, y, z]) => [w, -x, -y, -z];

/** Axis times angle of a unit quaternion, the shorter way round. */
export function logarithm(quaternion) {
  const q = quaternion[0] < 0 ? scale(quaternion, -1) : quaternion;
  const axis = q.slice(1);
  const far = length(axis);
  return scale(axis, far > TINY ? (2 * Math.atan2(far, q[0])) / far : 2);
}

/** The unit quaternion of axis times angle. */
export function exponential(vector) {
  const half = length(vector) / 2;
  const sinc = half > 1e-12 ? Math.sin(half) / half : 1;
  return [Math.cos(half), ...scale(vector, sinc / 2)];
}

/** On the shorter great arc from a to b. */
export function slerp(a, b, u) {
  return product(a, exponential(scale(logarithm(product(conjugate(a), b)), u)));
}

/** The angle between two rotations in degrees. */
export function between(a, b) {
  const turned = times([0, 1, 2].map((i) => column(a, i)), b);
  return degrees(length(logarithm(toQuaternion(turned))));
}
