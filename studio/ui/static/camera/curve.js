/**
 * A camera path between its keys: the same curve as `pipelines/domain/camera/path.py` and `curve.py`, which say what it
 * is. A path is their JSON: {version, loop, speed: [[time, progress], ...], keys: [{time, position, target, ...}, ...]}.
 */
import { add, clamp, conjugate, dot, exponential, fromQuaternion, length, logarithm, lookAt, product, scale, slerp, sub, toQuaternion, unit } from "./vectors.js";

const STEEPEST = 3;
export const FOCAL_MM = [2, 2000];
const EASE = {
  constant: (u) => u,
  eased: (u) => u * u * (3 - 2 * u),
  "speeding up": (u) => u * u,
  "slowing down": (u) => 1 - (1 - u) * (1 - u),
};
export const EASINGS = Object.keys(EASE);

/** When the frames of a clip are: the last at time 1, of a loop one frame before it. */
export function frameTimes(count, loop) {
  const gaps = loop ? count : Math.max(1, count - 1);
  return Array.from({ length: count }, (_, i) => i / gaps);
}

/** Poses of every frame: [{position, rotation, focal}, ...]. */
export function sample(path, count) {
  const read = reader(path);
  return frameTimes(count, path.loop).map(read);
}

/** A function from time 0..1 to {position, rotation, focal}; the tangents are computed once. */
export function reader(path) {
  const atProgress = progressReader(path);
  const progress = speedReader(path.speed);
  return (time) => atProgress(progress(time));
}

/** A function from progress 0..1 along the keys to {position, rotation, focal}. */
export function progressReader({ keys, loop }) {
  const times = keys.map((key) => key.time);
  const tension = keys.map((key) => key.tension || 0);
  const goals = targets(keys);
  const turns = keys.map((key, i) => toQuaternion(rotationOf(key, goals[i])));
  const position = smooth(keys.map((key) => key.position), times, tension, loop);
  const target = smooth(goals, times, tension, loop);
  const roll = smooth(keys.map((key) => [key.roll_degrees || 0]), times, tension, loop);
  const lens = smooth(keys.map((key) => [Math.log(key.focal_mm || 28)]), times, tension, loop);
  const turn = smoothTurns(turns, times, tension, loop);
  return (progress) => {
    const span = locate(times, progress, loop);
    span.amount = EASE[keys[span.start].easing || "constant"](span.amount);
    const place = position(span);
    const aimed = keys[span.start].target && keys[span.end].target;
    const rotation = aimed ? lookAt(place, target(span), roll(span)[0]) : fromQuaternion(turn(span));
    return { position: place, rotation, focal: clamp(Math.exp(lens(span)[0]), ...FOCAL_MM) };
  };
}

/** The speed curve: a function from time to progress, never falling. */
export function speedReader(speed) {
  const times = speed.map(([time]) => time);
  const curve = smooth(speed.map(([, progress]) => [progress]), times, times.map(() => 0), false);
  return (time) => clamp(curve(locate(times, time, false))[0], 0, 1);
}

/** What each key looks at; one without a target borrows that of the last key before it, or else the first after it. */
export function targets(keys) {
  let last = keys.find((key) => key.target)?.target || [0, 0, 0];
  return keys.map((key) => (last = key.target || last));
}

/** The rotation of a key. */
export function rotationOf(key, target = key.target) {
  if (key.target) return lookAt(key.position, target, key.roll_degrees || 0);
  return fromQuaternion(key.quaternion || [1, 0, 0, 0], key.roll_degrees || 0);
}

function locate(times, moment, closed) {
  if (times.length === 1) return { start: 0, end: 0, length: 1, amount: 0 };
  const first = times[0];
  const all = closed ? [...times, first + 1] : times;
  const at = closed ? ((((moment - first) % 1) + 1) % 1) + first : moment;
  let start = all.length - 2;
  while (start > 0 && all[start] > at) start--;
  const span = all[start + 1] - all[start];
  return { start, end: (start + 1) % times.length, length: span, amount: clamp((at - all[start]) / span, 0, 1) };
}

function lengths(times, closed) {
  const inner = times.slice(1).map((time, i) => time - times[i]);
  return closed ? [...inner, times[0] + 1 - times.at(-1)] : inner;
}

/** Velocities at the keys from the steps between them. */
function tangents(steps, spans, tension, closed) {
  const slopes = steps.map((step, i) => scale(step, 1 / spans[i]));
  const count = tension.length;
  if (slopes.length === 1 && !closed) return tension.map((t) => scale(slopes[0], 1 - t));
  return tension.map((t, k) => {
    const last = !closed && k === count - 1;
    const ends = !closed && (k === 0 || last);
    const before = slopes[closed ? (k + count - 1) % count : Math.max(0, k - 1)];
    const after = slopes[closed || !last ? k : k - 1];
    const velocity = ends ? atEnd(slopes, spans, last) : difference(before, after, spans[closed ? (k + count - 1) % count : k - 1], spans[k]);
    const limit = STEEPEST * Math.min(length(before), length(after));
    const speed = length(velocity);
    return scale(velocity, (speed > limit ? limit / Math.max(speed, 1e-300) : 1) * (1 - t));
  });
}

function difference(before, after, beforeLength, afterLength) {
  const weight = beforeLength / (beforeLength + afterLength);
  return add(scale(after, weight), scale(before, 1 - weight));
}

function atEnd(slopes, spans, last) {
  const n = slopes.length;
  const [near, next] = last ? [n - 1, n - 2] : [0, 1];
  const [a, b] = [spans[near], spans[next]];
  const velocity = scale(sub(scale(slopes[near], 2 * a + b), scale(slopes[next], a)), 1 / (a + b));
  return dot(velocity, slopes[near]) > 0 ? velocity : scale(velocity, 0);
}

/** The curve through values as a function of a span. */
function smooth(values, times, tension, closed) {
  if (values.length === 1) return () => values[0];
  const spans = lengths(times, closed);
  const steps = spans.map((_, i) => sub(values[(i + 1) % values.length], values[i]));
  const velocity = tangents(steps, spans, tension, closed);
  return ({ start, end, length: h, amount: u }) => {
    const rest = u * u * (3 - 2 * u);
    const [out, into] = [h * (u - 2 * u * u + u ** 3), h * (u ** 3 - u * u)];
    return values[start].map((a, i) => a + rest * (values[end][i] - a) + out * velocity[start][i] + into * velocity[end][i]);
  };
}

/** The same for unit quaternions: a Bezier curve on the sphere (Shoemake, 1985). */
function smoothTurns(turns, times, tension, closed) {
  if (turns.length === 1) return () => turns[0];
  const spans = lengths(times, closed);
  const steps = spans.map((_, i) => logarithm(product(conjugate(turns[i]), turns[(i + 1) % turns.length])));
  const velocity = tangents(steps, spans, tension, closed);
  return ({ start, end, length: h, amount: u }) => {
    const [a, d] = [turns[start], turns[end]];
    const b = product(a, exponential(scale(velocity[start], h / 3)));
    const c = product(d, exponential(scale(velocity[end], -h / 3)));
    const [ab, bc, cd] = [slerp(a, b, u), slerp(b, c, u), slerp(c, d, u)];
    return unit(slerp(slerp(ab, bc, u), slerp(bc, cd, u), u));
  };
}
