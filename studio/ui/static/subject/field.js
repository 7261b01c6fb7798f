/** The Subject tab's part of the form: the list of subjects, or the draft of a training. The stage shows the pictures. */
import { button, bytes, duration, h, icon, keyed, plain, text } from "../dom.js";
import { instead } from "../go.js";
import { mountBench } from "./bench.js";
import { begin, change, changed, checkToken, desk, discard, draft, hear, isDrafting, leave, methodOf, open, opened, presetOf, settingsOf, start, titleOf, train } from "./desk.js";
import { chooser, importFiles } from "./files.js";
import { face, stateOf } from "./page.js";

const PRESETS = { quick: "Quick", good: "Good", thorough: "Thorough" };
/** [name, label, step, note] of every setting that can be changed, and the methods that heed it. */
const NUMBERS = [
  ["steps", "Steps", 1, "Optimizer steps", "all"],
  ["every", "Sample every", 1, "Steps between kept states and their samples", "all"],
  ["batch", "Batch", 1, "Pictures per step", "all"],
  ["width", "Width", 16, "Pixels", "all"],
  ["height", "Height", 16, "Pixels", "all"],
  ["num_frames", "Frames", 1, "Frames of an example", "all"],
  ["rank", "Rank", 1, "Size of the LoRA", "lora"],
  ["alpha", "Alpha", 1, "Scale of the LoRA is alpha by rank", "lora"],
  ["lora_rate", "LoRA rate", 0, "Peak learning rate of the LoRA", "lora"],
  ["vectors", "Vectors", 1, "Rows of the text encoder for the token", "token"],
  ["token_rate", "Token rate", 0, "Peak learning rate of the rows", "token"],
  ["warmup", "Warm-up", 1, "Steps until the rates are at their peak", "all"],
  ["low_noise", "Noise from", 0, "Share of the noise scale", "all"],
  ["high_noise", "Noise to", 0, "Share of the noise scale", "all"],
  ["subject_weight", "Subject weight", 0, "How much more the subject counts than what is around it; 0 for a style", "all"],
  ["prior_weight", "Prior weight", 0, "How strongly the class is kept as it was", "lora"],
  ["prior_clips", "Prior clips", 1, "Clips that the model makes of the class", "lora"],
  ["held_out", "Kept aside", 1, "Pictures that are not trained on, one of every ten at most", "all"],
  ["sample_steps", "Sample steps", 1, "Denoising steps of a sample", "all"],
  ["seed", "Seed", 1, "", "all"],
];

const SWITCHES = [
  ["checkpointing", "Recompute activations: less memory, a third more time"],
  ["light_base", "Keep the model in 8 bits meanwhile: half its memory"],
];

/** The control of kind "subject": {open, drafting, draft, compare}; see desk.js. */
export function subject() {
  start();
  const list = makeList();
  const form = makeDraft();
  const show = () => {
    document.documentElement.classList.toggle("gm-drafting", isDrafting());
    list.node.hidden = isDrafting();
    form.node.hidden = !isDrafting();
    (isDrafting() ? form : list).show();
  };
  current = show;
  mountOnce();
  return { nodes: [list.node, form.node], show: () => { show(); changed(); } };
}

let current = () => {};
let mounted = false;

function mountOnce() {
  if (mounted) return;
  mounted = true;
  hear(() => current());
  instead("subject", train);
  standOver();
}

/** The places of the stage and of the button may come after the form. */
function standOver() {
  const [stage, go] = ["stage", "go"].map((name) => document.getElementById(`gm-${name}-place`));
  if (!stage || !go) return void setTimeout(standOver, 50);
  mountBench(stage);
  const word = h("span", {}, "Train");
  const cost = h("p", { class: "gm-s-cost gm-num", "aria-live": "polite" });
  go.append(h("button", { type: "button", id: "gm-train", class: "gm-primary", title: "Train  (Ctrl Enter)", onclick: train }, word), cost);
  hear(() => {
    if (!isDrafting()) return;
    text(word, methodOf() === "reference" ? "Keep as reference" : "Train");
    text(cost, told());
  });
}

