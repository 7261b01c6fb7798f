/** A clip of the library to go on from: forward from its last frames or backward from its first ones. */
import { button, h, icon, text } from "./dom.js";
import { get, post } from "./api.js";
import { field as control, flash, heading } from "./fields.js";
import { on, state } from "./store.js";
import { restore } from "./go.js";
import { fail } from "./toast.js";

/** Go on from a clip: the form takes its prompt, size and rate. */
export async function extend(clip, way) {
  try {
    const { media } = await post(`clips/${clip.id}/source`);
    const keep = Math.min(usual(way, control("extension").spec().step || 1), clip.num_frames);
    const taken = { prompt: clip.prompt, size: [clip.width, clip.height], fps: clip.fps, extension: { media, clip: clip.id, num_frames: clip.num_frames, way, keep } };
    await restore({ values: { ...state.look?.values, ...taken, tab: "image" }, silent: true });
  } catch (error) {
    fail(error);
  }
}

/** Kept frames fill whole groups of the codec: the first frame stands alone in one. */
const usual = (way, step) => (way === "forward" ? step + 1 : step);

/** The place whose picture the clip's own frames stand in for: "start", "end" or none. */
export function covered() {
  const way = control("extension")?.value()?.way;
  return way && (way === "forward" ? "start" : "end");
}

const first = (way) => (way === "forward" ? 1 : 0);

export function extension(field) {
  const { spec, put, id } = field;
  const off = Boolean(spec.reason);
  const take = button("plus", "Go on from the clip on the stage", () => extend(state.clip, "forward"), { word: "Clip on the stage" });
  const film = h("video", { class: "gm-source-film", muted: true, loop: true, playsinline: true, preload: "metadata" });
  film.muted = true;
  const ways = [["forward", "Forward"], ["backward", "Backward"]].map(([way, word]) => h("button", { type: "button", role: "radio", dataset: { way }, onclick: () => turn(way) }, word));
  const keep = h("input", { id, type: "text", inputmode: "numeric", class: "gm-number" });
  const total = h("p", { class: "gm-note gm-num" });
  const remove = button("close", "Go on from no clip", () => put(null), { kind: "" });
  const body = h("div", { class: "gm-extension" },
    h("div", { class: "gm-extension-side" },
      h("div", { class: "gm-segments", role: "radiogroup", "aria-label": "Direction" }, ways),
      h("label", { class: "gm-entry" }, h("span", {}, "Frames seen"), keep)));
  const most = () => Math.min(field.value()?.num_frames || 1e9, (control("num_frames")?.value() || 2) - 1);
  function near(count, way) {
    const step = spec.step || 1;
    const low = way === "forward" ? 1 : Math.min(step, most());
    const steps = Math.round((count - first(way)) / step);
    const room = Math.floor((most() - first(way)) / step);
    return Math.max(low, first(way) + Math.min(steps, room) * step);
  }
  const turn = (way) => put({ ...field.value(), way, keep: near(usual(way, spec.step || 1), way) });
  keep.addEventListener("change", () => {
    const now = field.value();
    const asked = Number(keep.value);
    const count = Number.isFinite(asked) ? near(asked, now.way) : now.keep;
    put({ ...now, keep: count });
    keep.value = String(count);
    if (count !== asked) flash(keep, `${count} is the nearest number of frames that fills whole groups of this model.`);
  });
  /** A restored request names the medium alone. */
  async function learn(value) {
    const known = await get(`media/${value.media}`).catch(() => null);
    if (known && field.value()?.media === value.media) put({ ...field.value(), num_frames: known.num_frames, clip: known.clip || undefined });
  }
  function draw() {
    const value = field.value();
    take.disabled = off || !state.clip;
    take.hidden = Boolean(value);
    remove.hidden = body.hidden = total.hidden = !value;
    if (!value) { film.removeAttribute("src"); return film.remove(); }
    if (!film.isConnected) body.prepend(film);
    const src = `/gimbal/media/pictures/${value.media}`;
    if (film.getAttribute("src") !== src) film.src = src;
    for (const way of ways) way.setAttribute("aria-checked", String(way.dataset.way === value.way));
    if (document.activeElement !== keep) keep.value = String(value.keep);
    const made = (control("num_frames")?.value() || 0) - value.keep;
    const old = value.num_frames;
    const parts = value.way === "forward" ? [old, made] : [made, old];
    text(total, old ? `${parts[0]} + ${parts[1]} = ${old + made} frames; ${made} of them new` : `${made} new frames`);
    if (!old) learn(value);
  }
  body.addEventListener("pointerenter", () => film.play().catch(() => {}));
  body.addEventListener("pointerleave", () => film.pause());
  on("look clip", () => document.contains(body) && draw());
  return { nodes: [heading(field, take, remove), body, total], show: draw };
}
