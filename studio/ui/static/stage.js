/** The stage: the player, or what is on its way to it. One look for each state. */
import { button, duration, h, icon, text } from "./dom.js";
import { get, post } from "./api.js";
import { actions } from "./actions.js";
import { field } from "./fields.js";
import { generate } from "./go.js";
import { makePlayer } from "./player.js";
import { isBeside, jobs, loadClips, on, ownJobs, set, state } from "./store.js";
import { fail, tell } from "./toast.js";
import { makeVersus } from "./versus.js";

const STAGES = {
  starting: "Starting the worker",
  loading: "Loading the model",
  encoding: "Reading the prompt",
  denoising: "Denoising",
  preparing: "Preparing",
  training: "Training",
  decoding: "Decoding",
  saving: "Saving",
};
let player = null;
let versus = null;

export function mount(place) {
  player = makePlayer();
  versus = makeVersus();
  const views = {
    clip: h("div", { class: "gm-view gm-view-clip" }, h("div", { class: "gm-canvas" }, player.video, player.gone), player.bar, actions()),
    versus: versus.node,
    live: live(),
    failed: failed(),
    empty: empty(),
    loading: h("div", { class: "gm-view" }),
  };
  const notice = h("div", { class: "gm-notice", role: "status", hidden: true });
  place.append(notice, ...Object.values(views));
  const draw = () => {
    const [name, what] = shown();
    for (const [key, view] of Object.entries(views)) view.hidden = key !== name;
    document.documentElement.dataset.stage = name;
    if (name === "clip") player.show(what);
    else player.rest();
    if (name === "versus") versus.show(what);
    else versus.rest();
    views[name].show?.(what);
    drawNotice(notice);
  };
  on("live clip clips watch online tab against", draw);
  on("watch", () => state.watch && set({ against: null, choosing: false }));
  on("live", chase);
  draw();
}

/** The player's keys. */
export const hands = {
  toggle: () => state.clip && (two() ? versus.reel.toggle() : player.toggle()),
  step: (count) => state.clip && (two() ? versus.reel.step(count) : player.step(count)),
  rest: () => state.clip && player.hold(),
  frame: () => (state.clip ? player.frame() : 0),
  shuttle: (way) => state.clip && (two() ? (way > 0 ? versus.reel.play() : versus.reel.hold()) : player.shuttle(way)),
};

const two = () => document.documentElement.dataset.stage === "versus";

function shown() {
  if (state.tab === "library") return state.clip ? ["clip", state.clip] : ["loading", null];
  const job = state.watch && jobs().find((each) => each.id === state.watch);
  if (job) return [job.state === "failed" ? "failed" : "live", job];
  if (state.watch) return ["loading", null];
  if (state.clip && state.against && state.against.id !== state.clip.id) return ["versus", [state.clip, state.against]];
  if (state.clip) return ["clip", state.clip];
  return state.clips && !state.clips.length && !ownJobs().length ? ["empty", null] : ["loading", null];
}

let chased = "";

/** When the watched job has left the queue, show what became of it. */
async function chase() {
  const id = state.watch;
  if (!id || id === chased || jobs().some((job) => job.id === id)) return;
  chased = id;
  try {
    const job = await get(`jobs/${id}`);
    if (job.state === "queued" || job.state === "running") return;
    await loadClips();
    if (state.watch !== id) return;
    const clip = job.clip_id && (await get(`clips/${job.clip_id}`));
    set({ watch: null, took: job.facts.seconds ? job.facts : null, clip: clip || state.clip || state.clips[0] || null });
  } catch (error) {
    fail(error);
    set({ watch: null });
  } finally {
    chased = "";
  }
}

