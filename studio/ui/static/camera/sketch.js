/**
 * What is being sketched: a camera path and the stand-ins it is played among, with undo. Knows no screen.
 *
 * doc: {path, things: [{kind, x, z, size, yaw_degrees, colour}, ...], picture: {media, mode, x, y, zoom, ...} | null};
 * treated as immutable. With a picture, what it shows stands on the stage, and `things` wait until it is gone.
 */
import { middle } from "./things.js";
import { pathFromStroke } from "./stroke.js";
import { frameTimes, progressReader, speedReader } from "./curve.js";
import { clamp, sub, length, toQuaternion } from "./vectors.js";

const MOST_STEPS = 200;
export const LEAST_GAP = 0.01;
const round = (value) => Number(value.toFixed(4));

export function makeSketch(doc) {
  const listeners = [];
  const past = [];
  const future = [];
  let tag = "";
  const sketch = { doc, selected: null, time: 0, frames: 17, fps: 8, aspect: 1, on: (fn) => listeners.push(fn), past, future };
  /** Have all that is drawn follow: "doc", "select", "time", or "film" when the picture's move is there. */
  const tell = (what) => listeners.forEach((fn) => fn(what));
  sketch.tell = tell;
  sketch.things = () => (sketch.doc.picture ? [] : sketch.doc.things);

  /** Replace the document. Changes with the same tag, one after the other, are one step of undo. */
  sketch.change = (next, { merge = "", select = sketch.selected } = {}) => {
    if (!merge || merge !== tag) {
      past.push({ doc: sketch.doc, selected: sketch.selected });
      if (past.length > MOST_STEPS) past.shift();
    }
    tag = merge;
    future.length = 0;
    sketch.doc = next;
    sketch.selected = select !== null && select < next.path.keys.length ? select : null;
    tell("doc");
  };
  /** The next change is a step of its own. */
  sketch.settle = () => { tag = ""; };
  const travel = (from, to) => {
    const step = from.pop();
    if (!step) return false;
    to.push({ doc: sketch.doc, selected: sketch.selected });
    sketch.doc = step.doc;
    sketch.selected = step.selected;
    tag = "";
    tell("doc");
    return true;
  };
  sketch.undo = () => travel(past, future);
  sketch.redo = () => travel(future, past);
  /** Another document from outside, such as a clip's; nothing of it is undone. */
  sketch.load = (next) => {
    past.length = future.length = 0;
    Object.assign(sketch, { doc: next, selected: null });
    tell("doc");
  };
  sketch.select = (index) => {
    sketch.selected = index;
    if (index !== null) sketch.time = momentOf(sketch.doc.path, sketch.doc.path.keys[index].time);
    tell("select");
  };
  sketch.seek = (time) => {
    sketch.time = clamp(time, 0, 1);
    tell("time");
  };
  sketch.shape = (facts) => {
    Object.assign(sketch, facts);
    tell("doc");
  };
  Object.assign(sketch, edits(sketch));
  return sketch;
}

