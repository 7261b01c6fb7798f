/** The visible frame on a picture: what of it the clip shows. Drag it, wheel or +/- to size it, arrows to nudge it. */
import { h } from "./dom.js";

export const MOST_ZOOM = 20;
const MODES = [["fit", "Fit", "All of the picture, between black bars"], ["fill", "Fill", "Cover the frame, cut evenly"], ["crop", "Crop", "A part of your choice"]];
const SHEET = { width: 320, height: 220 };

/** {left, top, width, height} of the shown part in a picture of columns x rows (the same as Framing.box in Python). */
export function partOf(picture, columns, rows, aspect) {
  const { x = 0.5, y = 0.5, zoom = 1 } = picture.mode === "crop" ? picture : {};
  const high = Math.min(columns / aspect, rows) / Math.min(MOST_ZOOM, Math.max(1, zoom));
  const wide = high * aspect;
  const left = Math.min(Math.max(x * columns - wide / 2, 0), columns - wide);
  const top = Math.min(Math.max(y * rows - high / 2, 0), rows - high);
  return { left, top, width: wide, height: high };
}

/**
 * An editor for one picture: {node, show(picture, aspect)}; `change(patch)` is called with what a person changed.
 * film: a video element to frame instead, which its owner fills.
 */
export function makeFraming(change, film = null) {
  const image = film || h("img", { alt: "", draggable: "false" });
  const words = "The part that the clip shows. Arrows move it, + and - size it.";
  const frame = h("div", { class: "gm-frame", tabindex: "0", role: "application", "aria-label": words });
  const sheet = h("div", { class: "gm-sheet" }, image, frame);
  const zoom = h("input", { type: "range", min: "0", max: "1", step: "0.005", "aria-label": "Size of the part" });
  const modes = MODES.map(([mode, word, title]) => h("button", { type: "button", role: "radio", title, dataset: { mode }, onclick: () => change({ mode }) }, word));
  const row = h("div", { class: "gm-segments gm-modes", role: "radiogroup", "aria-label": "How the picture fills the frame" }, modes);
  const node = h("div", { class: "gm-framing" }, h("div", { class: "gm-mat" }, sheet), h("div", { class: "gm-line-pair" }, row, zoom));
  let picture = {};
  let aspect = 1;

  const columns = () => image.naturalWidth || image.videoWidth || picture.width || 1;
  const rows = () => image.naturalHeight || image.videoHeight || picture.height || 1;
  function draw() {
    const shape = picture.mode === "fit" ? aspect : columns() / rows();
    sheet.style.aspectRatio = String(shape);
    sheet.style.width = `min(100%, ${SHEET.height * shape}px)`;
    sheet.dataset.mode = picture.mode || "fill";
    const part = partOf(picture, columns(), rows(), aspect);
    const percent = (value, whole) => `${(100 * value) / whole}%`;
    Object.assign(frame.style, picture.mode === "fit" ? { left: "0", top: "0", width: "100%", height: "100%" } : {
      left: percent(part.left, columns()), top: percent(part.top, rows()), width: percent(part.width, columns()), height: percent(part.height, rows()),
    });
    for (const mode of modes) mode.setAttribute("aria-checked", String(mode.dataset.mode === (picture.mode || "fill")));
    zoom.style.visibility = picture.mode === "crop" ? "visible" : "hidden";
    zoom.value = String(Math.log(picture.mode === "crop" ? picture.zoom || 1 : 1) / Math.log(MOST_ZOOM));
    zoom.style.setProperty("--at", `${100 * zoom.value}%`);
  }
  /** Move or size the part, keeping its centre where the part is really shown. */
  function adjust(dx, dy, factor, done) {
    if (picture.mode === "fit") return;
    const part = partOf(picture, columns(), rows(), aspect);
    const now = picture.mode === "crop" ? picture.zoom || 1 : 1;
    const next = { mode: "crop", zoom: Math.min(MOST_ZOOM, Math.max(1, now * factor)), x: (part.left + part.width / 2) / columns() + dx, y: (part.top + part.height / 2) / rows() + dy };
    const held = partOf(next, columns(), rows(), aspect);
    next.x = Number(((held.left + held.width / 2) / columns()).toFixed(6));
    next.y = Number(((held.top + held.height / 2) / rows()).toFixed(6));
    next.zoom = Number(next.zoom.toFixed(4));
    picture = { ...picture, ...next };
    draw();
    if (done) change(next);
  }
  const told = () => change({ mode: picture.mode, x: picture.x, y: picture.y, zoom: picture.zoom });
  sheet.addEventListener("pointerdown", (event) => {
    if (picture.mode === "fit" || event.button) return;
    event.preventDefault();
    frame.focus({ preventScroll: true });
    sheet.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    const box = sheet.getBoundingClientRect();
    const move = (now) => {
      adjust((now.clientX - x) / box.width, (now.clientY - y) / box.height, 1, false);
      [x, y] = [now.clientX, now.clientY];
    };
    const end = () => {
      sheet.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) sheet.removeEventListener(name, end);
      if (picture.mode === "crop") told();
    };
    sheet.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, end);
  });
  let settle = 0;
  sheet.addEventListener("wheel", (event) => {
    if (picture.mode === "fit") return;
    event.preventDefault();
    adjust(0, 0, Math.exp(-event.deltaY * 0.0015), false);
    clearTimeout(settle);
    settle = setTimeout(told, 200);
  }, { passive: false });
  frame.addEventListener("keydown", (event) => {
    const by = event.shiftKey ? 0.05 : 0.01;
    const act = { ArrowLeft: [-by, 0, 1], ArrowRight: [by, 0, 1], ArrowUp: [0, -by, 1], ArrowDown: [0, by, 1], "+": [0, 0, 1.1], "=": [0, 0, 1.1], "-": [0, 0, 1 / 1.1] }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    adjust(...act, true);
  });
  const size = (done) => adjust(0, 0, MOST_ZOOM ** Number(zoom.value) / (picture.zoom || 1), done);
  zoom.addEventListener("input", () => size(false));
  zoom.addEventListener("change", () => size(true));
  for (const name of ["load", "loadedmetadata"]) image.addEventListener(name, draw);
  function show(next, shape) {
    picture = { mode: "fill", ...next };
    aspect = shape;
    const src = `/gimbal/media/pictures/${picture.media}`;
    if (!film && image.getAttribute("src") !== src) image.src = src;
    draw();
  }
  return { node, show };
}
