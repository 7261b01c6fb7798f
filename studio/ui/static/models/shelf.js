/** The shelf: all models, all LoRA and all estimators, over the window. */
import { get } from "../api.js";
import { button, h } from "../dom.js";
import { isBeside, loadReaders, on, state } from "../store.js";
import { fail } from "../toast.js";
import { makeEstimatorList } from "./estimator_list.js";
import { makeLoraList } from "./lora_list.js";
import { makeModelList } from "./model_list.js";

const PARTS = [["models", "Models"], ["loras", "LoRA"], ["estimators", "Estimators"]];
let open = null;

/** Open the shelf at one of its parts. */
export function openShelf(part = "models") {
  if (open) return open.pick(part);
  const lists = { models: makeModelList(load), loras: makeLoraList(load), estimators: makeEstimatorList(load) };
  const tabs = PARTS.map(([name, word]) => h("button", { type: "button", role: "tab", class: "gm-tab", onclick: () => pick(name) }, word));
  const close = button("close", "Close", () => dialog.close());
  const dialog = h("dialog", { class: "gm-dialog gm-m-shelf", "aria-label": "Models, LoRA and estimators" },
    h("header", {}, h("div", { class: "gm-tabs", role: "tablist" }, tabs), h("span", { class: "gm-gap" }), close),
    Object.values(lists).map((list) => list.node));
  let shown = part;

  function pick(name) {
    shown = name;
    tabs.forEach((tab, n) => tab.setAttribute("aria-selected", String(PARTS[n][0] === name)));
    for (const [key, list] of Object.entries(lists)) list.node.hidden = key !== name;
    load();
  }
  async function load() {
    try {
      lists[shown].show(await get(shown));
    } catch (error) {
      fail(error);
    }
  }
  open = { pick, load, live: () => lists[shown].live(state.live) };
  dialog.addEventListener("close", () => { open = null; dialog.remove(); });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  pick(part);
}

let ended = null;

// A fetch that has ended, or a sample that is there, changes the lists, and perhaps what reads structure.
on("live", () => {
  open?.live();
  const now = new Map(["finished", "failed", "stopped"].flatMap((name) => state.live[name].map((job) => [`${job.id}${name}`, job])));
  const fresh = ended ? [...now].filter(([key]) => !ended.has(key)) : [];
  if (fresh.length) open?.load();
  if (fresh.some(([, job]) => isBeside(job)) && state.readers) loadReaders().catch(fail);
  ended = now;
});
window.addEventListener("gimbal:shelf", () => open?.load());
