/** The pose at a frame between two keys: the same monotone cubic as `pipelines/conditioning/figure.py`. */

/** Joints at a frame: as keyed, held before the first and after the last key; null without keys. keys: by frame. */
export function between(keys, frame) {
  if (!keys.length) return null;
  const last = keys.length - 1;
  if (frame <= keys[0].frame || last === 0) return keys[0].joints;
  if (frame >= keys[last].frame) return keys[last].joints;
  const left = keys.findLastIndex((key) => key.frame <= frame);
  const at = keys.map((key) => key.frame);
  const wide = at[left + 1] - at[left];
  const part = (frame - at[left]) / wide;
  const rest = 1 - part;
  return keys[left].joints.map((_, joint) => [0, 1].map((axis) => {
    const values = keys.map((key) => key.joints[joint][axis]);
    const [a, b] = [values[left], values[left + 1]];
    const curve = rest * rest * (1 + 2 * part) * a + part * part * (3 - 2 * part) * b;
    return curve + wide * (part * rest * rest * tangent(at, values, left) - part * part * rest * tangent(at, values, left + 1));
  }));
}

/** Fritsch and Carlson's harmonic mean: flat where the motion turns, and at both ends. */
function tangent(at, values, i) {
  if (i === 0 || i === at.length - 1) return 0;
  const before = (values[i] - values[i - 1]) / (at[i] - at[i - 1]);
  const after = (values[i + 1] - values[i]) / (at[i + 1] - at[i]);
  return before * after > 0 ? 2 / (1 / before + 1 / after) : 0;
}
