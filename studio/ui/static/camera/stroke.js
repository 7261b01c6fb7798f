/** From a drawn line to few keys (Ramer 1972, Douglas and Peucker 1973). */
import { add, clamp, dot, length, scale, sub, unit } from "./vectors.js";

const STEP = 1e-4;

/** Indices of the points to keep so that none lies farther than `tolerance` from the lines between them. */
export function simplify(points, tolerance) {
  const keep = new Set([0, points.length - 1]);
  const spans = [[0, points.length - 1]];
  while (spans.length) {
    const [first, last] = spans.pop();
    let [worst, most] = [-1, tolerance];
    for (let i = first + 1; i < last; i++) {
      const far = away(points[i], points[first], points[last]);
      if (far > most) [worst, most] = [i, far];
    }
    if (worst < 0) continue;
    keep.add(worst);
    spans.push([first, worst], [worst, last]);
  }
  return [...keep].sort((a, b) => a - b);
}

function away(point, start, end) {
  const line = sub(end, start);
  const square = dot(line, line);
  const along = square > 0 ? clamp(dot(sub(point, start), line) / square, 0, 1) : 0;
  return length(sub(sub(point, start), scale(line, along)));
}

/** The keys of a path along positions; null where the line has no length. */
export function pathFromStroke(points, { target = null, focal = 28, tolerance = 0.05, most = 24 } = {}) {
  const line = points.filter((point, i) => !i || length(sub(point, points[i - 1])) > STEP);
  if (line.length < 2) return null;
  let kept = simplify(line, tolerance);
  for (let wider = tolerance * 1.3; kept.length > most; wider *= 1.3) kept = simplify(line, wider);
  const passed = line.slice(1).map((point, i) => length(sub(point, line[i])));
  const whole = passed.reduce((a, b) => a + b, 0);
  const steps = passed.map((step) => step + 1e-4 * (whole || 1));
  const total = steps.reduce((a, b) => a + b, 0);
  const moments = [0];
  for (const step of steps) moments.push(moments.at(-1) + step / total);
  const keys = kept.map((index) => ({
    time: clamp(moments[index], 0, 1), position: line[index], target: target || add(line[index], ahead(line, index)), quaternion: null,
    roll_degrees: 0, focal_mm: focal, easing: "constant", tension: 0,
  }));
  keys.at(-1).time = 1;
  return { keys };
}

function ahead(line, index) {
  const way = sub(line[Math.min(index + 2, line.length - 1)], line[Math.max(index - 2, 0)]);
  const whole = sub(line.at(-1), line[0]);
  return unit(length(way) > STEP ? way : length(whole) > STEP ? whole : [0, 0, 1]);
}
