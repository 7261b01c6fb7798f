/** What can be done with the clip on the stage: Again, Vary, Use these settings, a frame of it, Extend, Export, Delete. */
import { button, h } from "./dom.js";
import { get, post } from "./api.js";
import { openExport } from "./exporter.js";
import { useAsSource } from "./field_control.js";
import { extend } from "./field_extension.js";
import { takeFrame, takes } from "./field_pictures.js";
import { likeClip, movesPictures, startWith } from "./field_camera.js";
import { field } from "./fields.js";
import { restore } from "./go.js";
import { hands } from "./stage.js";
import { loadClips, set, state } from "./store.js";
import { addFrame } from "./subject/files.js";
import { fail, undoable } from "./toast.js";
import { choose } from "./versus.js";
import { menu } from "./top.js";

/** The row of buttons under the player. */
export function actions() {
  const frame = button("frame", "Use this frame as a picture, or the move of this clip", () => menu(frame, places()), { word: "Frame", kind: "gm-terse" });
  const source = button("source", "Use this clip as source in the Control tab", () => useAsSource(state.clip), { word: "Source", kind: "gm-terse" });
  const longer = button("extend", "Extend this clip", () => menu(longer, ways()), { word: "Extend", kind: "gm-terse" });
  return h(
    "div",
    { class: "gm-actions", role: "toolbar", "aria-label": "This clip" },
    button("again", "Again: the same request, the same seed", () => make(false), { word: "Again", kind: "gm-terse" }),
    button("vary", "Vary: the same request, a new seed", () => make(true), { word: "Vary", kind: "gm-terse" }),
    button("use", "Use these settings in the form", useSettings, { word: "Use settings", kind: "gm-terse" }),
    frame,
    longer,
    source,
    button("compare", "Compare with another take, one over the other", choose, { word: "Compare", kind: "gm-terse" }),
    button("export", "Export", () => openExport(state.clip), { word: "Export", kind: "gm-terse" }),
    button("info", "Details", () => document.documentElement.classList.toggle("gm-details"), { kind: "gm-narrow-only" }),
  );
}

const PLACES = [["start", "Use as start picture"], ["key", "Use as key picture"], ["end", "Use as end picture"]];
const note = (words) => ({ node: h("p", { class: "gm-menu-note" }, words) });

function places() {
  const can = PLACES.filter(([where]) => takes(where));
  const list = can.map(([where, word]) => ({ word, run: () => takeFrame(where) }));
  if (movesPictures()) list.push({ word: "Move the camera through it", run: () => startWith() });
  list.push({ word: "Move like this clip", run: () => likeClip(state.clip) });
  list.push({ word: "Add to the pictures of a subject", run: () => { hands.rest(); addFrame(state.clip, hands.frame()); } });
  return can.length < PLACES.length ? [...list, note(can.length ? "The chosen model takes no other pictures." : "The chosen model takes no pictures.")] : list;
}

function ways() {
  const reason = field("extension")?.spec().reason;
  if (reason) return [note(reason)];
  return [
    { word: "Forward, from its last frames", run: () => extend(state.clip, "forward") },
    { word: "Backward, from its first frames", run: () => extend(state.clip, "backward") },
  ];
}

async function make(vary) {
  try {
    const { jobs } = await post(`clips/${state.clip.id}/again`, { takes: 1, vary });
    set({ watch: jobs[0], tab: state.form });
  } catch (error) {
    fail(error);
  }
}

/** Put the shown clip's request into the form, its seed locked. */
export async function useSettings() {
  if (!state.clip) return;
  try {
    const clip = await get(`clips/${state.clip.id}`);
    await restore({ request: clip.request });
  } catch (error) {
    fail(error);
  }
}

const rated = new Map(); // the last rating of each clip that is on its way: of two, the later one stays

/** Rate the shown clip; the same number again takes the rating away. */
export async function rate(rating, clip = state.clip) {
  if (!clip) return;
  const value = clip.rating === rating ? 0 : rating;
  const changed = { ...clip, rating: value };
  const clips = state.clips?.map((each) => (each.id === clip.id ? changed : each));
  set({ clips, clip: state.clip?.id === clip.id ? changed : state.clip });
  window.dispatchEvent(new CustomEvent("gimbal:clip", { detail: changed }));
  const before = rated.get(clip.id);
  const send = () => post(`clips/${clip.id}/rate`, { rating: value });
  const sent = (before ? before.then(send) : send()).catch(fail);
  rated.set(clip.id, sent);
  await sent;
  if (rated.get(clip.id) === sent) rated.delete(clip.id);
}

/** Give all of several clips one rating. */
export async function rateAll(rating, clips) {
  set({ picked: state.picked.map((clip) => ({ ...clip, rating })) });
  await Promise.all(clips.filter((clip) => clip.rating !== rating).map((clip) => rate(rating, clip)));
}

/** Move clips to the trash; one click or Ctrl+Z brings them back. */
export async function remove(clips) {
  const ids = clips.map((clip) => clip.id);
  if (!ids.length) return;
  const at = state.clips?.findIndex((clip) => clip.id === ids[0]) ?? -1;
  try {
    await post("clips/delete", { ids });
    set({ picked: [], ...(ids.includes(state.against?.id) ? { against: null } : {}) });
    await refresh();
    if (state.clip && ids.includes(state.clip.id)) set({ clip: state.clips[Math.max(0, Math.min(at, state.clips.length - 1))] || null });
    undoable(ids.length > 1 ? `${ids.length} clips deleted.` : "The clip is deleted.", async () => {
      await post("clips/restore", { ids });
      await refresh();
      set({ clip: clips[0] });
    });
  } catch (error) {
    fail(error);
  }
}

async function refresh() {
  await loadClips();
  window.dispatchEvent(new CustomEvent("gimbal:library"));
}