/** What the training will take, in one line. */
function told() {
  if (!desk.offers) return " ";
  if (methodOf() === "reference") return "ready at once";
  const own = Object.keys(draft().settings).length;
  const cost = own ? desk.estimate : presetOf();
  if (!cost) return own ? "…" : " ";
  return `about ${duration(cost.seconds)} · ${bytes(cost.device_bytes)} on this machine`;
}

function makeList() {
  const weights = chooser(".safetensors", importFiles);
  const rows = h("div", { class: "gm-s-list", role: "listbox", "aria-label": "Subjects" });
  const none = h("p", { class: "gm-muted gm-s-none" }, "None yet. Pictures of one thing become a word that every prompt understands.");
  const left = h("button", { type: "button", class: "gm-s-left", onclick: begin }, icon("plus"), h("span", {}, "Go on with the draft"));
  const node = h("div", {}, weights,
    h("div", { class: "gm-heading" }, h("span", {}, "Subjects"), h("span", { class: "gm-gap" }),
      button("open", "Import a trained subject (safetensors)", () => weights.click(), { word: "Import" }),
      button("plus", "New subject", begin, { word: "New subject", kind: "gm-line" })),
    left, none, rows);
  const show = () => {
    const subjects = desk.subjects || [];
    none.hidden = desk.subjects === null || subjects.length > 0;
    const unfinished = draft();
    left.hidden = !unfinished.pictures.length && !unfinished.token;
    text(left.lastChild, `Go on with ${unfinished.token || "the draft"} · ${unfinished.pictures.length} picture${unfinished.pictures.length === 1 ? "" : "s"}`);
    keyed(rows, subjects, (each) => each.id, create, update);
  };
  return { node, show };
}

function create(each) {
  return h("button", { type: "button", role: "option", class: "gm-s-row", onclick: () => open(each.id) }, h("span", { class: "gm-s-cover" }), h("span", { class: "gm-s-lines" }, h("strong", {}), h("span", { class: "gm-s-second" }), h("span", { class: "gm-s-third gm-num" })));
}

function update(row, each) {
  const [cover, lines] = row.children;
  const [token, name, facts] = lines.children;
  const version = each.versions[0];
  face(cover, each.cover);
  text(token, each.token);
  text(name, [each.name, each.class_word].filter(Boolean).join(" · "));
  text(facts, [version && `v${version.number}`, version && titleOf(version.model), `strength ${plain(each.strength, 2)}`, stateOf(version)].filter(Boolean).join(" · "));
  row.dataset.state = version?.state || "";
  row.setAttribute("aria-selected", String(opened()?.id === each.id));
}

function entry(name, label, note, more = {}) {
  const input = h("input", { type: "text", class: "gm-s-input", id: `gm-s-${name}`, placeholder: note, autocomplete: "off", spellcheck: "false", maxlength: "120", ...more });
  const wrong = h("p", { class: "gm-problem", role: "alert", hidden: true });
  input.addEventListener("input", () => change({ [name]: input.value }));
  const node = h("div", { class: "gm-s-entry" }, h("label", { for: input.id }, label), input, wrong);
  const show = () => {
    const value = draft()[name];
    if (input.value !== value) input.value = value;
    const words = desk.problems[name] || "";
    wrong.hidden = !words;
    text(wrong, words);
    node.classList.toggle("gm-wrong", Boolean(words));
  };
  return { node, input, show };
}

