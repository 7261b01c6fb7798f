/** Several clips of the library at once: what can be done with those that are picked. */
import { button, h, icon, text } from "./dom.js";
import { rateAll, remove } from "./actions.js";
import { on, set, state } from "./store.js";
import { compare } from "./versus.js";

/** Whether a clip is among the picked ones. */
export const isPicked = (id) => state.picked.some((clip) => clip.id === id);

/** Pick a clip, or no longer. */
export function pick(clip) {
  set({ picked: isPicked(clip.id) ? state.picked.filter(({ id }) => id !== clip.id) : [...state.picked, clip] });
}

/** Pick more clips, each once. */
export function pickAll(clips) {
  set({ picked: [...state.picked, ...clips.filter(({ id }) => !isPicked(id))] });
}

/** The bar at the foot of the library, there while anything is picked. */
export function makePickedBar() {
  const count = h("strong", { class: "gm-num", "aria-live": "polite" });
  const open = button("play", "Open on the stage", () => set({ clip: state.picked[0], watch: null, tab: state.form, picked: [] }), { word: "Open" });
  const versus = button("compare", "Compare two takes, one over the other", () => compare(...state.picked), { word: "Compare" });
  const stars = h("div", { class: "gm-stars", role: "group", "aria-label": "Rate the picked clips" }, [1, 2, 3, 4, 5].map((n) =>
    h("button", { type: "button", class: "gm-star", title: `Rate ${n}  (${n})`, "aria-label": `Rate ${n} of 5`, onclick: () => rateAll(n, state.picked) }, icon("star"))));
  const bin = button("trash", "Delete the picked clips", () => remove(state.picked), { word: "Delete", keys: "Del" });
  const node = h("div", { class: "gm-picked", role: "toolbar", "aria-label": "Picked clips", hidden: true }, count, h("span", { class: "gm-gap" }), open, versus, stars, bin,
    button("close", "Pick none", () => set({ picked: [] }), { keys: "Esc" }));
  on("picked", () => {
    const { length } = state.picked;
    node.hidden = !length;
    text(count, `${length} ${length === 1 ? "clip" : "clips"}`);
    open.disabled = length !== 1;
    versus.disabled = length !== 2;
    const rating = length && state.picked.every((clip) => clip.rating === state.picked[0].rating) ? state.picked[0].rating : 0;
    [...stars.children].forEach((star, i) => star.classList.toggle("gm-on", i < rating));
  });
  return node;
}
