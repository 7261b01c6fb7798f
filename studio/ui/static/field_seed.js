/** The seed: rolled for each clip, or locked to a number. */
import { button, h, icon } from "./dom.js";
import { heading } from "./fields.js";

export function seed(field) {
  const { spec, put, id } = field;
  const entry = h("input", { id, type: "text", inputmode: "numeric", class: "gm-number gm-seed", placeholder: "rolled", autocomplete: "off" });
  entry.addEventListener("change", () => {
    const digits = entry.value.replace(/\D/g, "");
    if (!digits) return put({ ...field.value(), locked: false });
    put({ locked: true, value: Math.min(spec.high, Number(digits)) });
  });
  const lock = button("unlock", "Lock the seed", () => {
    const now = field.value();
    put({ locked: !now.locked, value: now.value || Math.floor(Math.random() * spec.high) });
  });
  const dice = button("vary", "Roll a seed and lock it", () => put({ locked: true, value: Math.floor(Math.random() * spec.high) }));
  const show = (value) => {
    entry.value = value.locked ? String(value.value) : "";
    lock.replaceChildren(icon(value.locked ? "lock" : "unlock"));
    lock.setAttribute("aria-pressed", String(value.locked));
    lock.title = value.locked ? "Locked: every clip uses this seed. Click to roll again." : spec.note;
  };
  return { nodes: [heading(field, entry, lock, dice)], show };
}