function makeDraft() {
  const title = h("strong", {});
  const token = entry("token", "Token", "<my-dog>");
  const name = entry("name", "Name", "As people call it");
  const word = entry("class_word", "Kind of thing", "dog, mug, watercolour…");
  token.input.addEventListener("change", checkToken);
  const methods = h("div", { class: "gm-s-methods", role: "radiogroup", "aria-label": "Method" });
  const presets = h("div", { class: "gm-s-presets", role: "radiogroup", "aria-label": "Preset" });
  const wrong = h("p", { class: "gm-problem", role: "alert", hidden: true });
  const advanced = makeAdvanced();
  const part = (label, ...nodes) => h("div", { class: "gm-s-part" }, h("div", { class: "gm-heading" }, h("span", {}, label)), ...nodes);
  const presetPart = part("Preset", presets);
  const node = h("div", { class: "gm-s-draft" },
    h("div", { class: "gm-heading" }, button("before", "Back to the subjects; the draft is kept", leave), title, h("span", { class: "gm-gap" }), button("trash", "Throw the draft away", discard)),
    token.node, word.node, name.node, part("Method", methods), presetPart, advanced.node, wrong);
  const show = () => {
    const now = draft();
    text(title, now.subject_id ? `New version of ${now.token}` : "New subject");
    for (const each of [token, name, word]) each.show();
    token.input.disabled = Boolean(now.subject_id);
    const method = methodOf(now);
    keyed(methods, desk.offers?.methods || [], (each) => each.method, createMethod, (tile, each) => {
      tile.disabled = Boolean(each.why_not);
      tile.title = each.why_not || "";
      tile.setAttribute("aria-checked", String(each.method === method));
      text(tile.lastChild, each.why_not || each.title.split(": ")[1] || "");
    });
    const offers = (desk.offers?.presets || []).filter((each) => each.method === method);
    presetPart.hidden = !offers.length;
    const preset = presetOf(now)?.preset;
    keyed(presets, offers, (each) => each.preset, createPreset, (tile, each) => {
      tile.setAttribute("aria-checked", String(each.preset === preset));
      text(tile.children[1], duration(each.seconds));
      text(tile.children[2], bytes(each.device_bytes));
      tile.classList.toggle("gm-s-tight", !each.fits);
      tile.title = each.fits ? "" : "This machine has too little memory for it.";
    });
    advanced.show(method);
    const words = [desk.problems.settings, desk.problems.model].filter(Boolean).join("\n");
    wrong.hidden = !words;
    text(wrong, words);
  };
  return { node, show };
}

function createMethod(each) {
  return h("button", { type: "button", role: "radio", class: "gm-s-method", dataset: { method: each.method }, onclick: () => change({ method: each.method }) }, h("strong", {}, each.title.split(":")[0]), h("span", {}));
}

function createPreset(each) {
  return h("button", { type: "button", role: "radio", class: "gm-s-preset", dataset: { preset: each.preset }, onclick: () => change({ preset: each.preset, settings: {} }) }, h("strong", {}, PRESETS[each.preset] || each.preset), h("span", { class: "gm-num" }), h("span", { class: "gm-num" }));
}

/** Every setting, folded away; one that differs from the preset can go back to it. */
function makeAdvanced() {
  const put = (name, value) => {
    const { [name]: _, ...rest } = draft().settings;
    change({ settings: value === presetOf()?.settings[name] ? rest : { ...rest, [name]: value } });
  };
  const lines = NUMBERS.map(([name, label, step, note, of]) => {
    const input = h("input", { type: "text", inputmode: "decimal", class: "gm-number", id: `gm-s-set-${name}`, autocomplete: "off" });
    input.addEventListener("change", () => {
      const asked = Number(input.value.replace(",", "."));
      if (Number.isFinite(asked) && input.value.trim()) put(name, step ? Math.round(asked) : asked);
      changed();
    });
    const back = h("button", { type: "button", class: "gm-reset", title: "Back to the preset's", "aria-label": `${label}: back to the preset's`, onclick: () => put(name, presetOf()?.settings[name]) }, icon("reset"));
    const node = h("div", { class: "gm-s-number" }, h("label", { for: input.id, title: note }, label), back, input);
    const show = (values, method) => {
      node.hidden = of !== "all" && method !== "both" && method !== of;
      if (document.activeElement !== input) input.value = values[name] === undefined ? "" : plain(values[name], 6);
      node.classList.toggle("gm-changed", name in draft().settings);
    };
    return { node, show };
  });
  const checks = SWITCHES.map(([name, label]) => {
    const input = h("input", { type: "checkbox", id: `gm-s-set-${name}` });
    input.addEventListener("change", () => put(name, input.checked));
    const show = (values) => { input.checked = Boolean(values[name]); };
    return { node: h("label", { class: "gm-c-check" }, input, label), show };
  });
  const node = h("details", { class: "gm-s-advanced" }, h("summary", {}, "Advanced"), h("div", { class: "gm-s-numbers" }, lines.map((line) => line.node)), checks.map((each) => each.node));
  const show = (method) => {
    const values = settingsOf();
    node.hidden = method === "reference" || !presetOf();
    lines.forEach((line) => line.show(values, method));
    checks.forEach((each) => each.show(values));
  };
  return { node, show };
}
