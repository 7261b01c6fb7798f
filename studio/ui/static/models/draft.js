/** Final or draft: the switch, and what it means for this model and this request. */
import { duration, h, text } from "../dom.js";
import { on, state } from "../store.js";

const WAYS = [[false, "Final"], [true, "Draft"]];
let drawn = null;

/** The control of kind "draft": true or false. */
export function draft(field) {
  const { spec, put } = field;
  const off = Boolean(spec.reason);
  const buttons = WAYS.map(([value, word]) => h("button", { type: "button", role: "radio", disabled: off && value, title: value ? "Quicker: some frames differ from the final clip's" : "Nothing is left out", onclick: () => put(value) }, word));
  const told = h("p", { class: "gm-m-told gm-num", hidden: true });
  const show = (value) => {
    buttons.forEach((each, n) => each.setAttribute("aria-checked", String(WAYS[n][0] === Boolean(value))));
    const words = off ? "" : meaning(Boolean(value));
    told.hidden = !words;
    text(told, words);
  };
  drawn = () => show(field.value());
  const row = h("div", { class: "gm-segments gm-m-ways", role: "radiogroup", "aria-label": spec.label, title: spec.note }, buttons);
  return { nodes: [h("div", { class: "gm-heading" }, h("span", {}, spec.label), h("span", { class: "gm-gap" }), row), told], show };
}

function meaning(isDraft) {
  const { estimate, other } = state.look || {};
  if (!estimate || !other) return "";
  const [mine, theirs] = [duration(estimate.seconds), duration(other.seconds)];
  return isDraft ? `About ${mine} instead of ${theirs}: work that changes little from step to step is left out.` : `A draft would take about ${theirs}.`;
}

on("look", () => drawn?.());
