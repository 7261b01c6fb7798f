/** The shelf: all models and all LoRA, over the window. */
import { get } from "../api.js";
import { button, h } from "../dom.js";
import { on, state } from "../store.js";
import { fail } from "../toast.js";
import { makeLoraList } from "./lora_list.js";
import { makeModelList } from "./model_list.js";

const PARTS = [["models", "Models"], ["loras", "LoRA"]];
let open = null;

/** Open the shelf at "models" or "loras". */
export function openShelf(part = "models") {
  if (open) return open.pick(part);
  const lists = { models: makeModelList(load), loras: makeLoraList(load) };
  const tabs = PARTS.map(([name, word]) => h("button", { type: "button", role: "tab", class: "gm-tab", onclick: () => pick(name) }, word));
  const close = button("close", "Close", () => dialog.close());
  const dialog = h("dialog", { class: "gm-dialog gm-m-shelf", "aria-label": "Models and LoRA" },
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

// A fetch that has ended, or a sample that is there, changes the lists.
on("live", () => {
  open?.live();
  const now = ["finished", "failed", "stopped"].flatMap((name) => state.live[name].map((job) => `${job.id}${name}`)).join();
  if (ended !== null && now !== ended) open?.load();
  ended = now;
});
window.addEventListener("gimbal:shelf", () => open?.load());
