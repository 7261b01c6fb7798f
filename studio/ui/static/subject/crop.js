/** The part of a picture that is the subject: drag it, pull its edges, draw it anew, or use the arrows and + and -. */
import { h } from "../dom.js";

const LEAST = 0.05;
const WORDS = "Where the subject is. Arrows move it, + and - size it.";
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const fine = (value) => Number(value.toFixed(4));

/** {node, show(src, box)}; `change(box)` is called with what a person made of it. */
export function makeCrop(change) {
  const image = h("img", { alt: "", draggable: "false" });
  const frame = h("div", { class: "gm-s-frame", tabindex: "0", role: "application", "aria-label": WORDS, title: WORDS }, ["nw", "ne", "sw", "se"].map((corner) => h("i", { class: `gm-s-${corner}` })));
  const node = h("div", { class: "gm-s-picture" }, image, frame);
  let box = null;
  image.addEventListener("load", () => node.style.setProperty("--ratio", String(image.naturalWidth / image.naturalHeight)));

  function draw() {
    frame.hidden = !box;
    if (!box) return;
    const percent = (share) => `${100 * share}%`;
    Object.assign(frame.style, { left: percent(box.left), top: percent(box.top), width: percent(box.width), height: percent(box.height) });
  }
  function take(next) {
    const width = clamp(next.width, LEAST, 1);
    const height = clamp(next.height, LEAST, 1);
    box = { left: fine(clamp(next.left, 0, 1 - width)), top: fine(clamp(next.top, 0, 1 - height)), width: fine(width), height: fine(height) };
    draw();
  }
  const done = () => change({ ...box });

  /** Which sides a press at a point of the picture takes hold of: some, [] for all of it, null for a new one. */
  function held(x, y, wide, high) {
    if (!box) return null;
    const [left, top] = [box.left * wide, box.top * high];
    const [right, bottom] = [left + box.width * wide, top + box.height * high];
    const near = Math.min(16, 0.3 * (right - left), 0.3 * (bottom - top));
    if (x < left - near || x > right + near || y < top - near || y > bottom + near) return null;
    return [Math.abs(x - left) < near && "left", Math.abs(x - right) < near && "right", Math.abs(y - top) < near && "top", Math.abs(y - bottom) < near && "bottom"].filter(Boolean);
  }
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    frame.focus({ preventScroll: true });
    const rect = node.getBoundingClientRect();
    const at = (now) => [clamp((now.clientX - rect.left) / rect.width, 0, 1), clamp((now.clientY - rect.top) / rect.height, 0, 1)];
    const [x, y] = at(event);
    const sides = held(event.clientX - rect.left, event.clientY - rect.top, rect.width, rect.height);
    const before = box;
    let moved = false;
    node.setPointerCapture(event.pointerId);
    const follow = (now) => {
      const [u, v] = at(now);
      moved ||= Math.hypot((u - x) * rect.width, (v - y) * rect.height) > 3;
      if (!moved) return;
      if (!sides) return take({ left: Math.min(u, x), top: Math.min(v, y), width: Math.abs(u - x), height: Math.abs(v - y) });
      if (!sides.length) return take({ ...before, left: before.left + u - x, top: before.top + v - y });
      const edge = { left: before.left, top: before.top, right: before.left + before.width, bottom: before.top + before.height };
      for (const side of sides) edge[side] = side === "left" ? Math.min(u, edge.right - LEAST) : side === "right" ? Math.max(u, edge.left + LEAST) : side === "top" ? Math.min(v, edge.bottom - LEAST) : Math.max(v, edge.top + LEAST);
      take({ left: edge.left, top: edge.top, width: edge.right - edge.left, height: edge.bottom - edge.top });
    };
    const end = () => {
      node.removeEventListener("pointermove", follow);
      for (const name of ["pointerup", "pointercancel"]) node.removeEventListener(name, end);
      if (moved) done();
    };
    node.addEventListener("pointermove", follow);
    for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, end);
  });
  frame.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const factor = { "+": 1.08, "=": 1.08, "-": 1 / 1.08 }[event.key];
    if (!box || (!by && !factor)) return;
    event.preventDefault();
    event.stopPropagation();
    if (by) take({ ...box, left: box.left + by[0], top: box.top + by[1] });
    else take({ left: box.left - (box.width * (factor - 1)) / 2, top: box.top - (box.height * (factor - 1)) / 2, width: box.width * factor, height: box.height * factor });
    done();
  });
  const show = (src, next) => {
    if (image.getAttribute("src") !== src) image.src = src;
    box = next && { ...next };
    draw();
  };
  return { node, show };
}
