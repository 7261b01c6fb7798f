/** The page's start: waits for the places that Gradio makes, fills them, opens the stream. */
import * as drop from "./drop.js";
import * as go from "./go.js";
import * as inspector from "./inspector.js";
import * as keys from "./keys.js";
import * as library from "./library.js";
import * as queue from "./queue.js";
import * as stage from "./stage.js";
import * as takes from "./takes.js";
import * as top from "./top.js";
import { standing } from "./bridge.js";
import { begin, connect, loadClips, loadStart, on, state } from "./store.js";
import { fail, tell } from "./toast.js";

document.documentElement.id = "gimbal"; // the style's rules stand under this id
document.documentElement.dataset.theme = localStorage.getItem("gimbal.theme") || "dark";
Object.assign(document.documentElement.dataset, { tab: state.tab, form: state.form });

/** Resolves with a place once Gradio has drawn it. */
function place(name) {
  const find = () => document.getElementById(`gm-${name}-place`);
  return new Promise((resolve) => {
    if (find()) return resolve(find());
    const watch = new MutationObserver(() => { if (find()) { watch.disconnect(); resolve(find()); } });
    watch.observe(document.documentElement, { childList: true, subtree: true });
  });
}

let finished = "";

/** New clips appear in the takes as soon as the studio has stored them. */
function followFinished() {
  const now = JSON.stringify(state.live.finished.map((job) => job.id));
  if (finished && now !== finished) {
    loadClips().catch(fail);
    loadStart().catch(() => {});
  }
  finished = now;
}

function title() {
  const running = state.live?.running[0];
  document.title = running ? `${Math.round(100 * running.fraction)}% · Gimbal` : "Gimbal";
}

async function boot() {
  const modules = { top, stage, takes, library, inspector, queue };
  const data = loadStart().then(() => { connect(); return loadClips(); });
  for (const [name, module] of Object.entries(modules)) module.mount(await place(name));
  keys.mount();
  drop.mount();
  on("live", followFinished);
  on("live", title);
  await data.catch(fail);
  const first = () => state.live && state.clips;
  if (first()) begin();
  else {
    let begun = false;
    on("live clips", () => { if (!begun && first()) { begun = true; begin(); } });
  }
  for (const fault of state.start?.broken || []) tell(fault.message, { hint: fault.hint, bad: true });
  if (state.start?.cards.length) {
    const goPlace = await place("go");
    await standing();
    await go.mount(goPlace);
  }
  document.documentElement.classList.add("gm-ready");
}

boot().catch(fail);
