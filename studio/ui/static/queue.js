/** The queue drawer: one line when folded; running, waiting (order by drag or keys) and failed when open. */
import { button, bytes, duration, h, icon, keyed, moment, text } from "./dom.js";
import { post } from "./api.js";
import { isBeside, on, openProject, set, state } from "./store.js";
import { openShelf } from "./models/shelf.js";
import { fail } from "./toast.js";

const SHOWN = 200;

export function mount(place) {
  const words = h("span", { class: "gm-num" });
  const bar = h("i", {});
  const fold = h("button", { type: "button", class: "gm-queue-line", id: "gm-queue-toggle", "aria-controls": "gm-queue-body", onclick: () => set({ queueOpen: !state.queueOpen }) }, icon("up"), h("strong", {}, "Queue"), words);
  const pause = button("pause", "Pause the queue", () => post("queue", { paused: !state.live?.paused }).catch(fail), { word: "Pause" });
  pause.id = "gm-queue-pause";
  const notice = h("p", { class: "gm-problem", hidden: true });
  const lists = ["running", "waiting", "failed"].map(group);
  const none = h("p", { class: "gm-muted gm-pad" }, "Nothing runs or waits.");
  const body = h("div", { id: "gm-queue-body", class: "gm-queue-body" }, notice, none, lists.map((list) => list.node));
  place.append(h("div", { class: "gm-queue-bar" }, h("div", { class: "gm-bar" }, bar)), h("div", { class: "gm-queue-head" }, fold, h("span", { class: "gm-gap" }), pause), body);

  const draw = () => {
    const live = state.live;
    document.documentElement.classList.toggle("gm-queue-open", state.queueOpen);
    fold.setAttribute("aria-expanded", String(state.queueOpen));
    if (!live) return;
    text(words, summary(live));
    bar.style.width = `${100 * (live.running[0]?.fraction || 0)}%`;
    pause.replaceChildren(icon(live.paused ? "play" : "pause"), live.paused ? "Resume" : "Pause");
    pause.setAttribute("aria-label", live.paused ? "Resume the queue" : "Pause the queue");
    notice.hidden = !live.notice;
    text(notice, live.notice ? `${live.notice.message} ${live.notice.hint}` : "");
    if (!state.queueOpen || dragging) return;
    none.hidden = Boolean(live.running.length + live.waiting.length + failures(live).length);
    for (const list of lists) list.draw(list.name === "failed" ? failures(live) : live[list.name]);
  };
  on("live queueOpen dismissed", draw);
  draw();
}

function summary(live) {
  const parts = [];
  const now = live.running[0];
  if (now) parts.push(`running${now.eta_seconds ? `, ${duration(now.eta_seconds)} left` : ""}`);
  if (live.waiting.length) parts.push(`${live.waiting.length} waiting`);
  const failed = failures(live).length;
  if (failed) parts.push(`${failed} failed`);
  if (live.paused) parts.push("paused");
  return parts.join(" · ") || "empty";
}

const DISMISSED = "gimbal.dismissed";
const dismissed = () => JSON.parse(localStorage.getItem(DISMISSED) || "[]");

/** The failed jobs a person has not put away in this browser. */
function failures(live) {
  const away = new Set(dismissed());
  return live.failed.filter((job) => !away.has(`${job.id}.${job.ended_at}`));
}

function dismiss(job) {
  localStorage.setItem(DISMISSED, JSON.stringify([...dismissed(), `${job.id}.${job.ended_at}`].slice(-200)));
  set({ dismissed: Date.now(), watch: state.watch === job.id ? null : state.watch });
}

function group(name) {
  const rows = h("ul", { class: "gm-jobs", "aria-label": name });
  const node = h("section", { class: `gm-queue-${name}` }, h("h3", {}, name[0].toUpperCase() + name.slice(1)), rows);
  const draw = (jobs) => {
    node.hidden = !jobs.length;
    keyed(rows, jobs.slice(0, SHOWN), (job) => job.id, create, update);
  };
  return { name, node, draw };
}

