/** Fetching and checking, the same for models and estimators: what is asked of the studio, its buttons, and its way. */
import { get, post } from "../api.js";
import { button, bytes, duration, h, keyed, text } from "../dom.js";
import { state } from "../store.js";
import { fail, tell } from "../toast.js";

const STAGES = { fetching: "Fetching", checking: "Checking", starting: "Starting" };

/** {act, fetch, stop, verify, discard} of what lies below a place of the API; `load` reads the list again. */
export function makeErrands(place, load) {
  async function act(path, body, done) {
    try {
      done(await post(`${place}/${path}`, body));
      await load();
    } catch (error) {
      fail(error);
    }
  }
  return {
    act,
    fetch: (each) => act(`${each.id}/fetch`, { project: state.project }, () => tell(`${each.title} is on its way.`, { hint: "It goes on without this page, and after a restart." })),
    stop: (each) => post(`jobs/${each.job.id}/stop`).then(() => { tell("It stops in a moment.", { hint: "What has come is kept." }); load(); }).catch(fail),
    verify: (each) => act(`${each.id}/verify`, { project: state.project }, ({ job }) => follow(job, each)),
    discard: (each) => act(`${each.id}/discard`, {}, ({ freed }) => tell(`${bytes(freed) || "Nothing"} freed.`)),
  };
}

/** Tell what came of a check, once its job has ended. */
async function follow(id, each) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const job = await get(`jobs/${id}`).catch(() => null);
    if (!job || ["stopped"].includes(job.state)) return;
    if (job.state === "failed") return void tell(job.error_message, { hint: job.error_hint, bad: true });
    if (job.state !== "finished") continue;
    const wrong = job.facts.wrong || [];
    if (!wrong.length) return void tell(`${each.title}: every file is as it came.`);
    return void tell(`${each.title}: ${wrong.length} files are not as they came.`, { hint: `${wrong.slice(0, 3).join(", ")}. Remove it and fetch it again.`, bad: true });
  }
}

/** The buttons of what is fetched or checked now, or is not here; null where it is here and at rest. */
export function errandDeeds(each, told, acts, ask) {
  if (each.job) return [button("stop", `Stop ${each.job.task === "verify_model" ? "checking" : "fetching"} ${each.title}`, () => acts.stop(each), { word: "Stop" })];
  if (each.origin !== "away") return null;
  const fetch = button("export", `${each.held ? "Go on fetching" : "Fetch"} ${each.title}`, () => acts.fetch(each), { word: each.held ? "Go on" : "Fetch", kind: "gm-line", disabled: told.offline });
  if (told.offline) fetch.title = "Gimbal is offline: unset GIMBAL_OFFLINE and start again.";
  return [each.held ? button("trash", `Throw away what has come of ${each.title}`, () => ask(`Delete ${bytes(each.held)}?`, "Delete", () => acts.discard(each))) : "", fetch];
}

/** The button that compares with hashes. */
export const verifyDeed = (each, acts) => button("info", `Check ${each.title}: compare its files with their hashes`, () => acts.verify(each), { word: "Check" });

/** Buttons that give way to a question before bytes are deleted: {node, put(buttons), ask(question, yes, run)}. */
export function makeDeeds(back) {
  const node = h("div", { class: "gm-m-deeds" });
  return {
    node,
    put: (buttons) => node.replaceChildren(...buttons),
    ask(question, yes, run) {
      node.replaceChildren(h("span", { class: "gm-muted" }, question), h("button", { type: "button", class: "gm-button gm-line gm-m-yes", onclick: () => { run(); back(); } }, yes), h("button", { type: "button", class: "gm-button", onclick: back }, "Keep"));
      node.querySelector("button").focus();
    },
  };
}

/** How far an errand is: {node, show(what is listed), live(it, jobs by id)}. */
export function makeWay() {
  const bar = h("i", {});
  const words = h("span", { class: "gm-muted gm-num" });
  const node = h("div", { class: "gm-m-way", hidden: true }, h("div", { class: "gm-bar" }, bar), words);
  return {
    node,
    show(each) {
      if (!each.job) node.hidden = true;
      else if (node.hidden) { node.hidden = false; bar.style.width = "0%"; text(words, each.job.state === "queued" ? "waiting" : "starting"); }
    },
    live(each, jobs) {
      const job = each.job && jobs.get(each.job.id);
      if (!job) return;
      bar.style.width = `${100 * (job.fraction || 0)}%`;
      const steps = job.steps ? `${bytes(job.step) || "0 B"} of ${bytes(job.steps)}` : "";
      const left = job.eta_seconds ? `${duration(job.eta_seconds)} left` : "";
      text(words, job.state === "queued" ? "waiting" : [job.stopping ? "Stopping" : STAGES[job.stage] || "Working", steps, left].filter(Boolean).join(" · "));
    },
  };
}

/** Tell every row of a list how far its errand is. */
export function showLive(node, live) {
  const jobs = new Map([...live.running, ...live.waiting].map((job) => [job.id, job]));
  for (const row of node.querySelectorAll(".gm-m-model")) row.live(jobs);
}

/** "99 MB to fetch", or the bytes it has. */
export const sizeOf = (each) => (each.origin === "away" ? each.size && `${bytes(each.size)} to fetch` : bytes(each.size));

/** What has come of an unfinished fetch that rests; "" where nothing has. */
export const heldOf = (each) => (each.held && !each.job ? `${bytes(each.held)} of it are here` : "");

/** The licence in words; one that forbids commercial use says so. */
export const licenceOf = (each) => `${each.licence}${each.non_commercial && !/commercial/i.test(each.licence) ? " (non-commercial)" : ""}`;

/** Rows under a heading that counts them: {node, draw(items, key, create, update)}. */
export function group(title) {
  const rows = h("div", { class: "gm-m-rows" });
  const head = h("h3", {}, title);
  const node = h("section", {}, head, rows);
  return { node, draw(items, key, create, update) { node.hidden = !items.length; text(head, `${title} · ${items.length}`); keyed(rows, items, key, create, update); } };
}

/** "12 GB free on the disk · fetched from ...". */
export const diskOf = (told) => [`${bytes(told.free_bytes)} free on the disk`, told.offline ? "offline: nothing can be fetched" : `fetched from ${new URL(told.hub).host}`];