/** The changes a person can make. */
function edits(sketch) {
  const put = (changes, options) => sketch.change({ ...sketch.doc, text: "", path: { ...sketch.doc.path, ...changes } }, options);
  const keys = () => sketch.doc.path.keys;
  const setKey = (index, changes, merge = "") =>
    put({ keys: keys().map((key, i) => (i === index ? { ...key, ...changes } : key)) }, { merge, select: index });

  return {
    put,
    setKey,
    setKeys: (changes, merge = "") => put({ keys: keys().map((key) => ({ ...key, ...changes })) }, { merge }),
    /** Move a key in space; one that looks freely keeps its turn. */
    moveKey: (index, position, merge) => setKey(index, { position: position.map(round) }, merge),
    /** Move a key in time, between its neighbours. */
    timeKey(index, time, merge) {
      const low = index ? keys()[index - 1].time + LEAST_GAP : 0;
      const high = index < keys().length - 1 ? keys()[index + 1].time - LEAST_GAP : sketch.doc.path.loop ? 1 - LEAST_GAP : 1;
      setKey(index, { time: round(clamp(time, low, Math.max(low, high))) }, merge);
    },
    /** Turn a key towards a point, or with null leave it as it now looks. */
    aimKey(index, target, merge = "") {
      setKey(index, target ? { target: target.map(round), quaternion: null } : { target: null, quaternion: keys()[index].quaternion || null }, merge);
    },
    deleteKey(index) {
      if (keys().length > 2) put({ keys: keys().filter((_, i) => i !== index) }, { select: Math.max(0, index - 1) });
    },
    /** A new key on the curve, at that progress; the move stays nearly as it was. */
    addKey(progress) {
      const before = keys().findLastIndex((key) => key.time <= progress);
      const near = keys().some((key) => Math.abs(key.time - progress) < LEAST_GAP);
      if (near) return false;
      const at = progressReader(sketch.doc.path)(progress);
      const model = keys()[Math.max(0, before)];
      const far = model.target ? length(sub(model.target, model.position)) : 4;
      const ahead = at.rotation.map((row, i) => at.position[i] + far * row[2]);
      const target = model.target && closest(keys(), ahead);
      const key = { ...model, time: round(progress), position: at.position.map(round), focal_mm: round(at.focal), target: target && target.map(round), easing: "constant" };
      if (!model.target) Object.assign(key, { quaternion: toQuaternion(at.rotation), roll_degrees: 0 });
      put({ keys: [...keys().slice(0, before + 1), key, ...keys().slice(before + 1)] }, { select: before + 1 });
      return true;
    },
    /**
     * A drawn line on the ground plan becomes the path: its height, aim and lens are those of the path so far. A start
     * picture was taken where the path begins, so that the line then begins there.
     */
    draw(points, ahead) {
      const [first] = keys();
      const [dx, dz] = sketch.doc.picture ? [first.position[0] - points[0][0], first.position[2] - points[0][1]] : [0, 0];
      const path = pathFromStroke(points.map(([x, z]) => [x + dx, first.position[1], z + dz]), { target: ahead ? null : first.target, focal: first.focal_mm });
      if (path) put({ ...path, loop: false, speed: [[0, 0], [1, 1]] }, { select: null });
    },
    loop(loop) {
      const last = keys().at(-1);
      const crowded = loop && 1 - last.time < LEAST_GAP;
      const same = crowded && keys().length > 2 && length(sub(last.position, keys()[0].position)) < 0.05;
      const fewer = same ? keys().slice(0, -1) : keys();
      put({ loop, keys: crowded && !same ? fewer.map((key) => ({ ...key, time: round((key.time * fewer.length) / (fewer.length + 1)) })) : !loop ? stretched(fewer) : fewer });
    },
    /** Stand-ins. Keys that look at one keep looking at it when it moves. */
    setThing(index, changes, merge = "") {
      const old = sketch.doc.things[index];
      const now = { ...old, ...changes };
      const follow = (key) => (key.target && length(sub(key.target, middle(old))) < 0.02 ? { ...key, target: middle(now).map(round) } : key);
      const things = sketch.doc.things.map((thing, i) => (i === index ? now : thing));
      sketch.change({ ...sketch.doc, things, path: { ...sketch.doc.path, keys: keys().map(follow) } }, { merge });
    },
    /** Another start picture, or none; changes of its frame are one step of undo. */
    setPicture: (picture, merge = "") => sketch.change({ ...sketch.doc, picture }, { merge }),
    addThing: (thing) => sketch.change({ ...sketch.doc, things: [...sketch.doc.things, thing] }),
    deleteThing: (index) => sketch.change({ ...sketch.doc, things: sketch.doc.things.filter((_, i) => i !== index) }),
  };
}

/** The target on the line between neighbours that lies nearest to where the camera looks. */
function closest(keys, ahead) {
  const known = keys.map((key) => key.target).filter(Boolean);
  const near = known.find((target) => length(sub(target, ahead)) < 0.25);
  return near || ahead;
}

/** Without a loop the last key ends the clip. */
function stretched(keys) {
  const last = keys.at(-1).time || 1;
  return keys.map((key) => ({ ...key, time: round(key.time / last) }));
}

/** When the speed curve reaches a progress. */
export function momentOf(path, progress) {
  const read = speedReader(path.speed);
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i++) {
    const middleTime = (low + high) / 2;
    if (read(middleTime) < progress) low = middleTime;
    else high = middleTime;
  }
  return high;
}

/** The number of the frame at a moment. */
export function frameAt(sketch) {
  const times = frameTimes(sketch.frames, sketch.doc.path.loop);
  const next = times.findIndex((time) => time > sketch.time + 1e-6);
  return next < 0 ? times.length - 1 : next - 1;
}
