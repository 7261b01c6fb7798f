/**
 * What the page knows, in one place. Modules read `state`, change it with `set`, and hear of changes with `on`.
 *
 * tab: what is open, "library" or the name of a form's tab; form: the form's tab that was open last.
 * live: the studio's snapshot. online: "connecting" | "on" | "lost". watch: id of the job on the stage, or null.
 * clip: the clip on the stage and in the inspector, or null. clips: the takes of the project, newest first.
 * against: the clip that the one on the stage is compared with, or null. choosing: whether the next click on a take chooses
 * that. picked: clips picked in the library.
 * training: id of a training's job that the Subject tab is to open, or null.
 * readers: what reads structure here, null until somebody asked.
 */
import { get } from "./api.js";

/** The tabs that have a form: [[name, title], ...]. */
export const FORM_TABS = JSON.parse(document.querySelector('meta[name="gimbal-tabs"]').content);

export const state = {
  start: null,
  live: null,
  online: "connecting",
  project: localStorage.getItem("gimbal.project") || "",
  tab: FORM_TABS[0][0],
  form: FORM_TABS[0][0],
  clips: null,
  more: null,
  clip: null,
  watch: null,
  against: null,
  choosing: false,
  picked: [],
  look: null,
  readers: null,
  training: null,
  queueOpen: false,
};

const listeners = [];

/** Call `fn` after any of `keys` has changed. */
export function on(keys, fn) {
  listeners.push({ keys: keys.split(" "), fn });
}

/** Change the state and tell whoever listens. */
export function set(patch) {
  if (FORM_TABS.some(([name]) => name === patch.tab)) patch = { ...patch, form: patch.tab };
  const changed = Object.keys(patch).filter((key) => state[key] !== patch[key]);
  Object.assign(state, patch);
  if (!changed.length) return;
  for (const { keys, fn } of listeners) if (keys.some((key) => changed.includes(key))) fn(state);
}

/** What reads structure here, afresh: an estimator may have come or gone. */
export async function loadReaders() {
  set({ readers: (await get("control/estimators")).estimators });
}

/** Every unfinished or failed job, running ones first. */
export function jobs() {
  const live = state.live;
  return live ? [...live.running, ...live.waiting, ...live.failed] : [];
}

/** Whether a job is done beside the clips: a model is fetched or checked. */
export function isBeside(job) {
  return ["fetch_model", "verify_model"].includes(job.task);
}

/** The jobs of the shown project that run or wait. */
export function ownJobs() {
  const live = state.live;
  return live ? [...live.running, ...live.waiting].filter((job) => job.project_id === state.project && !isBeside(job)) : [];
}

/** The takes of the shown project, afresh. */
export async function loadClips() {
  const project = state.project;
  const page = await get("clips", { project, limit: 60 });
  if (project !== state.project) return;
  const shown = state.clip && page.clips.find((clip) => clip.id === state.clip.id);
  set({ clips: page.clips, more: page.cursor, ...(shown ? { clip: shown } : {}) });
}

/** The next older takes. */
export async function loadMore() {
  if (!state.more) return;
  const cursor = state.more;
  set({ more: null });
  const page = await get("clips", { project: state.project, limit: 60, cursor });
  set({ clips: [...state.clips, ...page.clips], more: page.cursor });
}

/** Show another project. */
export async function openProject(id) {
  localStorage.setItem("gimbal.project", id);
  set({ project: id, clips: null, clip: null, watch: null, against: null, picked: [] });
  connect();
  await loadClips();
  begin();
}

/** What is shown first of a project: its running or next job if there is one, else its newest clip. */
export function begin() {
  const next = ownJobs()[0];
  if (next) set({ watch: next.id });
  else if (!state.clip && state.clips?.length) set({ clip: state.clips[0] });
}

/** Read the list of projects, models and formats again; reload the page if the studio has been restarted. */
export async function loadStart() {
  const start = await get("start");
  if (state.start && state.start.instance !== start.instance) location.reload();
  set({ start });
  if (!start.projects.some((project) => project.id === state.project)) set({ project: start.projects[0]?.id || "" });
}

const GLANCE = 2000;
let source = null;
let idle = 0;
let glancing = 0;

function letGo() {
  source?.close();
  source = null;
  clearInterval(glancing);
}

/** What a page without a stream does while it is in sight. */
async function glance() {
  if (document.hidden) return;
  const { project, online } = state;
  try {
    const live = await get("state", { project });
    if (project === state.project && !source) set({ live, online: "on" });
    if (online === "lost") await loadStart();
  } catch {
    set({ online: "lost" });
  }
}

/** Open the stream of changes (again). The browser reconnects by itself when the studio comes back. */
export function connect() {
  letGo();
  source = new EventSource(`/gimbal/events?${new URLSearchParams({ project: state.project })}`);
  source.addEventListener("state", (event) => {
    set({ live: JSON.parse(event.data), online: "on" });
  });
  source.addEventListener("rest", () => { // newer pages need the connection
    letGo();
    glancing = setInterval(glance, GLANCE);
  });
  source.onopen = () => {
    if (state.online === "lost") loadStart().catch(() => {});
  };
  source.onerror = () => {
    set({ online: "lost" });
    if (source?.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
}

// A page nobody looks at lets go of its connection after a minute: browsers allow only six to one address.
document.addEventListener("visibilitychange", () => {
  clearTimeout(idle);
  if (document.hidden) idle = setTimeout(letGo, 60_000);
  else back();
});
window.addEventListener("focus", back);

function back() {
  if (!source && state.start) connect();
}
