/** Under the form: example prompts, words the model does not know, Generate, and what it will take or took. */
import { bytes, duration, h, missed, text } from "./dom.js";
import { ask, look } from "./bridge.js";
import { field } from "./fields.js";
import { on, set, state } from "./store.js";
import { fail, tell } from "./toast.js";

const KEPT = "gimbal.form";
let generateButton = null;
const before = [];
const others = new Map();
let turn = Promise.resolve(); // clicks reach the queue in their order

/** Let something be finished before the form is put into the queue: `fn` may resolve to values that are laid over it. */
export function beforeGenerate(fn) {
  before.push(fn);
}

/** Where a tab makes something else than clips, `fn` is what its button and its keys do. */
export function instead(tab, fn) {
  others.set(tab, fn);
}

/** Put the form into the queue, with `values` laid over it; the stage then follows the first new job. */
export async function generate(values = {}) {
  if (others.has(state.form)) return others.get(state.form)();
  generateButton.classList.add("gm-pressed");
  const message = { project: state.project, values: { prompt: field("prompt").value(), tab: state.form, ...values } };
  try {
    for (const fn of before) Object.assign(message.values, await fn());
    const answer = await (turn = turn.then(() => ask("generate", message), () => ask("generate", message)));
    if (answer.kind === "refused") return refuse(answer.error);
    set({ watch: answer.jobs[0], tab: state.form });
  } catch (error) {
    fail(error);
  } finally {
    generateButton.classList.remove("gm-pressed");
  }
}

/** Show each problem at its control; what belongs to none becomes a message. The form keeps what was typed. */
function refuse(error) {
  let first = null;
  for (const problem of error.problems) {
    const control = field(problem.field);
    if (!control) { tell(problem.message, { hint: problem.hint, bad: true }); continue; }
    control.problem(`${problem.message} ${problem.hint}`.trim());
    first ||= control;
  }
  if (!error.problems.length) tell(error.message, { hint: error.hint, bad: true });
  first?.focus();
}

/** Fill the form from a request (JSON text or object) or from kept values. */
export async function restore(message) {
  const asText = message.request && typeof message.request !== "string" ? { ...message, request: JSON.stringify(message.request) } : message;
  const answer = await ask("restore", asText);
  if (answer.kind === "refused") return tell(answer.error.message, { hint: answer.error.hint, bad: true });
  if (answer.missing) tell(`The model ${answer.missing} is not installed.`, { hint: "Its settings were brought onto the first model." });
  else if (answer.changed?.length && !message.silent) tell("The settings are back in the form.", { hint: `Brought onto the model's grid: ${answer.changed.join(", ")}.` });
  else if (!message.silent) tell("The settings are back in the form.");
  set({ tab: answer.tab });
}

function examples() {
  const chips = h("div", { class: "gm-chips", "aria-label": "Example prompts" });
  const draw = () => {
    const card = state.start?.cards.find((c) => c.id === field("model")?.value()) || state.start?.cards[0];
    chips.replaceChildren(...(card?.examples || []).slice(0, 3).map((words) =>
      h("button", { type: "button", class: "gm-chip", title: words, onclick: () => field("prompt").put(words) }, words)));
  };
  on("start look", draw);
  draw();
  return chips;
}

/** Mount below the fields; the chips and the note go right under the prompt. Resolves once the kept form is back. */
export async function mount(place) {
  const note = h("p", { class: "gm-note", hidden: true });
  const estimate = h("p", { class: "gm-estimate", "aria-live": "polite" });
  const word = h("span", {}, "Generate");
  generateButton = h("button", { type: "button", id: "gm-generate", class: "gm-primary", title: "Generate  (Ctrl Enter)", onclick: () => generate() }, word);
  place.append(generateButton, estimate);
  const prompt = document.querySelector(".gm-cell-prompt .gm-field");
  prompt.after(note, examples());

  window.addEventListener("gimbal:reply", ({ detail }) => {
    if (detail.kind === "look") set({ look: detail });
  });
  let marked = []; // the controls that the last look found something wrong with
  const drawLook = () => {
    const seen = state.look;
    if (!seen) return;
    localStorage.setItem(KEPT, JSON.stringify(seen.values));
    note.hidden = !seen.unknown.length;
    text(note, seen.unknown.length ? `This model does not know: ${seen.unknown.slice(0, 12).join(", ")}` : "");
    const takes = seen.values.takes || 1;
    text(word, takes > 1 ? `Generate ${takes}` : "Generate");
    for (const name of marked) field(name)?.problem("");
    for (const problem of seen.problems) field(problem.field)?.problem(`${problem.message} ${problem.hint}`);
    marked = seen.problems.map((problem) => problem.field);
    text(estimate, told(seen.estimate, takes));
    estimate.title = needs(seen.estimate, takes);
  };
  on("look", drawLook);
  let worker = "";
  on("live", () => { // once the worker stands, loading is no longer part of the estimate
    if (state.live?.machine.worker !== worker) { worker = state.live?.machine.worker; if (!state.took) drawLook(); }
  });
  on("took", () => { if (state.took) text(estimate, took(state.took)); });
  on("form", () => field("tab").put(state.form));
  const kept = localStorage.getItem(KEPT);
  if (kept) await restore({ values: JSON.parse(kept), silent: true }).catch(() => localStorage.removeItem(KEPT));
  look();
}

function took(facts) {
  const apart = missed(facts.seconds, facts.expected_seconds);
  return `took ${duration(facts.seconds)}${apart ? ` (${apart})` : ""} · ${bytes(facts.peak_bytes)}`;
}

function told(estimate, takes) {
  if (!estimate) return " ";
  const memory = bytes(Math.max(estimate.device_bytes, estimate.ram_bytes || 0));
  const loaded = ["ready", "working"].includes(state.live?.machine.worker);
  const load = estimate.load_seconds >= 1 && !loaded ? ` · ${duration(estimate.load_seconds)} more to load the model` : "";
  const what = state.look?.values.draft ? "draft, about" : "about";
  return `${what} ${duration(estimate.seconds * takes)} · ${memory}${load}`;
}

function needs(estimate, takes) {
  if (!estimate) return "";
  const main = estimate.ram_bytes !== estimate.device_bytes ? `${bytes(estimate.ram_bytes)} of main memory, ` : "";
  return `${bytes(estimate.device_bytes)} on the device, ${main}${bytes(estimate.disk_bytes * takes)} on the disk${estimate.learned ? ", learned from clips made here" : ""}`;
}
