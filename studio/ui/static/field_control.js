/** Structure in the form: a source, what is read off it, what of it is made anew. The films lie over the stage. */
import { h } from "./dom.js";
import { mountBench } from "./control/bench.js";
import { changePart } from "./control/change_part.js";
import { makeSources } from "./control/sources.js";
import { sourcePart } from "./control/source_part.js";
import { structurePart } from "./control/structure_part.js";
import { EMPTY, whole } from "./control/plan.js";
import { relinked } from "./control/relink.js";
import { makeWork } from "./control/work.js";
import { heading } from "./fields.js";
import { beforeGenerate } from "./go.js";
import { on, state } from "./store.js";
import { fail, tell, undoable } from "./toast.js";

let work = null;
let bench = null;
let sources = null;
let drawn = null; // the control as it stands now: it is drawn anew when the model changes
let waiting = 0;

/** The control of kind "control": see plan.js for its value. */
export function control(field) {
  const { spec, put } = field;
  if (!work) begin(field.value());
  const open = (view) => bench?.open(view);
  const parts = [
    ["Source", sourcePart(work, sources)],
    ["Structure", structurePart(work, sources, { why: spec.extra.controls ? "" : spec.reason || "This model takes no control clips.", ...spec.extra })],
    ["Made anew", changePart(work, spec.extra, open)],
  ];
  const show = () => parts.forEach(([, part]) => part.show());
  const [first, ...rest] = parts;
  drawn = { put, show };
  return {
    nodes: [
      h("section", { class: "gm-c-part" }, heading({ ...field, spec: { ...spec, label: first[0] } }), first[1].nodes),
      ...rest.map(([title, part]) => h("section", { class: "gm-c-part" }, h("div", { class: "gm-heading" }, h("span", {}, title)), part.nodes)),
    ],
    show: (value) => {
      if (value?.restored) relinked(value).then((found) => { work.load(found); work.change({}, { now: true }); }, fail);
      else if (JSON.stringify(whole(value)) !== JSON.stringify(work.doc) && !waiting) work.load(value);
      show();
    },
  };
}

/** One for the life of the page; the form hears of it a moment after its last change. */
function begin(value) {
  work = makeWork(value);
  sources = Object.assign(makeSources(work, (view) => bench?.open(view)), { remove });
  work.on((what) => {
    if (what?.fault) return fail(what.fault);
    if (["doc", "target", "made", "coming"].includes(what)) drawn.show();
    if (what !== "doc" && what !== "made") return;
    clearTimeout(waiting);
    waiting = setTimeout(() => { waiting = 0; drawn.put(isEmpty(work.doc) ? {} : work.doc); }, 120);
  });
  window.addEventListener("gimbal:reply", ({ detail }) => {
    if (detail.kind !== "look") return;
    const [width, height] = detail.values.size || [];
    const { num_frames, fps } = detail.values;
    if (width && height && num_frames && fps) work.aim({ width, height, num_frames, fps });
  });
  beforeGenerate(async () => {
    if (state.form !== "control" || (!work.doc.source && !work.doc.structures.length)) return;
    clearTimeout(waiting);
    waiting = 0;
    const still = setTimeout(() => tell("The structure is still being read.", { hint: "The clip is put into the queue right after." }), 600);
    await work.ready();
    clearTimeout(still);
    return { control: work.doc };
  });
  on("tab", () => drawn.show());
  standOver();
}

/** An untouched form holds nothing, so that one click leads back to it. */
const isEmpty = (doc) => JSON.stringify(doc) === JSON.stringify(whole({}));

function remove() {
  const before = work.doc;
  work.load({ ...EMPTY, structures: before.structures.filter((each) => each.given) });
  work.change({}, { now: true });
  undoable("The source is removed.", () => { work.load(before); work.change({}, { now: true }); });
}

/** The stage's place may come after the form. */
function standOver() {
  const place = document.getElementById("gm-stage-place");
  if (!place) return void setTimeout(standOver, 50);
  bench = mountBench(place, work, sources.buttons);
}

/** A dropped or pasted file becomes the source. */
export const takeSource = (file) => sources?.take(file);

/** A clip of the library becomes the source. */
export const useAsSource = (clip) => sources?.clip(clip);
