/** The model of the form: its list, what it makes nothing of in the open tab, and the way to all models. */
import { button, h, text } from "../dom.js";
import { restore } from "../go.js";
import { FORM_TABS, on, state } from "../store.js";
import { tell } from "../toast.js";
import { openShelf } from "./shelf.js";

let drawn = null;
let before = null; // the form as it was when a person chose another model here

/** The control of kind "model". */
export function model(field) {
  const { spec, put, id } = field;
  const select = h("select", { id, onchange: () => { before = state.look?.values || null; put(select.value); } });
  const why = h("p", { class: "gm-reason gm-m-why", hidden: true });
  const lacks = h("ul", { class: "gm-m-lacks" });
  const about = h("details", { class: "gm-about" }, h("summary", {}, spec.note || "About this model"), h("p", {}, spec.extra.weaknesses, spec.extra.licence ? ` Licence: ${spec.extra.licence}.` : ""), lacks);
  const more = button("chip", "All models: what is here, what can be fetched, and LoRA", () => openShelf("models"), { kind: "gm-m-open" });
  const show = (value) => {
    select.replaceChildren(...groups(spec.options));
    select.value = value;
    const here = inTab(value);
    why.hidden = !here?.why;
    text(why, here?.why ? `Not in this tab: ${here.why}` : "");
    lacks.replaceChildren(...(here?.lacks || []).map((words) => h("li", {}, words)));
  };
  drawn = () => show(field.value());
  return { nodes: [h("div", { class: "gm-heading" }, h("label", { for: id }, spec.label), h("span", { class: "gm-gap" }), select, more), why, about], show };
}

/** What a model can do in the open tab, null where nobody has told yet. */
function inTab(id) {
  return state.start?.cards.find((card) => card.id === id)?.tabs.find((each) => each.tab === state.form) || null;
}

/** The models for the open tab, then those that make nothing there. */
function groups(options) {
  const one = ([value, label]) => h("option", { value }, label);
  const unfit = options.filter(([value]) => inTab(value)?.why);
  if (!unfit.length) return options.map(one);
  const title = FORM_TABS.find(([name]) => name === state.form)?.[1];
  return [h("optgroup", { label: `For the tab ${title}` }, options.filter(([value]) => !inTab(value)?.why).map(one)), h("optgroup", { label: "Not in this tab" }, unfit.map(one))];
}

on("form start", () => drawn?.());

// What had to give way is told once, and one click goes back to the model and the wishes before.
window.addEventListener("gimbal:reply", ({ detail }) => {
  if (detail.kind !== "chosen" || !before) return;
  const values = before;
  before = null;
  if (!detail.changes.length) return;
  tell(`Now with ${detail.title}.`, { hint: detail.changes.join(" "), action: { word: "Go back", run: () => restore({ values, silent: true }) }, seconds: 15 });
});
