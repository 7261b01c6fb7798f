/** One subject on the stage: its training as it goes, what came of it, and what can be done with it. */
import { button, duration, h, icon, keyed, plain, text } from "../dom.js";
import { post } from "../api.js";
import { field as control } from "../fields.js";
import { restore } from "../go.js";
import { set, state } from "../store.js";
import { fail, tell, undoable } from "../toast.js";
import { makeCompare } from "./compare.js";
import { again, changed, desk, jobOf, load, open, opened, show as showVersion, shownVersion, titleOf } from "./desk.js";
import { plot } from "./plot.js";

const STAGES = { starting: "Starting the worker", loading: "Loading the model", preparing: "Preparing", training: "Training", saving: "Keeping it" };
export const METHODS = { token: "token", lora: "LoRA", both: "token and LoRA", reference: "reference only" };
const STATES = { queued: "waiting", running: "training", ready: "ready", failed: "failed", stopped: "stopped", lost: "not trained" };
export const stateOf = (version) => (version ? STATES[version.state] || version.state : "empty");

/** {node, show()} */
export function makePage() {
  const cover = h("div", { class: "gm-s-cover gm-s-large" });
  const token = h("h2", {});
  const name = h("input", { class: "gm-s-title", "aria-label": "Name", maxlength: "120" });
  name.addEventListener("change", () => alter({ name: name.value.trim() || opened().token.slice(1, -1) }));
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") name.blur(); });
  const facts = h("p", { class: "gm-muted gm-num" });
  const write = button("", "Write a prompt with it", () => writeWith(opened(), shownVersion()), { word: "Write a prompt with it", kind: "gm-line" });
  const compare = button("", "Compare with and without it", () => compared.begin(), { word: "Compare" });
  const save = h("a", { class: "gm-button", download: "", title: "Standard safetensors in a zip" }, icon("export"), "Export");
  const anew = button("again", "Train it again, as a new version", () => again(opened(), shownVersion()), { word: "New version" });
  const away = button("trash", "Delete this subject", () => remove(opened()));
  const strength = slider();
  const versions = h("div", { class: "gm-segments gm-s-versions", role: "radiogroup", "aria-label": "Version" });
  const status = makeStatus();
  const warnings = h("ul", { class: "gm-s-warnings", "aria-live": "polite" });
  const drawn = h("div", {});
  const strip = h("div", { class: "gm-s-samples" });
  const samples = h("section", {}, h("h3", {}), strip);
  const compared = makeCompare();
  const node = h("section", { class: "gm-s-page", "aria-label": "Subject" },
    h("header", { class: "gm-s-about" }, cover, h("div", { class: "gm-s-names" }, token, name, facts), versions),
    h("div", { class: "gm-s-acts", role: "toolbar", "aria-label": "This subject" }, write, compare, anew, save, h("span", { class: "gm-gap" }), away),
    status.node, warnings, strength.node, compared.node, drawn, samples);

  let plotted = "";
  function show() {
    const subject = opened();
    const version = shownVersion();
    node.hidden = !subject;
    if (!subject) return;
    const told = version && desk.training?.id === version.id ? desk.training : null;
    const ready = version?.state === "ready";
    face(cover, subject.cover);
    text(token, subject.token);
    if (document.activeElement !== name) name.value = subject.name;
    text(facts, [subject.class_word, version && `version ${version.number}`, version && titleOf(version.model), version && METHODS[version.method], stateOf(version)].filter(Boolean).join(" · "));
    for (const each of [write, compare]) each.disabled = !subject.versions.some((one) => one.state === "ready");
    save.hidden = !ready || version.method === "reference";
    if (!save.hidden) save.href = `/gimbal/api/subjects/versions/${version.id}/export`;
    versions.hidden = subject.versions.length < 2;
    keyed(versions, subject.versions, (each) => each.id, (each) => h("button", { type: "button", role: "radio", onclick: () => showVersion(each.id) }, `v${each.number}`), (tile, each) => {
      tile.setAttribute("aria-checked", String(each.id === version.id));
      tile.title = `${titleOf(each.model)}, ${METHODS[each.method]}, ${stateOf(each)}`;
    });
    strength.show(subject, subject.versions.some((one) => one.state === "ready"));
    status.show(version, told);
    const said = told?.warnings || [];
    if (warnings.dataset.seen !== said.join("|")) {
      warnings.dataset.seen = said.join("|");
      warnings.replaceChildren(...said.map((words) => h("li", {}, icon("warn"), words)));
    }
    const key = JSON.stringify([version?.id, told?.losses?.length, told?.checkpoints?.length, told?.chosen]);
    if (key !== plotted) { plotted = key; drawn.replaceChildren(told ? plot(told) : ""); }
    drawSamples(version, told, ready);
    compared.show(subject, version);
  }
  function drawSamples(version, told, ready) {
    const checkpoints = [...(told?.checkpoints || [])].sort((a, b) => a.step - b.step);
    samples.hidden = !checkpoints.some((each) => each.samples.length);
    text(samples.firstChild, ready ? "Samples with one seed. Choose the state to use." : "Samples with one seed, from before the training on");
    keyed(strip, samples.hidden ? [] : checkpoints, (each) => `${version.id}/${each.step}`, (each) => sample(version, each), (tile, each) => {
      tile.setAttribute("aria-checked", String(each.step === told.chosen && each.step > 0));
      tile.disabled = !ready || each.step === 0;
      text(tile.lastChild, each.step === told.chosen && ready ? "in use" : `${told.aside === 0 ? "loss" : "aside"} ${plain(each.held_out, 3)}${each.drift > 0.05 ? ` · drift ${plain(each.drift, 2)}` : ""}`);
    });
  }
  return { node, show };
}

