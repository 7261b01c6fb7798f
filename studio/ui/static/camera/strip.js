/**
 * The time of the move: how fast the camera is from frame to frame, how much of a start picture is out of sight, the one
 * speed curve, the keys, the playhead.
 */
import { frameTimes, reader, sample, speedReader } from "./curve.js";
import { LEAST_GAP, frameAt, momentOf } from "./sketch.js";
import { at, put, s } from "./svg.js";
import { between, clamp, length, sub } from "./vectors.js";

const EDGE = 14;
const BARS = 26;
const UNSEEN = 22; // high, where there is a picture
const NEAR = 0.8;

/**
 * {node, draw()}; told what one frame step may be by `sketch.limits` {degrees, metres, model, source} or null, and the
 * share of every frame that the picture does not show by `unseen()`, null while that is not known.
 */
export function makeStrip(sketch, unseen) {
  const more = () => (sketch.doc.picture ? UNSEEN : 0);
  const CURVE = { get top() { return 34 + more(); }, get foot() { return 82 + more(); } };
  const keysAt = () => 98 + more();
  const ground = s("path", { class: "gm-k-ticks" });
  const bars = s("g", { class: "gm-k-bars" });
  const holes = s("g", { class: "gm-k-holes" });
  const holesWord = s("text", { class: "gm-k-unit", x: EDGE });
  const fill = s("path", { class: "gm-k-fill" });
  const curve = s("path", { class: "gm-k-curve", "data-hit": "curve", tabindex: "0", role: "button", "aria-label": "Speed curve: drag it, or press Enter for a point where the playhead is" });
  const points = s("g", {});
  const keys = s("g", {});
  const head = s("path", { class: "gm-k-head" });
  const node = s("svg", { class: "gm-k-strip", role: "group", "aria-label": "Time: speed from frame to frame, the speed curve, the keys", height: 112 }, ground, bars, holes, holesWord, fill, curve, head, points, keys);

  const width = () => Math.max(60, node.clientWidth) - 2 * EDGE;
  const x = (time) => EDGE + time * width();
  const timeAt = (px) => clamp((px - EDGE) / width(), 0, 1);
  const y = (progress) => CURVE.foot - progress * (CURVE.foot - CURVE.top);

  function drawBars() {
    const { path } = sketch.doc;
    const poses = sample(path, sketch.frames);
    const times = frameTimes(sketch.frames, path.loop);
    const steps = poses.slice(1).map((pose, i) => ({ degrees: between(poses[i].rotation, pose.rotation), metres: length(sub(pose.position, poses[i].position)) }));
    while (bars.children.length > steps.length) bars.lastChild.remove();
    const limits = sketch.limits;
    const top = { degrees: Math.max(1e-9, ...steps.map((step) => step.degrees)), metres: Math.max(1e-9, ...steps.map((step) => step.metres)) };
    steps.forEach((step, i) => {
      const of = limits || top;
      const much = Math.max(step.degrees / of.degrees, step.metres / of.metres);
      const bar = bars.children[i] || bars.appendChild(s("rect", {}, s("title", {})));
      const high = clamp(limits ? much / 1.5 : 0.6 * much, 0, 1) * (BARS - 6);
      const wide = Math.max(1, x(times[1] || 1) - x(0) - 2);
      const look = !limits || much < NEAR ? "" : much > 1.001 ? "gm-k-fast" : "gm-k-brisk";
      put(bar, { x: x(times[i]) + 1, y: BARS - high, width: wide, height: Math.max(1, high), class: look });
      bar.firstChild.textContent = `Frame ${i + 1} to ${i + 2}: ${step.degrees.toFixed(1)}°, ${step.metres.toFixed(2)} m${look === "gm-k-fast" ? `. Faster than ${limits.model} was shown` : ""}`;
    });
    sketch.fastest = { degrees: Math.max(0, ...steps.map((step) => step.degrees)), metres: Math.max(0, ...steps.map((step) => step.metres)) };
    put(ground, { d: `M${EDGE} ${BARS + 0.5}h${width()}` + times.map((time) => `M${Math.round(x(time)) + 0.5} ${BARS}v4`).join("") + `M${EDGE} ${CURVE.foot + 0.5}h${width()}` });
  }

  function drawHoles() {
    const shares = sketch.doc.picture ? unseen() : null;
    const [top, high] = [BARS + 6, UNSEEN - 6];
    while (holes.children.length > (shares?.length || 0)) holes.lastChild.remove();
    const times = frameTimes(sketch.frames, sketch.doc.path.loop);
    const wide = Math.max(1, width() / Math.max(1, sketch.frames - 1) - 2);
    shares?.forEach((share, i) => {
      const bar = holes.children[i] || holes.appendChild(s("rect", {}, s("title", {})));
      put(bar, { x: clamp(x(times[i] ?? 1) - wide / 2, EDGE, EDGE + width() - wide), y: top + high * (1 - share), width: wide, height: Math.max(0.8, high * share), class: share > 0.5 ? "gm-k-most" : "" });
      bar.firstChild.textContent = `Frame ${i + 1}: ${Math.round(100 * share)} % of it the picture does not show`;
    });
    put(holesWord, { y: top + 9 });
    holesWord.textContent = !sketch.doc.picture ? "" : shares ? "" : "unseen …";
  }

  function drawCurve() {
    const { speed } = sketch.doc.path;
    const read = speedReader(speed);
    const dots = Array.from({ length: 97 }, (_, i) => `${x(i / 96).toFixed(1)} ${y(read(i / 96)).toFixed(1)}`);
    put(curve, { d: `M${dots.join("L")}` });
    put(fill, { d: `M${x(0)} ${CURVE.foot}L${dots.join("L")}V${CURVE.foot}z` });
    const inner = speed.slice(1, -1);
    while (points.children.length > inner.length) points.lastChild.remove();
    inner.forEach(([time, progress], i) => {
      const g = points.children[i] || points.appendChild(s("g", { class: "gm-k-point", "data-hit": "point", tabindex: "0", role: "button" }, s("circle", { r: 18, class: "gm-k-reach" }), s("circle", { r: 4.5 })));
      put(g, { transform: `translate(${x(time)} ${y(progress)})`, "data-index": i + 1, "aria-label": `Speed: at ${Math.round(time * 100)} % of the time ${Math.round(progress * 100)} % of the way` });
    });
  }

  function drawKeys() {
    const { path } = sketch.doc;
    const list = path.keys.length > 60 ? [] : path.keys;
    while (keys.children.length > list.length) keys.lastChild.remove();
    list.forEach((key, i) => {
      const g = keys.children[i] || keys.appendChild(s("g", { class: "gm-k-mark", "data-hit": "key", tabindex: "0", role: "button" }, s("circle", { r: 16, class: "gm-k-reach" }), s("path", { d: "M0-6 6 0 0 6-6 0z" })));
      const moment = momentOf(path, key.time);
      put(g, { transform: `translate(${x(moment)} ${keysAt()})`, "data-index": i, "aria-pressed": String(sketch.selected === i), "aria-label": `Key ${i + 1} at ${Math.round(moment * 100)} % of the time` });
    });
  }

  function draw(what = "doc") {
    if (!node.clientWidth) return;
    put(node, { height: 112 + more() });
    if (what === "doc") { drawBars(); drawHoles(); drawCurve(); }
    if (what !== "time") drawKeys();
    put(head, { d: `M${x(sketch.time)} 4V${keysAt() - 8}` });
  }

  let drag = null;
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    const hit = event.target.closest("[data-hit]");
    hit?.focus?.({ preventScroll: true });
    const index = Number(hit?.dataset.index);
    if (hit?.dataset.hit === "key") { sketch.select(index); drag = ([px]) => moveKey(index, px); }
    else if (hit?.dataset.hit === "point") drag = ([px, py]) => movePoint(index, timeAt(px), (CURVE.foot - py) / (CURVE.foot - CURVE.top));
    else if (onCurve(at(node, event))) drag = bend(at(node, event));
    else { drag = ([px]) => { sketch.pause?.(); sketch.seek(timeAt(px)); }; drag(at(node, event)); }
  });
  node.addEventListener("pointermove", (event) => drag?.(at(node, event)));
  for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, () => { drag = null; sketch.settle(); });
  node.addEventListener("dblclick", (event) => {
    const [px, py] = at(node, event);
    if (py > CURVE.top - 8 && py < CURVE.foot + 6) addPoint(timeAt(px));
  });
  node.addEventListener("keydown", (event) => {
    const hit = event.target.closest("[data-hit]");
    if (!hit) return;
    if (hit === curve) {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      const made = addPoint(sketch.time);
      draw();
      if (made > 0) points.children[made - 1]?.focus();
      return;
    }
    const index = Number(hit.dataset.index);
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const remove = event.key === "Delete" || event.key === "Backspace";
    if (hit.dataset.hit === "key") {
      if (event.key === "Enter" || event.key === " ") sketch.select(index);
      else if (remove) sketch.deleteKey(index);
      else if (step?.[0]) sketch.timeKey(index, sketch.doc.path.keys[index].time + step[0] * 0.01, `time${index}`);
      else return;
    } else if (remove) sketch.put({ speed: sketch.doc.path.speed.filter((_, i) => i !== index) });
    else if (step) { const [time, progress] = sketch.doc.path.speed[index]; movePoint(index, time + step[0] * 0.01, progress + step[1] * 0.02); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** Whether a pixel lies on the speed curve. */
  function onCurve([px, py]) {
    return py > CURVE.top - 8 && py < CURVE.foot + 6 && Math.abs(y(speedReader(sketch.doc.path.speed)(timeAt(px))) - py) < 9;
  }
  /** Dragging the curve itself bends it: a point is put where the pointer took hold. */
  function bend([startX, startY]) {
    let index = -1;
    return ([px, py]) => {
      if (index < 0 && Math.hypot(px - startX, py - startY) < 4) return;
      if (index < 0) { index = addPoint(timeAt(startX)); if (index < 0) return; }
      movePoint(index, timeAt(px), (CURVE.foot - py) / (CURVE.foot - CURVE.top));
    };
  }
  /** A key goes where the curve is at that moment, so that the mark stays under the pointer. */
  function moveKey(index, px) {
    sketch.timeKey(index, speedReader(sketch.doc.path.speed)(timeAt(px)), `time${index}`);
    sketch.seek(momentOf(sketch.doc.path, sketch.doc.path.keys[index].time));
  }
  function movePoint(index, time, progress) {
    const speed = sketch.doc.path.speed.map((point) => [...point]);
    const [before, after] = [speed[index - 1], speed[index + 1]];
    speed[index] = [Number(clamp(time, before[0] + LEAST_GAP, after[0] - LEAST_GAP).toFixed(4)), Number(clamp(progress, before[1], after[1]).toFixed(4))];
    sketch.put({ speed }, { merge: `speed${index}` });
  }
  function addPoint(time) {
    const { speed } = sketch.doc.path;
    if (speed.length > 20 || speed.some(([t]) => Math.abs(t - time) < 2 * LEAST_GAP)) return -1;
    const next = speed.findIndex(([t]) => t > time);
    sketch.put({ speed: [...speed.slice(0, next), [Number(time.toFixed(4)), Number(speedReader(speed)(time).toFixed(4))], ...speed.slice(next)] }, { merge: `speed${next}` });
    return next;
  }

  return { node, draw, frame: () => frameAt(sketch), read: () => reader(sketch.doc.path) };
}