function live() {
  const picture = h("img", { class: "gm-preview", alt: "The clip so far" });
  const plate = h("div", { class: "gm-plate" });
  const head = h("strong", {});
  const facts = h("span", { class: "gm-muted gm-num" });
  const bar = h("i", {});
  const stop = button("stop", "Stop", () => halt(), { word: "Stop", keys: "Esc", kind: "gm-line" });
  const prompt = h("p", { class: "gm-live-prompt" });
  const view = h(
    "div",
    { class: "gm-view gm-view-live" },
    h("div", { class: "gm-canvas" }, plate, picture),
    h("div", { class: "gm-progress" }, h("div", { class: "gm-progress-row" }, head, facts, h("span", { class: "gm-gap" }), stop), h("div", { class: "gm-bar" }, bar), prompt),
  );
  let version = "";
  let shaped = "";
  /** The frame of the clip to come has its true proportions before there is a picture. */
  const shape = async (id) => {
    if (id === shaped) return;
    shaped = id;
    const { request } = await get(`jobs/${id}`).catch(() => ({}));
    if (!request?.width || id !== shaped) return;
    for (const element of [plate, picture]) element.style.setProperty("--ratio", String(request.width / request.height));
  };
  view.show = (job) => {
    view.dataset.job = job.id;
    const running = job.state === "running";
    const now = running && job.preview_version ? `${job.id}/preview?v=${job.preview_version}` : "";
    if (now !== version) {
      version = now;
      if (now) picture.src = `/gimbal/api/jobs/${now}`;
      else picture.removeAttribute("src");
    }
    picture.hidden = !now;
    plate.hidden = Boolean(now);
    shape(job.id);
    plate.dataset.state = running ? "running" : "waiting";
    text(head, job.stopping ? "Stopping" : running ? STAGES[job.stage] || "Starting" : place(job));
    text(facts, running ? count(job) : "");
    bar.style.width = `${100 * (job.fraction || 0)}%`;
    bar.parentElement.classList.toggle("gm-unsure", running && !job.fraction);
    text(prompt, job.prompt);
    stop.lastChild.textContent = running ? "Stop" : "Cancel";
  };
  return view;
}

function place(job) {
  const ahead = state.live.waiting.findIndex((each) => each.id === job.id);
  const held = state.live.paused ? " · the queue is paused" : "";
  return (ahead <= 0 ? "Next in the queue" : `Number ${ahead + 1} in the queue`) + held;
}

function count(job) {
  const parts = [];
  if (["denoising", "training"].includes(job.stage) && job.steps) parts.push(`step ${job.step} of ${job.steps}`);
  if (job.eta_seconds) parts.push(`${duration(job.eta_seconds)} left`);
  return parts.join(" · ");
}

/** Stop (or cancel) the job on the stage, or else the running one. */
export function halt() {
  const job = jobs().find((each) => each.id === state.watch) || state.live?.running.find((each) => !isBeside(each));
  if (!job || job.state === "failed") return;
  const again = { word: "Try again", run: () => post(`jobs/${job.id}/retry`).then((made) => set({ watch: made.id })).catch(fail) };
  const told = () => tell(job.state === "running" ? "Stopped at the next step." : "Taken out of the queue.", { action: again });
  post(`jobs/${job.id}/${job.state === "running" ? "stop" : "cancel"}`).then(told).catch(fail);
}

function failed() {
  const what = h("strong", {});
  const why = h("p", { class: "gm-muted" });
  const retry = button("again", "Try again", () => post(`jobs/${state.watch}/retry`).then((job) => set({ watch: job.id })).catch(fail), { word: "Try again", kind: "gm-line" });
  const view = h("div", { class: "gm-view gm-view-center" }, h("div", { class: "gm-failed" }, icon("warn"), what, why, retry));
  view.show = (job) => { text(what, job.error_message || "This clip could not be made."); text(why, job.error_hint || ""); };
  return view;
}

function empty() {
  const cards = h("div", { class: "gm-examples" });
  const view = h("div", { class: "gm-view gm-view-center" }, h("div", { class: "gm-empty" }, h("h2", {}, "Nothing here yet"), h("p", { class: "gm-muted" }, "Write a prompt, or run one of these."), cards));
  const run = (words) => { field("prompt").put(words); generate({ prompt: words }); };
  view.show = () => {
    const examples = (state.start?.cards[0]?.examples || []).slice(0, 3);
    if (cards.childElementCount === examples.length) return;
    cards.replaceChildren(...examples.map((words) => h("button", { type: "button", class: "gm-example", onclick: () => run(words) }, h("span", {}, words), h("em", {}, icon("play"), "Run"))));
  };
  return view;
}

function drawNotice(notice) {
  const words = state.online === "lost" ? "The studio does not answer. Reconnecting…"
    : state.live?.notice ? `${state.live.notice.message} ${state.live.notice.hint}`
    : state.live?.dispatching === "elsewhere" ? "Another Gimbal makes the clips of this data folder; this window follows it."
    : state.live?.windows > 1 ? "Another window is open on this project. Both show the same queue and clips." : "";
  const dismissed = notice.dataset.off === words;
  notice.hidden = !words || dismissed;
  notice.classList.toggle("gm-lost", state.online === "lost");
  if (notice.dataset.words === words) return;
  notice.dataset.words = words;
  notice.replaceChildren(words, h("button", { type: "button", class: "gm-button gm-square", "aria-label": "Close this note", onclick: () => { notice.dataset.off = words; notice.hidden = true; } }, icon("close")));
}
