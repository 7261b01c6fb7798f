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
import { makePicture } from "./start_picture.js";
import { loadReaders, on, set, state } from "./store.js";
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
  const change = changePart(work, spec.extra, open);
  const begins = startPart(spec.extra.start);
  const parts = [
    ["Source", sourcePart(work, sources)],
    ["Structure", structurePart(work, sources, { why: spec.extra.controls ? "" : spec.reason || "This model takes no control clips.", ...spec.extra })],
    ["Made anew", change],
    ["Begins with", begins],
  ];
  const show = () => parts.forEach(([, part]) => part.show());
  const [first, ...rest] = parts;
  drawn = { put, show, takeMask: change.takeMask, takeStart: begins.take };
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

/** The picture the clip begins with. reason: why the model takes none. */
function startPart(reason) {
  const put = (picture, merge) => {
    const before = work.doc.start;
    work.change({ start: picture });
    if (!picture) undoable("The start picture is removed.", () => work.change({ start: before }));
    else if (before && !merge) undoable("The start picture is another one.", () => work.change({ start: before }));
  };
  const aspect = () => (work.target ? work.target.width / work.target.height : 1);
  const picture = makePicture({ picture: () => work.doc.start, put, aspect }, { reason, what: "The clip begins with it and follows the structure from there", place: "control-start" });
  const missing = h("p", { class: "gm-reason", hidden: !reason }, reason);
  return { nodes: [picture.node, missing], show: picture.show, take: picture.take };
}

/** One for the life of the page; the form hears of it a moment after its last change. */
function begin(value) {
  work = makeWork(value);
  sources = Object.assign(makeSources(work, (view) => bench?.open(view)), { remove });
  loadReaders().catch(fail);
  on("readers", () => drawn?.show());
  work.on((what) => {
    if (what?.fault) return fail(what.fault);
    if (["doc", "target", "made", "coming"].includes(what)) drawn.show();
    if (what !== "doc" && what !== "made") return;
    clearTimeout(waiting);
    waiting = setTimeout(hear, 120);
  });
  window.addEventListener("gimbal:reply", ({ detail }) => {
    if (detail.kind !== "look") return;
    const [width, height] = detail.values.size || [];
    const { num_frames, fps } = detail.values;
    if (width && height && num_frames && fps) work.aim({ width, height, num_frames, fps });
  });
  beforeGenerate(async () => {
    if (state.form !== "control" || isEmpty(work.doc)) return;
    const still = setTimeout(() => tell("The structure is still being read.", { hint: "The clip is put into the queue right after." }), 600);
    await work.ready();
    clearTimeout(still);
    hear(); // or it would be without what was made a moment ago
    return { control: work.doc };
  });
  on("tab", () => drawn.show());
  standOver();
}

/** The form hears of the value as it stands. */
function hear() {
  clearTimeout(waiting);
  waiting = 0;
  drawn.put(isEmpty(work.doc) ? {} : work.doc);
}

/** An untouched form holds nothing, so that one click leads back to it. */
const isEmpty = (doc) => JSON.stringify(doc) === JSON.stringify(whole({}));

function remove() {
  const before = work.doc;
  work.load({ ...EMPTY, structures: before.structures.filter((each) => each.given && !each.ofSource), span: before.span, start: before.start });
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

/** A dropped file becomes what stands at that place of the form: "mask" or "control-start". */
export function takeAt(place, file) {
  set({ tab: "control" });
  return place === "mask" ? drawn.takeMask(file) : drawn.takeStart(file);
}

/** A clip of the library becomes the source. */
export const useAsSource = (clip) => sources?.clip(clip);
