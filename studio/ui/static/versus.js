/** Two takes one over the other, on one clock, with a line between them and what differs in how they were made. */
import { button, h, plain, text } from "./dom.js";
import { get } from "./api.js";
import { makeReel, makeTransport } from "./reel.js";
import { set, state } from "./store.js";
import { fail, tell } from "./toast.js";
import { makeWipe } from "./wipe.js";

const DIFFERENCES = [
  ["seed", "seed"], ["model", "model"], ["steps", "steps"], ["guidance", "prompt strength"], ["num_frames", "frames"], ["fps", "fps"],
  ["size", "size"], ["draft", "draft"], ["prompt", "prompt"], ["negative_prompt", "avoid"], ["conditioning", "what it is given"], ["camera", "camera"], ["adapters", "look"], ["subjects", "subjects"],
];
const MOST_CHARS = 18;

/** Show two clips over one another; in the tabs that lay something of their own over the stage, the first tab does. */
export function compare(clip, against) {
  set({ clip, against, choosing: false, watch: null, picked: [], tab: ["text", "image"].includes(state.form) ? state.form : "text" });
}

/** Let the next click on a take choose what the clip on the stage is compared with. */
export function choose() {
  if ((state.clips?.length || 0) < 2) return tell("There is only one take yet.", { hint: "Press Again or Vary to make another." });
  set({ choosing: !state.choosing });
  if (state.choosing) tell("Choose the other take below.", { hint: "Ctrl and a click on a take does the same.", seconds: 5 });
}

/** The view of the stage: {node, show([clip, against]), rest(), reel}. */
export function makeVersus() {
  const wipe = makeWipe();
  const reel = makeReel();
  const transport = makeTransport(reel);
  const film = (word) => h("video", { class: "gm-c-film", muted: true, playsinline: true, preload: "auto", "aria-label": word });
  const [left, right] = [film("Left take"), film("Right take")];
  const told = h("p", { class: "gm-muted gm-num gm-versus-told", "aria-live": "polite" });
  const bar = h("div", { class: "gm-actions", role: "toolbar", "aria-label": "These two takes" },
    button("loop", "Swap the sides", () => set({ clip: state.against, against: state.clip }), { word: "Swap" }),
    button("close", "End the comparison", () => set({ against: null }), { word: "End", keys: "Esc" }));
  const node = h("div", { class: "gm-view gm-view-versus" }, h("div", { class: "gm-canvas" }, wipe.node), transport.node, told, bar);
  const known = new Map(); // id -> the request of a clip
  let shown = "";

  async function request({ id }) {
    if (!known.has(id)) known.set(id, (await get(`clips/${id}`)).request);
    return known.get(id);
  }
  async function tellDifference(pair, key) {
    const [one, other] = await Promise.all(pair.map(request));
    if (shown === key) text(told, difference(one, other));
  }
  return {
    node, reel,
    show(pair) {
      const key = pair.map(({ id }) => id).join();
      if (shown === key) return;
      shown = key;
      const [clip, against] = pair;
      for (const [video, { url, poster }] of [[left, clip], [right, against]]) Object.assign(video, { poster, src: url });
      wipe.show({ left, right, words: [`Seed ${clip.seed}`, `Seed ${against.seed}`] }, clip.width / clip.height);
      reel.shape({ frames: Math.round(Math.max(clip.seconds, against.seconds) * clip.fps), fps: clip.fps });
      for (const video of [left, right]) reel.add(video);
      reel.play();
      text(told, " ");
      tellDifference(pair, key).catch(fail);
    },
    /** Stop and forget both, so that nothing plays unseen. */
    rest() {
      if (!shown) return;
      shown = "";
      reel.hold();
      for (const video of [left, right]) {
        reel.remove(video);
        video.removeAttribute("src");
        video.load();
      }
    },
  };
}

/** In which settings two requests differ, in one line. */
function difference(one, other) {
  const value = (request, name) => (name === "size" ? `${request.width} × ${request.height}` : request[name]);
  const differing = DIFFERENCES.filter(([name]) => JSON.stringify(value(one, name)) !== JSON.stringify(value(other, name)));
  if (!differing.length) return "The same settings and the same seed.";
  const short = (raw) => (typeof raw === "number" ? plain(raw) : typeof raw === "string" && raw.length <= MOST_CHARS ? raw || "none" : null);
  return `Differ in ${differing.map(([name, word]) => {
    const [a, b] = [short(value(one, name)), short(value(other, name))];
    return a && b ? `${word} ${a} and ${b}` : word;
  }).join(" · ")}`;
}
