/** Pose the built-in figure: joints that are dragged on a few key poses; between them the pose follows by itself. */
import { button, h, text } from "../dom.js";
import { at, put, s, soon } from "../camera/svg.js";
import { makeTimes } from "../times.js";
import { between } from "./between.js";
import { HANDLES, LIMBS, NAMES, POSES, drawn, mirrored, poseIn } from "./joints.js";

const NUDGE = 0.005;
const MOST_KEYS = 24;
const MOST_STEPS = 100;
const colour = (place) => `hsl(${place * 20} 100% 50%)`;

/** A first figure: it stands in the middle at the first frame. */
export function firstFigure(aspect) {
  return { keys: [{ frame: 0, joints: poseIn("Standing", aspect) }] };
}

/** {node, tools, show(), key(event)}. The figure is `work.doc.figure`; the frame is the reel's. */
export function makeFigureEditor(work, reel) {
  const past = [];
  const future = [];
  let tag = "";
  const svg = s("svg", { class: "gm-c-figure", role: "application", "aria-label": "The figure. Drag a joint; arrows nudge the chosen one." });
  const limbs = LIMBS.map(([a, b], i) => s("line", { stroke: colour(i), class: "gm-c-limb" }));
  const dots = NAMES.map((name, i) => {
    const handle = HANDLES.includes(i);
    const reachable = handle ? { "data-hit": "joint", "data-joint": i, tabindex: "0", role: "button", "aria-label": name } : {};
    return s("g", { class: handle ? "gm-c-joint" : "gm-c-dot", ...reachable }, handle && s("circle", { r: 20, class: "gm-k-reach" }), s("circle", { r: handle ? 6 : 3, fill: colour(i) }));
  });
  svg.append(...limbs, ...dots);
  const times = makeTimes({ pick: (frame) => reel.seek(frame), move: (frame, to) => moveKey(frame, to) });
  const sheet = h("div", { class: "gm-c-pose" }, svg);
  const node = h("div", { class: "gm-c-posing", hidden: true }, sheet, times.node);
  const pose = h("select", { "aria-label": "Ready pose", onchange: () => { setKey(poseIn(pose.value, aspect(), now())); pose.value = ""; } }, h("option", { value: "" }, "Pose…"), POSES.map(([name]) => h("option", { value: name }, name)));
  const key = button("plus", "Keep this pose at this frame", () => setKey(now()), { word: "Key" });
  const mirror = button("turn", "Mirror the pose", () => setKey(mirrored(now())));
  const remove = button("trash", "Delete the key at this frame", () => dropKey(reel.frame()));
  const undo = button("reset", "Undo", () => travel(past, future), { keys: "Ctrl Z" });
  const redo = button("again", "Redo", () => travel(future, past), { keys: "Ctrl Shift Z" });
  const tools = h("div", { class: "gm-c-painting", role: "toolbar", "aria-label": "Posing", hidden: true }, pose, key, mirror, remove, undo, redo);

  const aspect = () => (work.target ? work.target.width / work.target.height : 1);
  const keys = () => work.doc.figure?.keys || [];
  const now = () => between(keys(), reel.frame()) || poseIn("Standing", aspect());
  function change(next, merge = "") {
    if (!merge || merge !== tag) {
      past.push(work.doc.figure);
      if (past.length > MOST_STEPS) past.shift();
    }
    tag = merge;
    future.length = 0;
    work.change({ figure: { keys: [...next].sort((a, b) => a.frame - b.frame) } });
  }
  function travel(from, to) {
    if (!from.length) return false;
    to.push(work.doc.figure);
    tag = "";
    work.change({ figure: from.pop() });
    return true;
  }
  function setKey(joints, merge) {
    const frame = reel.frame();
    const others = keys().filter((each) => each.frame !== frame);
    if (others.length >= MOST_KEYS) return;
    change([...others, { frame, joints }], merge);
  }
  function dropKey(frame) {
    if (keys().length > 1) change(keys().filter((each) => each.frame !== frame));
  }
  function moveKey(from, to) {
    if (from === to || keys().some((each) => each.frame === to)) return;
    change(keys().map((each) => (each.frame === from ? { ...each, frame: to } : each)), `move`);
    reel.seek(to);
  }

  const size = () => { const box = svg.getBoundingClientRect(); return [box.width || 1, box.height || 1]; };
  function show() {
    if (node.hidden) return;
    if (work.target) reel.shape({ frames: work.target.num_frames, fps: work.target.fps });
    sheet.style.setProperty("--ratio", String(aspect()));
    const joints = now();
    const [wide, high] = size();
    const spots = joints.map(([x, y]) => [x * wide, y * high]);
    const thick = Math.max(3, Math.min(wide, high) / 60);
    LIMBS.forEach(([a, b], i) => put(limbs[i], { x1: spots[a][0], y1: spots[a][1], x2: spots[b][0], y2: spots[b][1], "stroke-width": thick }));
    dots.forEach((dot, i) => put(dot, { transform: `translate(${spots[i][0].toFixed(1)} ${spots[i][1].toFixed(1)})` }));
    const here = keys().some((each) => each.frame === reel.frame());
    svg.classList.toggle("gm-c-between", !here);
    times.show(keys().map((each) => [each.frame, each.frame, true]), { length: reel.frames, step: 1, chosen: reel.frame() });
    remove.disabled = !here || keys().length < 2;
    key.disabled = here;
    undo.disabled = !past.length;
    redo.disabled = !future.length;
    text(key.lastChild, "Key");
  }
  const redraw = soon(show);
  work.on((what) => what === "doc" && redraw());
  reel.on(redraw);
  new ResizeObserver(redraw).observe(sheet);

  let held = null;
  let strokes = 0;
  svg.addEventListener("pointerdown", (event) => {
    const hit = event.target.closest("[data-hit]");
    if (!hit || event.button) return;
    event.preventDefault();
    reel.hold();
    hit.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    held = { joint: Number(hit.dataset.joint), start: now(), tag: `drag${++strokes}` };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = at(svg, event);
    const [wide, high] = size();
    setKey(drawn(held.start, held.joint, [x / wide, y / high], aspect(), event.altKey), held.tag);
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => { held = null; });

  function nudge(event) {
    const joint = document.activeElement?.dataset?.joint;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (joint === undefined || !way) return false;
    const by = NUDGE * (event.shiftKey ? 5 : 1);
    const joints = now();
    const [x, y] = joints[Number(joint)];
    setKey(drawn(joints, Number(joint), [x + (by * way[0]) / aspect(), y + by * way[1]], aspect(), event.altKey), `nudge${joint}`);
    return true;
  }
  return {
    node, tools, show,
    key(event) {
      const ctrl = event.ctrlKey || event.metaKey;
      const name = event.key.toLowerCase();
      if (ctrl && name === "z") return event.shiftKey ? travel(future, past) : travel(past, future);
      if (ctrl) return false;
      if (name === "k") { setKey(now()); return true; }
      if (name === "delete" && !document.activeElement?.closest(".gm-times")) { dropKey(reel.frame()); return true; }
      return nudge(event);
    },
  };
}