function sample(version, checkpoint) {
  const pick = () => post(`subjects/versions/${version.id}/choose`, { step: checkpoint.step }).then(() => { tell(`Step ${checkpoint.step} is used from now on.`, { hint: "Clips made before keep what they were made with." }); return load(); }).catch(fail);
  const pictures = checkpoint.samples.map((name) => h("img", { src: `/gimbal/media/subjects/${version.id}/${checkpoint.step}/${name}`, alt: "", draggable: "false" }));
  const words = checkpoint.step ? `Step ${checkpoint.step}` : "Before";
  return h("button", { type: "button", role: "radio", class: "gm-s-sample", "aria-label": checkpoint.step ? `Use step ${checkpoint.step}` : "Before the training", onclick: pick }, h("strong", {}, words), ...pictures, h("span", { class: "gm-num" }));
}

/** The first picture of a subject, or its absence. */
export function face(place, cover) {
  if (place.dataset.cover === String(cover)) return;
  place.dataset.cover = String(cover);
  const image = cover && h("img", { src: `/gimbal/media/pictures/${cover}`, alt: "", draggable: "false" });
  if (image) image.addEventListener("error", () => { image.src = `/gimbal/media/subjects/pictures/${cover}`; }, { once: true });
  place.replaceChildren(image || icon("figure"));
}

async function alter(patch, subject = opened()) {
  try {
    await post(`subjects/${subject.id}/change`, patch);
    desk.subjects = desk.subjects.map((each) => (each.id === subject.id ? { ...each, ...patch } : each));
    changed();
  } catch (error) {
    fail(error);
  }
}

function slider() {
  const range = h("input", { type: "range", min: "0", max: "2", step: "0.05", "aria-label": "Strength", id: "gm-s-strength" });
  const entry = h("input", { type: "text", inputmode: "decimal", class: "gm-number", "aria-label": "Strength as a number" });
  const node = h("div", { class: "gm-s-strength" }, h("label", { for: "gm-s-strength" }, "Strength"), range, entry, h("span", { class: "gm-unit" }, "in prompts that name it"));
  let subject = null;
  const put = (raw) => {
    const value = Math.min(2, Math.max(0, Number(String(raw).replace(",", "."))));
    if (Number.isFinite(value)) alter({ strength: Number(value.toFixed(2)) }, subject);
  };
  const paint = (value) => { entry.value = plain(value, 2); range.style.setProperty("--at", `${50 * value}%`); };
  range.addEventListener("input", () => paint(Number(range.value)));
  range.addEventListener("change", () => put(range.value));
  entry.addEventListener("change", () => put(entry.value));
  const show = (now, usable) => {
    node.hidden = !usable;
    subject = now;
    if (node.contains(document.activeElement)) return;
    range.value = String(now.strength);
    paint(now.strength);
  };
  return { node, show };
}

