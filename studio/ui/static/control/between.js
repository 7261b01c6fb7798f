/** The pose at a frame between two keys. */

/** Joints at a frame: as keyed, held before the first and after the last key; null without keys. */
export function between(keys, frame) {
  if (!keys.length) return null;
  const next = keys.findIndex((key) => key.frame >= frame);
  if (next < 0) return keys.at(-1).joints;
  if (next === 0 || keys[next].frame === frame) return keys[next].joints;
  const [a, b] = [keys[next - 1], keys[next]];
  const share = (frame - a.frame) / (b.frame - a.frame);
  return a.joints.map((spot, i) => spot.map((value, axis) => value + share * (b.joints[i][axis] - value)));
}
