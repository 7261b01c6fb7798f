/**
 * What has to be made of a source before a clip can be generated: from the form's value to wishes. Pure.
 *
 * value: {source, cut, structures, change, figure, made}
 *   source: {media, name, kind: "clip" | "image" | "figure", width, height, num_frames, fps, seconds} or null
 *   cut: {start_seconds, end_seconds, framing: {mode, x, y, zoom}, pace: "keep" | "spread"}
 *   structures: [{kind, estimator, strength, given, name, ofSource, path}]; `given` is a control clip made elsewhere,
 *     or with `ofSource` one that came with the source and goes with it; `path` is the camera path it was rendered along
 *   span: [from, to], the shares of the steps between which control clips count
 *   start: the picture the clip begins with, {media, name, mode, x, y, zoom}, or null
 *   change: {what, strength, follow, estimator, invert, shapes, kept, file}; see CHANGES; `estimator` is what follows a
 *     mask ("": the default), `kept` a mask that came with a request,
 *     `file` one that was brought: {media, name, kind, told: {over, notes, message, hint}}, told by control/masks/check
 *   figure: {keys: [{frame, joints: [[x, y] x 18]}]}
 *   made: {source, mask, mask_of, <kind>}: the media that are ready, by what they are
 * target: {width, height, num_frames, fps}
 */

/** The structures in their order: [kind, name, control of the request, what it is]. */
export const STRUCTURES = [
  ["depth", "Depth", "depth", "How far everything is: bright is near"],
  ["pose", "Pose", "pose", "The body's joints as a coloured skeleton"],
  ["edges", "Edges", "edges", "White lines where the picture changes sharply"],
  ["lineart", "Line art", "edges", "Drawn outlines, finer than edges"],
  ["scribble", "Scribble", "scribble", "Few rough lines, which leave the model more freedom"],
  ["flow", "Flow", "flow", "Where every point moves, as colours"],
];

/** What of the source is made anew: [name, words, what it means]. */
export const CHANGES = [
  ["all", "Everything, by its structure", "Nothing of the source's pictures is kept; the structure above leads."],
  ["paint", "What I paint or bring", "The rest of the source stays as it is."],
  ["subject", "The subject", "The background stays as it is."],
  ["background", "Everything but the subject", "The subject stays as it is."],
  ["around", "What lies around it", "The whole source is kept, and the picture goes on beyond its edges."],
  ["style", "The look; motion stays", "Less strength keeps more of the source."],
];
export const MASKED = new Set(["paint", "subject", "background", "around"]);

export const EMPTY = {
  source: null,
  cut: { start_seconds: 0, end_seconds: null, framing: { mode: "fill", x: 0.5, y: 0.5, zoom: 1 }, pace: "keep" },
  structures: [],
  span: [0, 1],
  start: null,
  change: { what: "all", strength: 0.6, follow: true, estimator: "", invert: false, shapes: {}, file: null },
  figure: null,
  made: {},
};

export const controlOf = (kind) => STRUCTURES.find(([name]) => name === kind)?.[2] || kind;
export const nameOf = (kind) => STRUCTURES.find(([name]) => name === kind)?.[1] || kind;

/** A value with everything that an older or a foreign one lacks. */
export function whole(value) {
  const given = value || {};
  return {
    ...EMPTY, ...given,
    cut: { ...EMPTY.cut, ...given.cut, framing: { ...EMPTY.cut.framing, ...given.cut?.framing } },
    change: { ...EMPTY.change, ...given.change },
    structures: given.structures || [],
    span: given.span || EMPTY.span,
    made: given.made || {},
  };
}

/** Why control clips count for all steps whatever was chosen: what else the model is given would be forgotten, too. */
export function wholly({ source, change, start }) {
  if (start) return "With a start picture they count for all steps.";
  return source?.media && change.what !== "all" ? "Where a part of the source is kept they count for all steps." : "";
}

/** The frames that are painted, in order: [[frame, shapes], ...]. */
export function painted(change) {
  return Object.entries(change.shapes || {}).filter(([, shapes]) => shapes.length).map(([frame, shapes]) => [Number(frame), shapes]).sort((a, b) => a[0] - b[0]);
}

/**
 * The wishes by what they make. `masks` maps a painted frame to the medium of its picture; a wish that still lacks one
 * is left out.
 */
export function wishesOf(value, target, masks = new Map()) {
  const { source, cut, structures, change } = value;
  const film = source && source.kind !== "figure" ? source.media : null;
  const of = (wish, more) => ({ wish, source: film, target, cut, ...more });
  const wishes = {};
  if (film) wishes.source = of("conform");
  for (const each of structures) {
    if (each.given) wishes[each.kind] = { wish: "conform", source: each.given, target };
    else if (each.kind === "pose" && source?.kind === "figure") wishes.pose = { wish: "draw", keys: keysOf(value.figure, target), target };
    else if (film) wishes[each.kind] = of("extract", { control: controlOf(each.kind), estimator: each.estimator || "" });
  }
  if (!film) return wishes;
  const hints = painted(change).map(([frame]) => ({ frame, mask: masks.get(frame) })).filter(({ mask }) => mask);
  if (change.what === "around") wishes.mask = of("outpaint");
  if (change.what === "subject" || change.what === "background") {
    wishes.mask = of("subject", { keep: change.what === "subject" ? "background" : "subject", estimator: change.estimator, ...(hints[0] || {}) });
  }
  if (change.what === "paint" && !hints.length && change.file?.told?.over) wishes["mask@file"] = fileWish(change, source, target, cut);
  if (change.what === "paint" && change.follow) for (const hint of hints) wishes[`mask@${hint.frame}`] = of("trackmask", { ...hint, estimator: change.estimator });
  return wishes;
}

/** A brought mask on the clip's grid; a picture is followed through the clip. */
function fileWish({ file, follow, estimator }, source, target, cut) {
  if (file.kind === "image" && follow) return { wish: "trackmask", source: source.media, mask: file.media, frame: 0, estimator, target, cut };
  const own = file.told.over === "source" ? { ...cut, ...(file.kind === "image" ? { start_seconds: 0, end_seconds: null } : {}) } : undefined;
  return { wish: "conform", source: file.media, target, ...(own && { cut: own }) };
}

/** The wish that makes one mask of all that was painted and followed; null until that is there. ready(place) -> medium. */
export function joinOf({ source, change }, target, masks, ready) {
  if (!source?.media || change.what !== "paint") return null;
  const frames = painted(change).map(([frame]) => frame);
  const parts = frames.map((frame) => ({ frame, media: change.follow ? ready(`mask@${frame}`) : masks.get(frame) }));
  if (!frames.length && change.file) parts.push({ frame: 0, media: change.file.told?.over && ready("mask@file") });
  else if (!frames.length && change.kept) parts.push({ frame: 0, media: change.kept });
  if (!parts.length || parts.some(({ media }) => !media)) return null;
  return { wish: "join", parts, invert: change.invert, target };
}

/** Keys inside the clip, one for each frame. */
function keysOf(figure, target) {
  const last = target.num_frames - 1;
  const by = new Map((figure?.keys || []).map((key) => [Math.min(key.frame, last), key.joints]));
  return [...by].sort((a, b) => a[0] - b[0]).map(([frame, joints]) => ({ frame, joints }));
}
