/** In which of the steps control clips count, in the form: all of them, or those between two handles. */
import { h, text } from "../dom.js";
import { EMPTY, wholly } from "./plan.js";
import { makeTrim } from "./trim.js";

const percent = (share) => `${Math.round(100 * share)} %`;
const HANDLES = { from: "Where control clips begin to count", to: "Where they stop counting", tell: (share) => `${percent(share)} of the steps`, steps: [0.05, 0.25] };

/** {node, show()}. why: the reason where the model lets them count for all steps only. */
export function spanPart(work, why) {
  const told = h("span", { class: "gm-muted gm-num" });
  const reason = h("p", { class: "gm-reason" });
  const trim = makeTrim((start, end, done) => {
    say([start, end ?? 1]);
    if (done) work.change({ span: [Number(start.toFixed(2)), Number((end ?? 1).toFixed(2))] });
  }, HANDLES);
  const name = h("span", { class: "gm-c-kind", title: "The first steps settle where things are, the last ones how they look" }, "Counts");
  const node = h("div", { class: "gm-c-span", role: "group", "aria-label": "When control clips count" }, h("div", { class: "gm-c-line" }, name, trim.node, told), reason);
  const handles = trim.node.querySelectorAll("button");

  function say([from, to]) {
    text(told, from <= 0 && to >= 1 ? "all steps" : `${percent(from)} – ${percent(to)}`);
  }
  function show() {
    node.hidden = !work.doc.structures.length;
    const no = why || wholly(work.doc);
    const [from, to] = no ? EMPTY.span : work.doc.span;
    trim.show({ seconds: 1, start: from, end: to >= 1 ? null : to, used: 1 });
    say([from, to]);
    node.classList.toggle("gm-c-fixed", Boolean(no));
    for (const handle of handles) handle.disabled = Boolean(no);
    reason.hidden = !no;
    text(reason, no);
  }
  return { node, show };
}
