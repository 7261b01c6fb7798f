/** The keys of the window, and the sheet that lists them. */
import { h, typing } from "./dom.js";
import { rate, rateAll, remove } from "./actions.js";
import { generate } from "./go.js";
import { halt, hands } from "./stage.js";
import { isBeside, set, state } from "./store.js";
import { undo } from "./toast.js";

const LIST = [
  ["Ctrl Enter", "Generate"], ["Esc", "Stop, or close what is open"], ["Space", "Play or pause"], ["← →", "Step one frame"],
  ["J  K  L", "Backwards, rest, play (L again: faster)"], ["1 – 5", "Rate"], ["Del", "Delete the clip"], ["Ctrl click", "Compare a take with the clip on the stage; in the library, pick several"], ["Ctrl Z", "Undo a delete or a stroke of the sketch"],
  ["B  E  X", "Brush, eraser, box while a mask is painted; [ ] size them, I inverts"], ["<", "Complete the token of a subject in a prompt"], ["/", "Search"], ["?", "This list"],
];

/** Listen for the whole window. */
export function mount() {
  document.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.metaKey;
    if (held && event.key === "Enter") { event.preventDefault(); return void generate(); }
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return escape();
    if (typing()) return;
    if (held && event.key.toLowerCase() === "z" && !event.shiftKey) { event.preventDefault(); return void undo(); }
    if (held || event.altKey) return;
    const act = plainKey(event.key);
    if (!act || (unseen() && !["/", "?"].includes(event.key))) return;
    if (event.key === " " && document.activeElement?.matches("button, summary, a")) return;
    event.preventDefault();
    act();
  });
}

function escape() {
  const root = document.documentElement.classList;
  if (root.contains("gm-details")) root.remove("gm-details");
  else if (typing()) document.activeElement.blur();
  else if (state.picked.length) set({ picked: [] });
  else if (state.choosing || state.against) set({ choosing: false, against: null });
  else if (state.watch || state.live?.running.some((job) => !isBeside(job))) halt();
  else if (state.queueOpen) set({ queueOpen: false });
}

/** Whether no clip is in sight that keys could mean: the Subject tab shows a subject. */
const unseen = () => document.documentElement.classList.contains("gm-subjecting");

function plainKey(key) {
  if (/^[1-5]$/.test(key)) return () => (state.picked.length ? rateAll(Number(key), state.picked) : rate(Number(key)));
  return {
    " ": () => hands.toggle(),
    ArrowLeft: () => hands.step(-1),
    ArrowRight: () => hands.step(1),
    j: () => hands.shuttle(-1),
    k: () => hands.shuttle(0),
    l: () => hands.shuttle(1),
    Delete: () => (state.picked.length ? remove(state.picked) : state.clip && remove([state.clip])),
    "/": () => { set({ tab: state.tab }); const search = document.getElementById("gm-search"); search.focus(); search.select(); },
    "?": help,
  }[key.length === 1 ? key.toLowerCase() : key];
}

/** Show the list of keys. */
export function help() {
  const dialog = h("dialog", { class: "gm-dialog", "aria-label": "Keys" },
    h("header", {}, h("h2", {}, "Keys"), h("span", { class: "gm-gap" }), h("button", { type: "button", class: "gm-button gm-square", "aria-label": "Close", onclick: () => dialog.close() }, "×")),
    h("dl", { class: "gm-keys" }, LIST.map(([key, what]) => [h("dt", {}, key.split("  ").map((one) => h("kbd", {}, one))), h("dd", {}, what)])),
    h("p", { class: "gm-muted" }, "Drop a clip made by Gimbal anywhere on the window to bring its settings back, a camera file to use its move, or a LoRA or a trained subject to keep it."));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
