/**
 * A stroke on the start picture becomes a move. Onto a thing that stands nearer or farther than where it began: the
 * camera pushes in towards that. Across what is equally far: the camera moves as the stroke does, past what lies there.
 */
import { toWorld, under, subjectMetres } from "./relief.js";
import { simplify } from "./stroke.js";
import { add, clamp, length, scale, sub, unit } from "./vectors.js";

const ALIKE = Math.log(1.25);
const SHORTEST = 0.04;
const LOWEST = -0.05;

/** {path, words} of a stroke [[u, v], ...] in 0..1 of the picture; null where it is a mere dot. */
export function moveOf(stroke, relief, path, aspect) {
  const flat = stroke.map(([u, v]) => [u * aspect, v]);
  const reach = Math.hypot(flat.at(-1)[0] - flat[0][0], flat.at(-1)[1] - flat[0][1]);
  if (reach < SHORTEST) return null;
  const [begin, end] = [stroke[0], stroke.at(-1)].map((place) => under(relief, path, aspect, place));
  const made = Math.abs(Math.log(begin[2] / end[2])) < ALIKE ? across(stroke, relief, path, aspect) : towards(end, reach, path);
  return { ...made, path: { ...path, ...made.path, loop: false, speed: [[0, 0], [1, 1]] } };
}

function towards(goal, reach, path) {
  const [first] = path.keys;
  const subject = subjectMetres(path);
  const far = clamp(0.2 + 0.6 * reach, 0.2, 0.75) * Math.min(length(goal), 1.5 * subject);
  const place = toWorld(path, scale(unit(goal), far));
  const key = { ...first, quaternion: null, roll_degrees: first.roll_degrees || 0, tension: 0 };
  const keys = [
    { ...key, time: 0, target: toWorld(path, [0, 0, subject]), easing: "eased" },
    { ...key, time: 1, position: above(place), target: toWorld(path, goal), easing: "constant" },
  ];
  return { path: { keys: keys.map(rounded) }, words: `Pushes in ${far.toFixed(1)} m towards where the stroke ends.` };
}

function across(stroke, relief, path, aspect) {
  const depths = stroke.map((place) => under(relief, path, aspect, place, 2)[2]).sort((a, b) => a - b);
  const metres = (depths[depths.length >> 1] * 24) / path.keys[0].focal_mm;
  const way = stroke.map(([u, v]) => [(u - stroke[0][0]) * aspect * metres, (v - stroke[0][1]) * metres, 0]);
  const kept = simplify(way, 0.04 * length(way.at(-1)));
  const passed = [0];
  for (let i = 1; i < way.length; i++) passed.push(passed.at(-1) + length(sub(way[i], way[i - 1])) + 1e-6);
  const ahead = [0, 0, subjectMetres(path)];
  const [first] = path.keys;
  const keys = kept.map((i) => ({
    ...first, time: passed[i] / passed.at(-1), position: above(toWorld(path, way[i])), target: toWorld(path, add(way[i], ahead)),
    quaternion: null, tension: 0, easing: kept.length === 2 ? "eased" : "constant",
  }));
  const [right, down] = way.at(-1);
  const side = Math.abs(right) >= Math.abs(down) ? (right > 0 ? "to the right" : "to the left") : down > 0 ? "down" : "up";
  return { path: { keys: keys.map(rounded) }, words: `Moves ${length(way.at(-1)).toFixed(1)} m ${side}.` };
}

const above = ([x, y, z]) => [x, Math.min(y, LOWEST), z];
const round = (value) => Number(value.toFixed(4));
const rounded = (key) => ({ ...key, time: round(key.time), position: key.position.map(round), target: key.target.map(round) });
