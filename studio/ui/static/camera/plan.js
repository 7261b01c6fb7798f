/** A plan of the stage, from above or from the side: the path and its keys, what they look at, the stand-ins. */
import { frameTimes, progressReader, reader } from "./curve.js";
import { at, put, s } from "./svg.js";
import { drawCloud, extent } from "./relief.js";
import { heightOf, middle, radiusOf } from "./things.js";
import { clamp, column, length, sub } from "./vectors.js";

const POINTS = 160;
const NEAR_PIXELS = 14;

/**
 * name: spoken and shown. across, up: the world's axes that run right and up, with their signs. draws: whether a line
 * on empty ground becomes a path. Returns {node, ground, draw(), fit()}: `ground` lies under the node.
 */
export function makePlan(sketch, { name, axes, draws = false }) {
  const view = { x: 0, y: 0, metre: 60 };
  const grid = s("path", { class: "gm-k-grid" });
  const bold = s("path", { class: "gm-k-grid gm-k-bold" });
  const things = s("g", {});
  const wide = s("path", { class: "gm-k-way-wide", "data-hit": "way" });
  const way = s("path", { class: "gm-k-way" });
  const frames = s("path", { class: "gm-k-frames" });
  const sight = s("path", { class: "gm-k-sight" });
  const aim = s("g", { class: "gm-k-aim", "data-hit": "aim", tabindex: "0", role: "button" }, s("circle", { r: 20, class: "gm-k-reach" }), s("circle", { r: 5 }), s("path", { d: "M-9 0H-3M3 0H9M0-9V-3M0 3V9" }));
  const keys = s("g", {});
  const camera = s("path", { class: "gm-k-camera" });
  const line = s("path", { class: "gm-k-stroke" });
  const unit = s("text", { class: "gm-k-unit", x: 12, y: 20 });
  const ground = document.createElement("canvas");
  ground.className = "gm-k-cloud";
  const node = s("svg", { class: `gm-k-plan gm-k-${draws ? "top" : "side"}`, role: "group", "aria-label": name }, grid, bold, things, wide, way, frames, sight, camera, aim, keys, line, unit);

  const size = () => [node.clientWidth || 1, node.clientHeight || 1];
  const onto = (p) => {
    const [w, h] = size();
    const [u, v] = axes();
    return [w / 2 + (u.sign * p[u.axis] - view.x) * view.metre, h / 2 - (v.sign * p[v.axis] - view.y) * view.metre];
  };
  /** The world point under a pixel, on the plane through `depth`. */
  const under = ([px, py], depth) => {
    const [w, h] = size();
    const [u, v] = axes();
    const p = [...depth];
    p[u.axis] = u.sign * (view.x + (px - w / 2) / view.metre);
    p[v.axis] = v.sign * (view.y - (py - h / 2) / view.metre);
    return p;
  };

  function drawGrid() {
    const [w, h] = size();
    const step = [0.1, 0.5, 1, 5, 10, 50].find((metres) => metres * view.metre >= 22) || 100;
    const lines = (spacing) => {
      const parts = [];
      const [left, bottom] = [view.x - w / 2 / view.metre, view.y - h / 2 / view.metre];
      for (let m = Math.ceil(left / spacing) * spacing; m < left + w / view.metre; m += spacing) { const x = Math.round(w / 2 + (m - view.x) * view.metre) + 0.5; parts.push(`M${x} 0V${h}`); }
      for (let m = Math.ceil(bottom / spacing) * spacing; m < bottom + h / view.metre; m += spacing) { const y = Math.round(h / 2 - (m - view.y) * view.metre) + 0.5; parts.push(`M0 ${y}H${w}`); }
      return parts.join("");
    };
    put(grid, { d: lines(step) });
    put(bold, { d: draws ? lines(step * 5) : `M0 ${Math.round(h / 2 + view.y * view.metre) + 0.5}H${w}` });
    unit.textContent = `${name} · ${step < 1 ? `${step * 100} cm` : `${step} m`} grid`;
  }

  function drawThings() {
    const list = sketch.things();
    while (things.children.length > list.length) things.lastChild.remove();
    list.forEach((thing, i) => {
      const g = things.children[i] || things.appendChild(s("g", { class: "gm-k-thing", "data-hit": "thing", tabindex: "0", role: "button" }, s("path", {}), s("title", {})));
      const [x, y] = onto(middle(thing));
      const [r, t] = [radiusOf(thing) * view.metre, (draws ? radiusOf(thing) : heightOf(thing) / 2) * view.metre];
      const round = thing.kind === "ball" || (draws && thing.kind === "figure");
      const turn = draws ? `rotate(${thing.yaw_degrees || 0})` : "";
      const middleY = draws ? y : onto([thing.x, -heightOf(thing) / 2, thing.z])[1];
      put(g, { transform: `translate(${x} ${middleY}) ${turn}`, "data-index": i, "aria-label": `The ${thing.kind}, ${thing.x.toFixed(1)} m to the right, ${thing.z.toFixed(1)} m ahead` });
      put(g.firstChild, { d: round ? `M${-r} 0a${r} ${t} 0 1 0 ${2 * r} 0a${r} ${t} 0 1 0 ${-2 * r} 0z` : `M${-r} ${-t}H${r}V${t}H${-r}z`, fill: `rgb(${thing.colour.map((c) => Math.round(c * 255)).join(" ")})` });
      g.lastChild.textContent = `${thing.kind}: drag to move, Delete takes it away`;
    });
  }

  function drawWay() {
    const { path } = sketch.doc;
    const read = progressReader(path);
    const span = path.loop ? 1 : path.keys.at(-1).time - path.keys[0].time;
    const dots = Array.from({ length: POINTS + 1 }, (_, i) => onto(read(path.keys[0].time + (span * i) / POINTS).position));
    const d = `M${dots.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
    put(way, { d });
    put(wide, { d });
    const moment = reader(path);
    put(frames, { d: frameTimes(sketch.frames, path.loop).map((time) => { const [x, y] = onto(moment(time).position); return `M${x.toFixed(1)} ${y.toFixed(1)}h0`; }).join("") });
  }

  function drawKeys() {
    const list = sketch.doc.path.keys;
    const shown = list.length <= 60;
    while (keys.children.length > (shown ? list.length : 0)) keys.lastChild.remove();
    if (shown) list.forEach((key, i) => {
      const g = keys.children[i] || keys.appendChild(s("g", { class: "gm-k-key", "data-hit": "key", tabindex: "0", role: "button" }, s("circle", { r: 20, class: "gm-k-reach" }), s("circle", { r: 6 })));
      const [x, y] = onto(key.position);
      put(g, { transform: `translate(${x} ${y})`, "data-index": i, "aria-pressed": String(sketch.selected === i), "aria-label": `Key ${i + 1} of ${list.length}` });
    });
    const chosen = sketch.selected !== null ? list[sketch.selected] : null;
    put(aim, { hidden: !chosen?.target, "aria-label": "What this key looks at" });
    aim.style.display = chosen?.target ? "" : "none";
    put(sight, { d: "" });
    if (chosen?.target) {
      const [x, y] = onto(chosen.target);
      put(aim, { transform: `translate(${x} ${y})` });
      put(sight, { d: `M${onto(chosen.position).join(" ")}L${x} ${y}` });
    }
  }

  function drawCamera() {
    const now = reader(sketch.doc.path)(sketch.time);
    const half = (12 / now.focal) * sketch.aspect;
    const far = 34 / view.metre;
    const reach = (side) => now.position.map((v, i) => v + far * (column(now.rotation, 2)[i] + (draws ? side * half * column(now.rotation, 0)[i] : (side * 12 * column(now.rotation, 1)[i]) / now.focal)));
    put(camera, { d: `M${onto(now.position).join(" ")}L${onto(reach(-1)).join(" ")}L${onto(reach(1)).join(" ")}z` });
  }

  function draw(what = "doc") {
    if (!node.clientWidth) return;
    if (what !== "time") { drawCloud(ground, sketch.relief?.() || null, sketch.doc.path, onto, view.metre); drawGrid(); drawThings(); drawWay(); drawKeys(); }
    drawCamera();
  }

  /** Show the whole path, its targets and the stand-ins. */
  function fit() {
    const [u, v] = axes();
    const list = sketch.doc.path.keys;
    const read = progressReader(sketch.doc.path);
    const along = Array.from({ length: 33 }, (_, i) => read(i / 32).position);
    const points = [...along, ...list.filter((k) => k.target && length(sub(k.target, k.position)) < 30).map((k) => k.target), ...(sketch.relief?.() ? extent(sketch.relief(), sketch.doc.path) : []), ...sketch.things().flatMap((t) => [[t.x - radiusOf(t), 0, t.z - radiusOf(t)], [t.x + radiusOf(t), -heightOf(t), t.z + radiusOf(t)]])];
    const range = (axis) => { const all = points.map((p) => axis.sign * p[axis.axis]); return [Math.min(...all), Math.max(...all)]; };
    const [[left, right], [low, high]] = [range(u), range(v)];
    const [w, h] = size();
    view.metre = clamp(Math.min((w - 72) / Math.max(1, right - left), (h - 76) / Math.max(1, high - low)), 2, 160);
    view.x = (left + right) / 2;
    view.y = (low + high) / 2;
    draw();
  }

  hands();
  return { node, ground, draw, fit };

  /** Pointers and keys. One pointer draws or drags; two, the middle button or Shift move the view; the wheel zooms. */
  function hands() {
    const down = new Map();
    let drag = null;
    const zoom = (factor, [px, py]) => {
      const [w, h] = size();
      const before = [view.x + (px - w / 2) / view.metre, view.y - (py - h / 2) / view.metre];
      view.metre = clamp(view.metre * factor, 1, 400);
      view.x = before[0] - (px - w / 2) / view.metre;
      view.y = before[1] + (py - h / 2) / view.metre;
      draw();
    };
    const pan = (dx, dy) => { view.x -= dx / view.metre; view.y += dy / view.metre; draw(); };
    node.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0015), at(node, event)); }, { passive: false });
    node.addEventListener("pointerdown", (event) => {
      if (event.button === 2) return;
      event.preventDefault();
      node.setPointerCapture(event.pointerId);
      down.set(event.pointerId, at(node, event));
      if (down.size === 2) { drag = { kind: "pinch" }; put(line, { d: "" }); return; }
      const hit = event.target.closest("[data-hit]");
      hit?.focus?.({ preventScroll: true });
      drag = event.button === 1 || event.shiftKey ? { kind: "pan" } : begin(hit, at(node, event));
    });
    node.addEventListener("pointermove", (event) => {
      if (!down.has(event.pointerId)) return;
      const here = at(node, event);
      const before = down.get(event.pointerId);
      down.set(event.pointerId, here);
      if (drag?.kind === "pinch") {
        const other = [...down.entries()].find(([id]) => id !== event.pointerId)?.[1];
        if (!other) return;
        const span = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
        zoom(span(here) / span(before), [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2]);
        pan((here[0] - before[0]) / 2, (here[1] - before[1]) / 2);
      } else if (drag?.kind === "pan") pan(here[0] - before[0], here[1] - before[1]);
      else drag?.move(here);
    });
    const up = (event) => {
      if (!down.delete(event.pointerId)) return;
      if (drag?.end && event.type === "pointerup") drag.end(at(node, event));
      if (!down.size || drag?.kind !== "pinch") drag = null;
      put(line, { d: "" });
      sketch.settle();
    };
    node.addEventListener("pointerup", up);
    node.addEventListener("pointercancel", up);
    node.addEventListener("dblclick", (event) => {
      const progress = nearest(at(node, event));
      if (progress !== null) sketch.addKey(progress);
    });
    node.addEventListener("keydown", nudge);
  }

  /** What dragging from here does. */
  function begin(hit, start) {
    const kind = hit?.dataset.hit;
    const index = Number(hit?.dataset.index);
    const grip = (centre) => { const [x, y] = onto(centre); return ([px, py]) => under([px - start[0] + x, py - start[1] + y], centre); };
    if (kind === "key") {
      sketch.select(index);
      const place = grip(sketch.doc.path.keys[index].position);
      return { move: (here) => { sketch.moveKey(index, above(place(here)), `key${index}`); sketch.seek(sketch.time); } };
    }
    if (kind === "aim") {
      const key = sketch.selected;
      const place = grip(sketch.doc.path.keys[key].target);
      return { move: (here) => sketch.aimKey(key, caught(place(here)), `aim${key}`) };
    }
    if (kind === "thing") {
      const thing = sketch.doc.things[index];
      const place = grip([thing.x, 0, thing.z]);
      return { move: (here) => { const [x, , z] = place(here); sketch.setThing(index, { x: Number(x.toFixed(3)), z: Number(z.toFixed(3)) }, `thing${index}`); } };
    }
    if (!draws) return { kind: "pan" };
    const dots = [start];
    const move = (here) => { dots.push(here); put(line, { d: `M${dots.map((p) => p.map((v) => v.toFixed(1)).join(" ")).join("L")}` }); };
    const end = () => {
      const long = dots.reduce((sum, p, i) => sum + (i ? Math.hypot(p[0] - dots[i - 1][0], p[1] - dots[i - 1][1]) : 0), 0);
      if (long < 12) return sketch.select(null);
      sketch.draw(dots.map((p) => { const [x, , z] = under(p, [0, 0, 0]); return [x, z]; }), sketch.ahead);
    };
    return { move, end };
  }

  /** Cameras stay above the ground. */
  function above(p) {
    return [p[0], Math.min(p[1], -0.02), p[2]];
  }

  /** A target let go near a stand-in is its middle. */
  function caught(point) {
    const [x, y] = onto(point);
    const thing = sketch.things().find((each) => { const [a, b] = onto(middle(each)); return Math.hypot(a - x, b - y) < NEAR_PIXELS; });
    return thing ? middle(thing) : point;
  }

  /** The progress of the path's point under a pixel, or null. */
  function nearest(pixel) {
    const read = progressReader(sketch.doc.path);
    let [best, far] = [null, NEAR_PIXELS];
    for (let i = 0; i <= 400; i++) {
      const [x, y] = onto(read(i / 400).position);
      const away = Math.hypot(x - pixel[0], y - pixel[1]);
      if (away < far) [best, far] = [i / 400, away];
    }
    return best;
  }

  function nudge(event) {
    const hit = event.target.closest("[data-hit]");
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const kind = hit?.dataset.hit;
    const index = kind === "aim" ? sketch.selected : Number(hit?.dataset.index);
    if (!kind || kind === "way") return;
    if (event.key === "Enter" || event.key === " ") { if (kind === "key") sketch.select(index); }
    else if (event.key === "Delete" || event.key === "Backspace") { if (kind === "key") sketch.deleteKey(index); else if (kind === "thing") sketch.deleteThing(index); }
    else if (step) {
      const [u, v] = axes();
      const far = event.shiftKey ? 0.5 : 0.1;
      const moved = (p) => { const q = [...p]; q[u.axis] += u.sign * step[0] * far; q[v.axis] += v.sign * step[1] * far; return q; };
      const key = sketch.doc.path.keys[index];
      if (kind === "key") { sketch.select(index); sketch.moveKey(index, above(moved(key.position)), `nudge${index}`); }
      else if (kind === "aim") sketch.aimKey(index, moved(key.target), `nudge-aim${index}`);
      else { const t = sketch.doc.things[index]; const [x, , z] = moved([t.x, 0, t.z]); sketch.setThing(index, { x, z }, `nudge-thing${index}`); }
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
