/** What reads a structure, or follows a mask, as the options of a list. */
import { h } from "../dom.js";
import { state } from "../store.js";

/** The estimators of a control, the first usable one the default; "mask": what follows masks. */
export const readersOf = (control) => (state.readers || []).filter((reader) => reader.control === control);

/** Bring a select up to date; `chosen` may be empty. What cannot be used says why, and so does what is gone. */
export function drawReaders(select, known, chosen) {
  const isGone = chosen && known.length && !known.some(({ id }) => id === chosen);
  const readers = isGone ? [...known, { id: chosen, title: chosen, available: false, why_not: "not here any more" }] : known;
  const now = JSON.stringify(readers);
  if (select.dataset.now !== now) {
    select.dataset.now = now;
    select.replaceChildren(...readers.map(({ id, title, available, why_not }) => h("option", { value: id, disabled: !available }, available ? title : `${title}: ${why_not}`)));
  }
  select.value = chosen || readers.find(({ available }) => available)?.id || "";
}
