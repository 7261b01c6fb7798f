/** One model of the shelf: what it is, what it can do here, and what can be done with it. */
import { button, bytes, duration, h, plain, text } from "../dom.js";
import { field } from "../fields.js";
import { aboutSeconds } from "./model_list.js";

const STAGES = { fetching: "Fetching", checking: "Checking", starting: "Starting" };

/** An element with show(model, list) and live(jobs by id); acts: {fetch, stop, verify, discard, remove} by model. */
export function makeModelRow(first, acts) {
  let model = first;
  let list = null;
  const title = h("strong", {});
  const facts = h("span", { class: "gm-muted gm-num" });
  const chance = h("p", { class: "gm-m-chance gm-num" });
  const tabs = h("div", { class: "gm-m-tabs" });
  const licence = h("span", { class: "gm-m-licence" });
  const deeds = h("div", { class: "gm-m-deeds" });
  const bar = h("i", {});
  const words = h("span", { class: "gm-muted gm-num" });
  const way = h("div", { class: "gm-m-way", hidden: true }, h("div", { class: "gm-bar" }, bar), words);
  const more = h("details", { class: "gm-about" }, h("summary", {}, "More about it"), h("div", { class: "gm-m-more" }));
  const row = h("article", { class: "gm-m-model", dataset: { model: first.id } },
    h("div", { class: "gm-m-head" }, h("div", {}, title, facts), deeds), way, chance, tabs, licence, more);
  let drawn = "";

  row.show = (each, told) => {
    model = each;
    list = told;
    const now = JSON.stringify([each, told.offline]);
    if (now === drawn) return;
    drawn = now;
    text(title, each.title);
    const size = each.origin === "away" ? each.size && `${bytes(each.size)} to fetch` : bytes(each.size);
    const held = each.held && !each.job ? `${bytes(each.held)} of it are here` : "";
    text(facts, [each.family, size, held].filter(Boolean).join(" · "));
    row.dataset.verdict = each.verdict;
    text(chance, told_chance(each));
    tabs.replaceChildren(...each.tabs.map(able));
    text(licence, `${each.licence}${each.non_commercial && !/commercial/i.test(each.licence) ? " (non-commercial)" : ""}`);
    licence.classList.toggle("gm-m-limited", each.non_commercial);
    deeds.replaceChildren(...doing(each, told, acts, ask));
    more.lastChild.replaceChildren(...about(each));
    if (!each.job) way.hidden = true;
    else if (way.hidden) { way.hidden = false; bar.style.width = "0%"; text(words, each.job.state === "queued" ? "waiting" : "starting"); }
  };
  /** Ask before bytes are deleted: the buttons give way to the question. */
  function ask(question, yes, run) {
    const back = () => { drawn = ""; row.show(model, list); };
    deeds.replaceChildren(h("span", { class: "gm-muted" }, question), h("button", { type: "button", class: "gm-button gm-line gm-m-yes", onclick: () => { run(); back(); } }, yes), h("button", { type: "button", class: "gm-button", onclick: back }, "Keep"));
    deeds.querySelector("button").focus();
  }
  row.live = (jobs) => {
    const job = model.job && jobs.get(model.job.id);
    if (!job) return;
    bar.style.width = `${100 * (job.fraction || 0)}%`;
    const steps = job.steps ? `${bytes(job.step) || "0 B"} of ${bytes(job.steps)}` : "";
    const waits = job.state === "queued" ? "waiting" : "";
    const left = job.eta_seconds ? `${duration(job.eta_seconds)} left` : "";
    text(words, waits || [job.stopping ? "Stopping" : STAGES[job.stage] || "Working", steps, left].filter(Boolean).join(" · "));
  };
  return row;
}

function told_chance(each) {
  const { size, num_frames: frames, fps } = each.clip;
  const clip = `${size.join(" × ")}, ${plain(frames / fps, 1)} s`;
  if (each.verdict === "no") return `Does not fit this machine: ${each.told}`;
  return `A clip of ${clip} in about ${aboutSeconds(each.seconds)} here${each.verdict === "slow" ? ": slow" : ""}`;
}

/** A tab as a mark: bright where the model makes something there, else dim with the reason. */
function able({ title, why, lacks }) {
  const what = why || lacks.join(" ");
  return h("span", { class: why ? "gm-m-tab gm-m-not" : lacks.length ? "gm-m-tab gm-m-part" : "gm-m-tab", title: what || `${title}: all of it` }, title, h("span", { class: "gm-m-unseen" }, why ? `: not. ${why}` : ""));
}

function doing(each, told, acts, ask) {
  const busy = each.job;
  if (busy) return [button("stop", `Stop ${busy.task === "verify_model" ? "checking" : "fetching"} ${each.title}`, () => acts.stop(each), { word: "Stop" })];
  if (each.origin === "away") {
    const blocked = told.offline;
    const get = button("export", `${each.held ? "Go on fetching" : "Fetch"} ${each.title}`, () => acts.fetch(each), { word: each.held ? "Go on" : "Fetch", kind: "gm-line", disabled: blocked });
    if (blocked) get.title = "Gimbal is offline: unset GIMBAL_OFFLINE and start again.";
    return [each.held ? button("trash", `Throw away what has come of ${each.title}`, () => ask(`Delete ${bytes(each.held)}?`, "Delete", () => acts.discard(each))) : "", get];
  }
  const now = field("model")?.value() === each.id;
  const use = button("use", now ? `In use: ${each.title}` : `Use ${each.title} for clips`, () => { field("model").put(each.id); document.querySelector(".gm-m-shelf")?.close(); }, { word: now ? "In use" : "Use", kind: "gm-line", disabled: now });
  const verify = each.verifies && button("info", `Check ${each.title}: compare its files with their hashes`, () => acts.verify(each), { word: "Check" });
  const stays = ["added", "joined"].includes(each.origin);
  const word = stays ? "Take out of the list" : "Remove";
  const remove = () => acts.remove(each);
  const ways = { added: remove, joined: () => ask("Its files stay.", "Take out", remove), fetched: () => ask(`Delete ${bytes(each.size)}?`, "Delete", remove) };
  const away = each.origin !== "shipped" && button("trash", `${word}: ${each.title}`, ways[each.origin], { disabled: Boolean(each.why_kept) });
  if (away && each.why_kept) away.title = each.why_kept;
  return [verify, away, use].filter(Boolean);
}

function about(each) {
  const lines = [each.summary, each.weaknesses, each.told && `Here: ${each.told}.`, each.adapters ? "It takes LoRA." : "It takes no LoRA.", each.draft ? "It makes drafts." : "It makes no drafts.", each.repository && `From ${each.repository}.`, each.folder && `In ${each.folder}.`, each.settings_source && `Its settings are from ${each.settings_source}.`];
  const reasons = each.tabs.flatMap(({ title, why, lacks }) => (why ? [`${title}: ${why}`] : lacks.map((words) => `${title}: ${words}`)));
  return [h("p", {}, lines.filter(Boolean).join(" ")), reasons.length ? h("ul", { class: "gm-m-lacks" }, reasons.map((words) => h("li", {}, words))) : ""];
}
