/** Pictures the clip must show: at its start, at its end and at frames in between, each with its visible frame. */
import { button, h, icon, text } from "./dom.js";
import { post, send } from "./api.js";
import { covered } from "./field_extension.js";
import { field as control, heading } from "./fields.js";
import { makeFraming, partOf } from "./framing.js";
import { on, set, state } from "./store.js";
import { hands } from "./stage.js";
import { makeTimes } from "./times.js";
import { fail, tell } from "./toast.js";
import { menu } from "./top.js";

const NAMES = { start: "Start", end: "End", key: "Key" };
const WORDS = { start: "start picture", end: "end picture", keys: "key pictures" };
const length = () => control("num_frames")?.value() || 1;
const aspect = () => { const [width, height] = control("size")?.value() || [1, 1]; return width / height; };
let select = () => {};

/** Put a picture at "start", "end", "key" (a free frame in between) or in place of a key's (its number), and show it. */
export function place(where, picture) {
  const pictures = control("pictures");
  const value = pictures.value() || {};
  set({ tab: "image" });
  const keys = value.keys || [];
  if (typeof where === "number") pictures.put({ ...value, keys: keys.map((key, i) => (i === where ? { ...picture, frame: key.frame } : key)) });
  else if (where !== "key") pictures.put({ ...value, [where]: picture });
  else pictures.put({ ...value, keys: [...keys, { ...picture, frame: free(keys) }] });
  select(where === "key" ? keys.length : where);
}

/** Keep a brought file and put it somewhere; what had to be done to it is told. */
export async function bring(file, where) {
  try {
    const { notes, ...picture } = await send("pictures", file);
    place(where, notes?.length ? { ...picture, notes } : picture);
    if (notes?.length) tell(`${file.name}: ${notes.join(" ")}`);
  } catch (error) {
    fail(error);
  }
}

/** Keep the frame of the clip that the player stands at, and put it somewhere. */
export async function takeFrame(where) {
  hands.rest();
  try {
    place(where, await post(`clips/${state.clip.id}/frame`, { frame: hands.frame() }));
  } catch (error) {
    fail(error);
  }
}

/** Whether the model takes a picture there: "start", "end" or "key". */
export function takes(where) {
  const spec = control("pictures")?.spec();
  return Boolean(spec?.extra?.takes?.[where === "key" ? "keys" : where]);
}

/** The first place that a picture without one would go to. */
export function nextPlace() {
  const value = control("pictures")?.value() || {};
  if (!value.start && takes("start")) return "start";
  return !value.end && takes("end") ? "end" : takes("start") ? "start" : "end";
}

/** A frame on the grid between start and end, as far from other keys as can be. */
function free(keys) {
  const step = control("pictures").spec().step || 1;
  const last = length() - 1;
  const taken = [0, last, ...keys.map((key) => key.frame)];
  let best = Math.min(last, step);
  for (let frame = step; frame < last; frame += step) {
    const gap = (at) => Math.min(...taken.map((other) => Math.abs(other - at)));
    if (gap(frame) > gap(best)) best = frame;
  }
  return best;
}

