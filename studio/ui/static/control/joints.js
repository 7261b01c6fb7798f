/**
 * The built-in figure: COCO's 18 joints in parts of the frame's width and height, and how a hand poses them. Pure.
 *
 * Lengths are reckoned in parts of the height, so that a limb keeps its length in frames of any shape.
 */

/** Pairs of joints with a stick between them, in the order of their colours on the wheel (as `pose.py` draws them). */
export const LIMBS = [
  [1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12], [12, 13],
  [1, 0], [0, 14], [14, 16], [0, 15], [15, 17],
];
export const NAMES = [
  "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist", "right hip",
  "right knee", "right ankle", "left hip", "left knee", "left ankle", "right eye", "left eye", "right ear", "left ear",
];
/** The joint each one hangs on; the neck hangs on the hips' middle. */
const PARENT = [1, null, 1, 2, 3, 1, 5, 6, null, 8, 9, null, 11, 12, 0, 0, 14, 15];
/** Ends of an arm or a leg: [end, middle, root]. */
const REACH = new Map([[4, [3, 2]], [7, [6, 5]], [10, [9, 8]], [13, [12, 11]]]);
/** What a person can take hold of: eyes and ears go with the nose. */
export const HANDLES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
const SEATS = [8, 11];
const MOST = 2;

const STAND = [
  [0, 0.195], [0, 0.285], [-0.08, 0.29], [-0.105, 0.415], [-0.115, 0.535], [0.08, 0.29], [0.105, 0.415], [0.115, 0.535], [-0.047, 0.55],
  [-0.052, 0.715], [-0.055, 0.88], [0.047, 0.55], [0.052, 0.715], [0.055, 0.88], [-0.017, 0.18], [0.017, 0.18], [-0.033, 0.19], [0.033, 0.19],
];
const posed = (changes) => STAND.map((spot, i) => changes[i] || spot);

/** Ready poses: [name, [[dx, y], ...]], dx in heights from the middle. */
export const POSES = [
  ["Standing", STAND],
  ["Arms up", posed({ 3: [-0.15, 0.2], 4: [-0.16, 0.085], 6: [0.15, 0.2], 7: [0.16, 0.085] })],
  ["Waving", posed({ 6: [0.185, 0.25], 7: [0.2, 0.135] })],
  ["Step, right foot first", posed({ 3: [-0.06, 0.41], 4: [0.01, 0.5], 6: [0.07, 0.415], 7: [0.03, 0.53], 9: [-0.09, 0.7], 10: [-0.13, 0.86], 12: [0.06, 0.715], 13: [0.1, 0.87] })],
  ["Step, left foot first", posed({ 3: [-0.07, 0.415], 4: [-0.03, 0.53], 6: [0.06, 0.41], 7: [-0.01, 0.5], 9: [-0.06, 0.715], 10: [-0.1, 0.87], 12: [0.09, 0.7], 13: [0.13, 0.86] })],
  ["Crouching", STAND.map(([x, y], i) => ({ 9: [-0.115, 0.725], 10: [-0.06, 0.88], 12: [0.115, 0.725], 13: [0.06, 0.88] }[i] || [x, y + 0.13]))],
];

/** A ready pose in a frame of that aspect, its feet and middle where those of `like` are. */
export function poseIn(name, aspect, like = null) {
  const [, spots] = POSES.find(([each]) => each === name) || POSES[0];
  const joints = spots.map(([dx, y]) => [0.5 + dx / aspect, y]);
  if (!like) return joints;
  const shift = middle(like)[0] - middle(joints)[0];
  return joints.map(([x, y]) => [x + shift, y]);
}

const middle = (joints) => [0, 1].map((axis) => (joints[8][axis] + joints[11][axis]) / 2);
const clamp = (value) => Math.max(-MOST, Math.min(MOST, value));
const rounded = (joints) => joints.map((spot) => spot.map((value) => Number(clamp(value).toFixed(4))));

/** All that hangs on a joint, itself included. */
function branch(joint) {
  const found = new Set([joint]);
  for (let grown = true; grown;) {
    grown = false;
    PARENT.forEach((parent, i) => { if (parent !== null && found.has(parent) && !found.has(i)) { found.add(i); grown = true; } });
  }
  if (joint === 1) for (const i of SEATS) found.delete(i);
  return found;
}

/**
 * The joints after one was drawn to a place. Hands and feet reach, elbows and knees swing and carry what hangs on them,
 * hips move the whole figure, the neck bends the upper body; `free` moves the one joint alone.
 */
export function drawn(joints, joint, to, aspect, free = false) {
  const flat = joints.map(([x, y]) => [x * aspect, y]);
  const goal = [to[0] * aspect, to[1]];
  if (free) flat[joint] = goal;
  else if (SEATS.includes(joint)) shift(flat, new Set(flat.keys()), sub(goal, flat[joint]));
  else if (REACH.has(joint)) reach(flat, joint, ...REACH.get(joint), goal);
  else {
    const pivot = PARENT[joint] === null ? middle(flat) : flat[PARENT[joint]];
    swing(flat, branch(joint), pivot, turn(sub(flat[joint], pivot), sub(goal, pivot)));
  }
  return rounded(flat.map(([x, y]) => [x / aspect, y]));
}

const sub = (a, b) => [a[0] - b[0], a[1] - b[1]];
const long = (v) => Math.hypot(v[0], v[1]);
const turn = (from, to) => Math.atan2(to[1], to[0]) - Math.atan2(from[1], from[0]);
function shift(flat, which, by) {
  for (const i of which) flat[i] = [flat[i][0] + by[0], flat[i][1] + by[1]];
}
function swing(flat, which, pivot, angle) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (const i of which) {
    const [x, y] = sub(flat[i], pivot);
    flat[i] = [pivot[0] + cos * x - sin * y, pivot[1] + sin * x + cos * y];
  }
}
/** Two bones of fixed lengths towards a goal, bent to the side they are bent to now. */
function reach(flat, end, bend, root, goal) {
  const [upper, lower] = [long(sub(flat[bend], flat[root])), long(sub(flat[end], flat[bend]))];
  const way = sub(goal, flat[root]);
  const far = Math.min(Math.max(long(way), Math.abs(upper - lower) + 1e-4), upper + lower - 1e-4);
  const cos = Math.max(-1, Math.min(1, (upper * upper + far * far - lower * lower) / (2 * upper * far || 1)));
  const [ax, ay] = sub(flat[bend], flat[root]);
  const [bx, by] = sub(flat[end], flat[root]);
  const side = bx * ay - by * ax >= 0 ? 1 : -1;
  const along = Math.atan2(way[1], way[0]);
  const angle = along + side * Math.acos(cos);
  flat[bend] = [flat[root][0] + upper * Math.cos(angle), flat[root][1] + upper * Math.sin(angle)];
  flat[end] = [flat[root][0] + far * Math.cos(along), flat[root][1] + far * Math.sin(along)];
}

/** The figure the other way round: its left is its right, in place. */
export function mirrored(joints) {
  const centre = middle(joints)[0];
  const partner = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16];
  return rounded(partner.map((i) => [2 * centre - joints[i][0], joints[i][1]]));
}
