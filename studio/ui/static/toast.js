/** Short messages at the foot of the window, with one action at most, and the stack of deletes that can be undone. */
import { h } from "./dom.js";

let tray = null;

/** Say something. `action`: {word, run}. Bad news stays twice as long. */
export function tell(message, { hint = "", action = null, bad = false, seconds = bad ? 12 : 6 } = {}) {
  tray ||= h("div", { id: "gm-toasts", role: "status", "aria-live": "polite" });
  const place = document.querySelector("dialog[open]") || document.body; // what lies outside an open dialog is out of reach
  if (tray.parentElement !== place) place.append(tray);
  const gone = () => toast.remove();
  const toast = h(
    "div",
    { class: `gm-toast ${bad ? "gm-bad" : ""}` },
    h("div", {}, h("strong", {}, message), hint && h("span", {}, hint)),
    action && h("button", { type: "button", class: "gm-button gm-line", onclick: () => { gone(); action.run(); } }, action.word),
    h("button", { type: "button", class: "gm-button gm-square", "aria-label": "Close this message", onclick: gone }, "×"),
  );
  tray.append(toast);
  while (tray.children.length > 4) tray.firstChild.remove();
  setTimeout(gone, seconds * 1000);
  return gone;
}

document.addEventListener("close", (event) => { if (tray && event.target.contains(tray)) document.body.append(tray); }, true);

/** Tell a failure in the studio's own words. */
export function fail(error) {
  tell(error.message, { hint: error.hint || "", bad: true });
}

const undos = [];

/** Remember how to take something back; Ctrl+Z and the message's button both do it, once. */
export function undoable(message, run) {
  const entry = { run };
  undos.push(entry);
  entry.gone = tell(message, { action: { word: "Undo", run: () => undo(entry) }, seconds: 12 });
}

/** Take back the latest (or the given) change. */
export async function undo(entry = undos.at(-1)) {
  const at = undos.indexOf(entry);
  if (at < 0) return;
  undos.splice(at, 1);
  entry.gone();
  await Promise.resolve(entry.run()).catch(fail);
}