function create(job) {
  const watch = async () => {
    if (isBeside(job)) return openShelf("models");
    if (job.project_id !== state.project) await openProject(job.project_id);
    if (job.task === "train_subject") set({ training: job.id });
    else set({ watch: job.id, tab: state.form });
  };
  const row = h("li", { class: "gm-job", dataset: { state: job.state } });
  const words = h("button", { type: "button", class: "gm-job-words", onclick: watch, title: job.prompt }, h("span", { class: "gm-job-prompt" }, job.prompt), h("span", { class: "gm-muted gm-num" }));
  const act = (path) => () => post(`jobs/${job.id}/${path}`).then((made) => path === "retry" && set({ watch: made.id })).catch(fail);
  if (job.state === "queued") row.append(handle(row, job));
  row.append(words, h("div", { class: "gm-bar" }, h("i", {})));
  if (job.state === "running") row.append(button("stop", "Stop", act("stop"), { word: "Stop" }));
  if (job.state === "queued") row.append(button("close", "Cancel", act("cancel"), { word: "Cancel" }));
  if (job.state === "failed") row.append(h("span", { class: "gm-job-acts" }, button("again", "Try again", act("retry"), { word: "Try again" }), button("close", "Put this away", () => dismiss(job))));
  return row;
}

function update(row, job) {
  const [, facts] = row.querySelector(".gm-job-words").children;
  text(facts, told(job));
  row.querySelector(".gm-bar i").style.width = `${100 * (job.fraction || 0)}%`;
}

function told(job) {
  if (job.state === "failed") return [job.error_message, job.error_hint].filter(Boolean).join(" ");
  if (job.state === "queued") return `${job.position || ""} · asked ${moment(job.created_at)}`;
  const moved = isBeside(job) && job.steps ? ` ${bytes(job.step) || "0 B"} of ${bytes(job.steps)}` : "";
  const step = moved || (["denoising", "training"].includes(job.stage) && job.steps ? ` ${job.step} / ${job.steps}` : "");
  return [`${job.stopping ? "stopping" : job.stage || "starting"}${step}`, job.eta_seconds ? `${duration(job.eta_seconds)} left` : ""].filter(Boolean).join(" · ");
}

let dragging = false;

/** The grip of a waiting row: drag it, or move it with the arrow keys (Home: to the front). */
function handle(row, job) {
  const grip = h("button", { type: "button", class: "gm-button gm-square gm-grip", title: "Drag, or press the arrow keys, to reorder", "aria-label": `Move “${job.prompt.slice(0, 60)}” in the queue` }, icon("grip"));
  grip.addEventListener("keydown", (event) => {
    const waiting = state.live.waiting;
    const at = waiting.findIndex((each) => each.id === job.id);
    const goal = { ArrowUp: at - 1, ArrowDown: at + 2, Home: 0, End: waiting.length }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (goal >= 0 && goal !== at && !(event.key === "ArrowDown" && at === waiting.length - 1)) move(job.id, waiting[goal]?.id);
  });
  grip.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    drag(row, job.id);
  });
  return grip;
}

/** Follow the pointer until it is let go. The listeners stand on the document, for a row that moves loses its capture. */
function drag(row, id) {
  dragging = true;
  row.classList.add("gm-dragged");
  const follow = (event) => {
    const others = [...row.parentElement.children].filter((other) => other !== row);
    const next = others.find((other) => event.clientY < other.getBoundingClientRect().top + other.offsetHeight / 2);
    if (row.nextElementSibling !== (next || null)) row.parentElement.insertBefore(row, next || null);
  };
  const drop = () => {
    for (const name of ["pointerup", "pointercancel"]) document.removeEventListener(name, drop);
    document.removeEventListener("pointermove", follow);
    dragging = false;
    row.classList.remove("gm-dragged");
    move(id, row.nextElementSibling?.dataset.key);
  };
  document.addEventListener("pointermove", follow);
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, drop);
}

function move(id, before) {
  post(`jobs/${id}/move`, { before: before || null }).catch(fail);
}
