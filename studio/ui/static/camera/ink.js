/** Drawing on the start picture, by mouse, pen, finger or keys: a layer over the lens. */
import { frameAt } from "./sketch.js";
import { moveOf } from "./stroke_on.js";
import { at, put, s } from "./svg.js";
import { clamp } from "./vectors.js";

const STEP = 0.02;

/** {node, draw()}. `relief()` is what lies in the picture; `say(words)` tells what a stroke became. */
export function makeInk(sketch, relief, say) {
  const line = s("path", { class: "gm-k-stroke" });
  const cross = s("path", { class: "gm-k-cross", d: "M-9 0H-3M3 0H9M0-9V-3M0 3V9" });
  const label = "The start picture. Draw on it: onto a thing to push in towards it, across to move past. By keys: arrows move the cross, Enter begins and ends a stroke.";
  const node = s("svg", { class: "gm-k-ink", "data-hit": "picture", tabindex: "0", role: "application", "aria-label": label }, line, cross);
  let stroke = null;
  let spot = [0.5, 0.8];
  let byKeys = false;

  const size = () => [node.clientWidth || 1, node.clientHeight || 1];
  const place = (event) => { const [x, y] = at(node, event); const [w, h] = size(); return [clamp(x / w, 0, 1), clamp(y / h, 0, 1)]; };
  function show() {
    const [w, h] = size();
    put(line, { d: stroke?.length > 1 ? `M${stroke.map(([u, v]) => `${(u * w).toFixed(1)} ${(v * h).toFixed(1)}`).join("L")}` : "" });
    put(cross, { transform: `translate(${spot[0] * w} ${spot[1] * h})` });
    cross.style.display = byKeys ? "" : "none";
  }
  /** Strokes mean what the first frame shows. */
  function begin(where) {
    sketch.pause?.();
    if (frameAt(sketch) > 0) sketch.seek(0);
    stroke = [where];
  }
  function end() {
    const drawn = stroke;
    stroke = null;
    show();
    const made = drawn?.length > 1 && relief() && moveOf(drawn, relief(), sketch.doc.path, sketch.aspect);
    if (!made) return;
    sketch.put(made.path, { select: null });
    say(made.words);
  }
  node.addEventListener("pointerdown", (event) => {
    if (event.button || !relief()) return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    byKeys = false;
    begin(place(event));
  });
  node.addEventListener("pointermove", (event) => { if (stroke && !byKeys) { stroke.push(place(event)); show(); } });
  node.addEventListener("pointerup", () => { if (!byKeys) end(); });
  node.addEventListener("pointercancel", () => { if (!byKeys) { stroke = null; show(); } });
  node.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!relief() || (!way && !["Enter", " ", "Escape"].includes(event.key))) return;
    if (event.key === "Escape" && !stroke) return;
    event.preventDefault();
    event.stopPropagation();
    byKeys = true;
    if (way) {
      const far = STEP * (event.shiftKey ? 5 : 1);
      spot = [clamp(spot[0] + far * way[0], 0, 1), clamp(spot[1] + far * way[1], 0, 1)];
      stroke?.push(spot);
    } else if (event.key === "Escape") stroke = null;
    else if (stroke) end();
    else begin(spot);
    show();
  });
  node.addEventListener("blur", () => { if (byKeys) { stroke = null; byKeys = false; show(); } });
  return { node, draw: show };
}
