/** Paint a mask over the frame that is shown: brush, eraser, box, with a mouse, a finger or the keyboard. */
import { button, h, text } from "../dom.js";
import { drawShapes, isEmpty } from "./strokes.js";

const TOOLS = [["brush", "Brush", "B"], ["eraser", "Eraser", "E"], ["box", "Box", "X"]];
const [THINNEST, THICKEST] = [0.01, 0.6];
const STEP = 0.02; // of the width, for one press of an arrow

/**
 * {canvas, tools, show(), key(event)}: `canvas` lies over the film, `tools` stands above it.
 *
 * look: {frame(), hold(), inverted(), invert()}: the number of the shown frame, stand still there, and which side of
 * the paint is made anew.
 */
export function makePainter(strokes, look) {
  let tool = "brush";
  let size = 0.12;
  let current = null; // the shape under the pointer
  let spot = null; // where the keyboard's or the mouse's brush is
  const label = "Mask of this frame. Arrows move the brush, Space paints, square brackets size it.";
  const canvas = h("canvas", { class: "gm-c-paint", tabindex: "0", role: "application", "aria-label": label });
  const ring = h("i", { class: "gm-c-ring", "aria-hidden": "true", hidden: true });
  const layer = h("div", { class: "gm-c-layer" }, canvas, ring);
  const here = () => strokes.shapes[look.frame()] || [];

  function draw() {
    const box = layer.getBoundingClientRect();
    const wide = Math.round(box.width * Math.min(2, devicePixelRatio));
    const high = Math.round(box.height * Math.min(2, devicePixelRatio));
    if (!wide || !high) return;
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    const shapes = current ? [...here(), current] : here();
    const invert = look.inverted() && shapes.length > 0;
    drawShapes(canvas, shapes, { colour: getComputedStyle(layer).getPropertyValue("--paint") || "#f2a33c", invert });
  }
  function point(event) {
    const box = layer.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }
  function showRing(at, keyboard = false) {
    spot = at;
    ring.hidden = !at || tool === "box";
    if (ring.hidden) return;
    ring.classList.toggle("gm-on", keyboard);
    Object.assign(ring.style, { left: `${100 * at[0]}%`, top: `${100 * at[1]}%`, width: `${100 * size}%` });
  }
  const begin = (at) => { current = tool === "box" ? { tool, box: [...at, ...at] } : { tool, size, points: [at] }; draw(); };
  function extend(at) {
    if (current.tool === "box") current.box = [...current.box.slice(0, 2), ...at.map((v) => Math.max(0, Math.min(1, v)))];
    else current.points.push(at);
    draw();
  }
  function end(keep) {
    const shape = current;
    current = null;
    const thin = shape?.tool === "box" && (Math.abs(shape.box[0] - shape.box[2]) < 0.005 || Math.abs(shape.box[1] - shape.box[3]) < 0.005);
    if (shape && keep && !thin) strokes.put(look.frame(), shape);
    draw();
  }
  layer.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return end(false);
    event.preventDefault();
    look.hold();
    canvas.focus({ preventScroll: true });
    layer.setPointerCapture(event.pointerId);
    begin(point(event));
  });
  layer.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") showRing(point(event));
    if (current && event.isPrimary) for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) extend(point(each));
  });
  layer.addEventListener("pointerup", () => current && end(true));
  layer.addEventListener("pointercancel", () => end(false));
  layer.addEventListener("pointerleave", () => { if (!current) showRing(null); });

  const picks = TOOLS.map(([name, word, key]) => h("button", { type: "button", role: "radio", dataset: { tool: name }, title: `${word}  (${key})`, onclick: () => choose(name) }, word));
  const sizer = h("input", { type: "range", min: "0", max: "1", step: "0.01", class: "gm-c-sizer", "aria-label": "Size of the brush" });
  const ratio = THICKEST / THINNEST;
  sizer.addEventListener("input", () => grow(THINNEST * ratio ** Number(sizer.value)));
  const undo = button("reset", "Undo", () => strokes.undo(), { keys: "Ctrl Z" });
  const redo = button("again", "Redo", () => strokes.redo(), { keys: "Ctrl Shift Z" });
  const invert = button("", "The other way round: everything but what is painted", () => look.invert(), { word: "Invert", keys: "I" });
  const clear = button("", "Nothing is painted on this frame", () => strokes.clear(look.frame()), { word: "Clear" });
  const tools = h("div", { class: "gm-c-painting", role: "toolbar", "aria-label": "Painting" },
    h("div", { class: "gm-segments gm-c-picks", role: "radiogroup", "aria-label": "Tool" }, picks), sizer, undo, redo, invert, clear);
  function choose(name) {
    tool = name;
    show();
  }
  function grow(to) {
    size = Math.max(THINNEST, Math.min(THICKEST, to));
    if (spot) showRing(spot, true);
    show();
  }
  function show() {
    for (const pick of picks) pick.setAttribute("aria-checked", String(pick.dataset.tool === tool));
    const place = Math.log(size / THINNEST) / Math.log(ratio);
    if (document.activeElement !== sizer) sizer.value = String(place);
    sizer.style.setProperty("--at", `${100 * place}%`);
    layer.dataset.tool = tool;
    undo.disabled = !strokes.past.length;
    redo.disabled = !strokes.future.length;
    clear.disabled = !here().length;
    invert.setAttribute("aria-pressed", String(look.inverted()));
    draw();
  }
  /** A key of the open painter; true where it meant something here. */
  function key(event) {
    const held = event.ctrlKey || event.metaKey;
    const name = event.key.toLowerCase();
    if (held && name === "z") return (event.shiftKey ? strokes.redo() : strokes.undo()) || strokes.past.length > 0;
    if (held && name === "y") return strokes.redo();
    if (held || event.altKey) return false;
    const pick = TOOLS.find(([, , letter]) => letter.toLowerCase() === name);
    if (pick) choose(pick[0]);
    else if (name === "i") look.invert();
    else if (name === "[" || name === "]") grow(size * (name === "[" ? 1 / 1.2 : 1.2));
    else if (document.activeElement === canvas) return hand(event);
    else return false;
    return true;
  }
  /** The keyboard as a hand: arrows move the brush (and draw while a stroke is begun), Space begins and ends it. */
  function hand(event) {
    const by = STEP * (event.shiftKey ? 4 : 1);
    const way = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    const at = spot || [0.5, 0.5];
    if (way) {
      const next = at.map((value, i) => Math.max(0, Math.min(1, value + way[i])));
      showRing(next, true);
      if (current) extend(next);
    } else if (event.key === " " || event.key === "Enter") {
      look.hold();
      showRing(at, true);
      if (current) end(true);
      else begin(at);
    } else if (event.key === "Escape" && current) end(false);
    else return false;
    return true;
  }
  canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible") && !spot) showRing([0.5, 0.5], true); });
  canvas.addEventListener("blur", () => { if (current) end(true); showRing(null); });
  strokes.on(show);
  new ResizeObserver(draw).observe(layer);
  return { layer, canvas, tools, show, draw, key, blank: () => isEmpty(here()) };
}
