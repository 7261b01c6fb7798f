/** The LoRA of the form: those that change this clip, each with its strength, and what can be added. */
import { button, h, plain } from "../dom.js";
import { field as control, heading } from "../fields.js";
import { chooser } from "../subject/files.js";
import { menu } from "../top.js";
import { takeLoras } from "./files.js";
import { openShelf } from "./shelf.js";

/** The control of kind "adapters": [{digest, name, strength}]. */
export function adapters(field) {
  const { spec, put } = field;
  const off = Boolean(spec.reason);
  const known = new Map(spec.extra.shelf.map((each) => [each.digest, each]));
  const uses = () => field.value() || [];
  const rows = h("div", { class: "gm-m-uses" });
  const files = chooser(".safetensors", takeLoras);
  const add = button("plus", "Add a LoRA to this clip", () => menu(add, choices()), { word: "Add", disabled: off, id: "gm-in-adapters" });

  function choices() {
    const taken = new Set(uses().map((use) => use.digest));
    const free = spec.extra.shelf.filter((each) => !taken.has(each.digest));
    const fit = free.filter((each) => !each.why).map((each) => ({ word: each.name, side: each.base, run: () => put([...uses(), { digest: each.digest, name: each.name, strength: each.strength }]) }));
    const unfit = free.filter((each) => each.why).map((each) => note(`${each.name}: ${each.why}`));
    const full = uses().length >= spec.extra.most ? [note(`${spec.extra.most} are the most at once.`)] : fit;
    const none = !free.length && !taken.size ? [note("None yet. Drop a LoRA anywhere on the window.")] : [];
    return [...none, ...full, ...unfit, null, { word: "Choose a file…", run: () => files.click() }, { word: "All LoRA…", run: () => openShelf("loras") }];
  }
  function row(use) {
    const each = known.get(use.digest);
    const change = (strength) => put(uses().map((other) => (other.digest === use.digest ? { ...other, strength } : other)));
    const { low, high, step } = spec;
    const bounded = (value) => Number(Math.max(low, Math.min(high, Math.round(value / step) * step)).toFixed(2));
    const slider = h("input", { type: "range", min: String(low), max: String(high), step: String(step), value: String(use.strength), disabled: off, "aria-label": `Strength of ${use.name}` });
    const entry = h("input", { type: "text", inputmode: "decimal", class: "gm-number", value: plain(use.strength, 2), disabled: off, "aria-label": `Strength of ${use.name} as a number`, autocomplete: "off" });
    const paint = () => slider.style.setProperty("--at", `${(100 * (Number(slider.value) - low)) / (high - low)}%`);
    slider.addEventListener("input", () => { entry.value = plain(slider.value, 2); paint(); });
    slider.addEventListener("change", () => change(bounded(Number(slider.value))));
    entry.addEventListener("change", () => { const asked = Number(entry.value.replace(",", ".")); change(Number.isFinite(asked) ? bounded(asked) : use.strength); entry.value = plain(uses().find((other) => other.digest === use.digest)?.strength ?? use.strength, 2); });
    paint();
    const away = button("close", `Take ${use.name} off`, () => put(uses().filter((other) => other.digest !== use.digest)));
    const words = (each?.words || []).map((word) => h("button", { type: "button", class: "gm-m-word", title: "Put this word into the prompt", onclick: () => say(word) }, word));
    const gone = !each && h("span", { class: "gm-m-gone" }, "not in the library");
    return h("div", { class: "gm-m-use", dataset: { lora: use.name } }, h("span", { class: "gm-m-name", title: each ? `Made for ${each.base}` : "" }, each?.name || use.name), gone, slider, entry, away, words.length ? h("span", { class: "gm-m-words" }, words) : "");
  }
  let seen = "";
  const show = (value) => {
    const now = JSON.stringify(value || []);
    if (now === seen) return;
    seen = now;
    rows.replaceChildren(...(value || []).map(row));
  };
  return { nodes: [files, heading({ ...field, id: "gm-in-adapters" }, add), rows], show };
}

const note = (words) => ({ node: h("p", { class: "gm-menu-note" }, words) });

/** Put a word at the end of the prompt, once. */
function say(word) {
  const prompt = control("prompt");
  const now = prompt.value() || "";
  if (!now.toLowerCase().includes(word.toLowerCase())) prompt.put(`${now.replace(/[\s,]+$/, "")}${now.trim() ? ", " : ""}${word}`);
}