/** How far a training is, with Stop; or how it ended, with Again. */
function makeStatus() {
  const head = h("strong", {});
  const facts = h("span", { class: "gm-muted gm-num" });
  const bar = h("i", {});
  const act = (path) => () => post(`jobs/${shownVersion().job_id}/${path}`).then(() => load()).catch(fail);
  const stop = button("stop", "Stop", () => act(shownVersion().state === "queued" ? "cancel" : "stop")(), { word: "Stop", kind: "gm-line" });
  const retry = button("again", "Again", act("retry"), { word: "Again", kind: "gm-line" });
  const node = h("div", { class: "gm-s-status" }, h("div", { class: "gm-progress-row" }, head, facts, h("span", { class: "gm-gap" }), stop, retry), h("div", { class: "gm-bar" }, bar));
  const show = (version, told) => {
    const job = jobOf(version);
    const now = job?.state || version?.state;
    node.hidden = !["queued", "running", "failed", "stopped", "lost"].includes(now) || version.state === "ready";
    if (node.hidden) return;
    const running = now === "running";
    stop.hidden = !running && now !== "queued";
    retry.hidden = !["failed", "stopped"].includes(now);
    text(stop.lastChild, running ? "Stop" : "Cancel");
    stop.disabled = Boolean(job?.stopping);
    text(head, job?.stopping ? "Stopping" : running ? STAGES[job?.stage] || "Starting" : now === "queued" ? waiting(job) : now === "failed" ? job?.error_message || "The training failed." : now === "stopped" ? "Stopped" : "This version was not trained.");
    const step = job?.step || told?.step || 0;
    const steps = job?.steps || told?.steps || 0;
    const counted = step && steps ? `step ${step} of ${steps}` : "";
    text(facts, running ? [counted, job?.eta_seconds && `${duration(job.eta_seconds)} left`].filter(Boolean).join(" · ") : now === "failed" ? job?.error_hint || "" : now === "stopped" ? `${counted}${counted ? "; " : ""}Again goes on from its last state` : "");
    bar.parentElement.hidden = !running;
    bar.parentElement.classList.toggle("gm-unsure", running && !job?.fraction);
    bar.style.width = `${100 * (job?.fraction || 0)}%`;
  };
  return { node, show };
}

function waiting(job) {
  const held = state.live?.paused ? "; the queue is paused" : "";
  return job?.position > 1 ? `Number ${job.position} in the queue${held}` : `Next in the queue${held}`;
}

/** Put the token into the prompt, its model into the form, and open the Text tab. */
export async function writeWith(subject, version) {
  const prompt = String(control("prompt")?.value() || "").trim();
  const words = prompt.includes(subject.token) ? prompt : `${prompt ? `${prompt} ` : ""}a ${subject.token} ${subject.class_word}`.trim();
  const base = (version?.state === "ready" ? version : subject.versions.find((each) => each.state === "ready"))?.model;
  const known = state.start?.cards.some((card) => card.id === base);
  try {
    await restore({ values: { ...state.look?.values, prompt: words, tab: "text", ...(known ? { model: base } : {}) }, silent: true });
    set({ tab: "text" });
    const area = document.querySelector("#gm-in-prompt");
    area?.focus();
    area?.setSelectionRange(words.length, words.length);
  } catch (error) {
    fail(error);
  }
}

async function remove(subject) {
  try {
    await post(`subjects/${subject.id}/delete`);
    await load();
    undoable(`${subject.token} is deleted.`, async () => {
      await post(`subjects/${subject.id}/restore`);
      await load();
      open(subject.id);
    });
  } catch (error) {
    fail(error);
  }
}