export function pictures(field) {
  const { spec, put, id } = field;
  const can = spec.extra.takes;
  const chooser = h("input", { id, type: "file", accept: "image/*", class: "gm-file", tabindex: "-1", "aria-hidden": "true" });
  let goal = "start";
  chooser.addEventListener("change", () => { if (chooser.files[0]) bring(chooser.files[0], goal); chooser.value = ""; });
  const choose = (where) => { goal = where; chooser.click(); };
  let chosen = "start"; // or "end", or the number of a key
  const value = () => field.value() || {};
  const of = (which) => (typeof which === "number" ? value().keys?.[which] : value()[which]);
  const change = (which, patch) => {
    const now = value();
    if (typeof which !== "number") return put({ ...now, [which]: patch && { ...now[which], ...patch } });
    const keys = patch ? now.keys.map((key, i) => (i === which ? { ...key, ...patch } : key)) : now.keys.filter((_, i) => i !== which);
    put({ ...now, keys: keys.length ? keys : undefined });
  };
  select = (which) => { chosen = which; show(); };

  const tiles = h("div", { class: "gm-tiles" });
  const times = makeTimes({ pick: (which) => select(which), move: (which, frame) => change(which, { frame }) });
  const framing = makeFraming((patch) => change(chosen, patch));
  const facts = h("p", { class: "gm-note gm-picture-facts" });
  const notes = h("p", { class: "gm-reason" });
  const at = h("input", { type: "text", inputmode: "numeric", class: "gm-number", "aria-label": "Frame of this key picture" });
  at.addEventListener("change", () => {
    const frame = Math.round(Number(at.value)) - 1;
    if (frame >= 0 && frame < length()) change(chosen, { frame });
    show();
  });
  const when = h("label", { class: "gm-entry" }, h("span", {}, "At frame"), at);
  const replace = button("", "Choose another picture", () => menu(replace, sources(chosen)), { word: "Replace" });
  const remove = button("trash", "Remove this picture", () => { change(chosen, null); select(typeof chosen === "number" ? "start" : chosen); });
  const editor = h("div", { class: "gm-picture-editor" }, framing.node, h("div", { class: "gm-line-pair" }, facts, when, replace, remove), notes);
  const missing = h("p", { class: "gm-reason" });

  function sources(where) {
    const list = [{ word: "Choose a file…", run: () => choose(where) }];
    if (onStage()) list.push({ word: "The frame on the stage", side: String(hands.frame() + 1), run: () => takeFrame(where) });
    return list;
  }
  function tile(which, label, picture, allowed) {
    const goes = typeof which === "number" ? "key" : which;
    const face = picture ? cut(picture) : icon("plus");
    const act = (event) => (picture ? select(which) : menu(event.currentTarget, sources(goes)));
    const words = picture ? `${label}: ${picture.name || "picture"}` : `Add ${label.toLowerCase()} picture`;
    const why = which === covered() ? "The clip it goes on from gives these frames." : allowed ? words : `This model takes no ${WORDS[goes === "key" ? "keys" : goes]}.`;
    const one = h("button", { type: "button", class: "gm-slot", disabled: !allowed || which === covered(), dataset: { place: goes }, "aria-label": words, title: why, onclick: act }, h("span", { class: "gm-slot-face" }, face), h("span", {}, label));
    one.style.setProperty("--ratio", String(aspect()));
    one.setAttribute("aria-pressed", String(Boolean(picture) && which === chosen));
    return one;
  }
  function show() {
    const now = value();
    const keys = (now.keys || []).map((key, i) => ({ key, i })).sort((a, b) => a.key.frame - b.key.frame);
    if (!of(chosen)) chosen = now.start ? "start" : now.end ? "end" : keys.length ? keys[0].i : "start";
    const picture = of(chosen);
    tiles.replaceChildren(
      tile("start", NAMES.start, now.start, can.start),
      ...keys.map(({ key, i }) => tile(i, `Frame ${key.frame + 1}`, key, can.keys)),
      tile("key", NAMES.key, null, can.keys && keys.length < 8),
      tile("end", NAMES.end, now.end, can.end),
    );
    const marks = [now.start && ["start", 0, false], ...keys.map(({ key, i }) => [i, key.frame, true]), now.end && ["end", length() - 1, false]].filter(Boolean);
    times.node.hidden = !marks.length;
    times.show(marks, { length: length(), step: spec.step, chosen });
    editor.hidden = !picture;
    when.hidden = typeof chosen !== "number";
    if (picture) {
      framing.show(picture, aspect());
      at.value = String((picture.frame ?? 0) + 1);
      text(facts, told(picture));
      facts.title = told(picture);
      text(notes, (picture.notes || []).join(" "));
      notes.hidden = !picture.notes?.length;
    }
    const no = Object.entries(WORDS).filter(([where]) => !can[where]).map(([, word]) => word);
    const reasons = [no.length && `This model takes no ${no.join(" and no ")}.`, covered() && `The clip below gives the ${covered() === "start" ? "first" : "last"} frames.`].filter(Boolean);
    missing.hidden = !reasons.length || Boolean(spec.reason);
    text(missing, reasons.join(" "));
  }
  let shape = "";
  on("look", () => { // another size or length changes every frame
    const now = `${aspect()} ${length()} ${covered()}`;
    if (now !== shape) { shape = now; if (document.contains(tiles)) show(); }
  });
  return { nodes: [heading(field, chooser), tiles, missing, times.node, editor], show };
}

const onStage = () => state.clip && document.documentElement.dataset.stage === "clip";

function told(picture) {
  const size = picture.width ? `${picture.width} × ${picture.height}` : "";
  return [picture.name, size].filter(Boolean).join(" · ");
}

/** A small copy of the part that is sent, in the clip's shape. */
function cut(picture) {
  const image = h("img", { alt: "", draggable: "false" });
  const draw = () => {
    if (picture.mode === "fit") { image.style.cssText = "width:100%;height:100%;object-fit:contain"; return; }
    const [columns, rows] = [image.naturalWidth, image.naturalHeight];
    const part = partOf(picture, columns, rows, aspect());
    image.style.cssText = `width:${(100 * columns) / part.width}%;height:${(100 * rows) / part.height}%;left:${(-100 * part.left) / part.width}%;top:${(-100 * part.top) / part.height}%`;
  };
  image.addEventListener("load", draw);
  image.src = `/gimbal/media/pictures/${picture.media}`;
  return image;
}
