/** Two films one over the other with a line between them that is drawn to and fro. */
import { h, text } from "./dom.js";

const STEP = 2;

/** {node, show({left, right, words}, aspect)}: left and right are films of one shape; words: the pair at their corners. */
export function makeWipe() {
  const under = h("div", { class: "gm-c-under" });
  const over = h("div", { class: "gm-c-over" });
  const line = h("div", { class: "gm-c-line", role: "slider", tabindex: "0", "aria-label": "Line between both", "aria-valuemin": "0", "aria-valuemax": "100" });
  const corners = [h("span", { class: "gm-c-word" }), h("span", { class: "gm-c-word gm-c-right" })];
  const node = h("div", { class: "gm-c-wipe" }, under, over, line, corners);
  let share = 50;
  let name = "";
  function put(value) {
    share = Math.max(0, Math.min(100, value));
    node.style.setProperty("--wipe", `${share}%`);
    line.setAttribute("aria-valuenow", String(Math.round(share)));
    line.setAttribute("aria-valuetext", `${Math.round(share)} % ${name}`);
  }
  const at = (event) => {
    const box = node.getBoundingClientRect();
    put((100 * (event.clientX - box.left)) / (box.width || 1));
  };
  let held = false;
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = true;
    node.setPointerCapture(event.pointerId);
    line.focus({ preventScroll: true });
    at(event);
    event.preventDefault();
  });
  node.addEventListener("pointermove", (event) => held && at(event));
  for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, () => { held = false; });
  line.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: 0, End: 100 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    put(to);
  });
  put(50);
  function show({ left, right, words }, aspect) {
    corners.forEach((corner, i) => text(corner, words[i]));
    line.setAttribute("aria-label", `Line between ${words.join(" and ").toLowerCase()}`);
    name = words[0].toLowerCase();
    put(share);
    node.style.setProperty("--ratio", String(aspect));
    if (under.firstChild !== right) under.replaceChildren(right);
    if (over.firstChild !== left) over.replaceChildren(left);
  }
  return { node, show };
}
