/** The structures in the form: which are read off the source, how strongly they count, and by which estimator. */
import { button, h, icon, keyed, plain, text } from "../dom.js";
import { post } from "../api.js";
import { fail } from "../toast.js";
import { openShelf } from "../models/shelf.js";
import { state } from "../store.js";
import { menu } from "../top.js";
import { STRUCTURES, controlOf, nameOf } from "./plan.js";
import { drawReaders, readersOf } from "./readers.js";
import { structure } from "./sources.js";
import { spanPart } from "./span_part.js";

const [STRONGEST, STEP] = [2, 0.05];
const DEFAULTS = { edges: "canny", lineart: "lineart" };

/** What a reader of poses finds, of how many people; "" for other readers. */
const found = (reader) => (reader?.most_people ? `${reader.gives.join(", ")} · ${reader.most_people === 1 ? "one person" : `up to ${reader.most_people} people`}` : "");

/**
 * {nodes, show()}. why: the reason where the model takes no control clips. kinds: the controls it was trained on (none:
 * all), most: how many it follows at once, span: why they count for all steps only, "" where they need not.
 */
export function structurePart(work, sources, { why, kinds = [], most = 1, span = "" }) {
  const chips = STRUCTURES.map(([kind, name, , what]) => h("button", { type: "button", class: "gm-choice gm-c-chip", title: what, dataset: { kind }, onclick: () => toggle(kind) }, name));
  const ownList = () => [...STRUCTURES.map(([kind, name]) => ({ word: `${name} clip…`, run: () => sources.choose(kind) })), null, { word: "The camera's sketch", side: "its depth", run: sources.move }];
  const own = button("plus", "A control clip made elsewhere, in another program, or the depth of the camera's sketch", () => menu(own, ownList()), { word: "Control clip" });
  const rows = h("div", { class: "gm-c-rows" });
  const mix = h("p", { class: "gm-reason", hidden: true }, "Depth and flow are mixed by their strengths; lines and skeletons lie over them.");
  const counts = spanPart(work, span);
  const more = button("", "Which estimators are here, and which can be fetched", () => openShelf("estimators"), { word: "Estimators…" });

  const held = (kind) => work.doc.structures.find((each) => each.kind === kind);
  const put = (kind, patch, options) => work.change({ structures: work.doc.structures.map((each) => (each.kind === kind ? { ...each, ...patch } : each)) }, options);
  function toggle(kind) {
    const others = work.doc.structures.filter((each) => each.kind !== kind);
    const next = held(kind) ? others : [...others, structure(kind)];
    const order = STRUCTURES.map(([name]) => name);
    work.change({ structures: next.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)) }, { now: true });
  }
  /** The estimators that can read a structure: line art is a way of its own to find edges. */
  function readers(kind) {
    const control = controlOf(kind);
    const all = readersOf(control);
    if (control !== "edges") return all;
    return all.filter((choice) => (choice.id === "lineart") === (kind === "lineart"));
  }
  function reason(kind) {
    if (why) return why;
    if (kinds.length && !kinds.includes(controlOf(kind))) return `This model was not trained on ${nameOf(kind).toLowerCase()}.`;
    if (work.doc.structures.length >= most) return `This model follows ${most} at once.`;
    const { source } = work.doc;
    if (source?.kind === "figure" && kind !== "pose" && !held(kind)) return "A posed figure has a pose only.";
    if (source?.kind === "image" && kind === "flow") return "A still picture has no motion.";
    const all = readers(kind);
    if (state.readers && !all.some((choice) => choice.available)) return all[0]?.why_not || "No estimator reads this here.";
    return "";
  }
  function create({ kind }) {
    const slider = h("input", { type: "range", min: "0", max: String(STRONGEST), step: String(STEP), "aria-label": `Strength of ${nameOf(kind)}` });
    const entry = h("input", { type: "text", inputmode: "decimal", class: "gm-number", "aria-label": `Strength of ${nameOf(kind)}, as a number`, autocomplete: "off" });
    const take = (raw) => {
      const value = Number(String(raw).replace(",", "."));
      if (Number.isFinite(value)) put(kind, { strength: Number(Math.max(0, Math.min(STRONGEST, value)).toFixed(2)) });
      show();
    };
    slider.addEventListener("input", () => { entry.value = plain(slider.value); slider.style.setProperty("--at", `${(100 * slider.value) / STRONGEST}%`); });
    slider.addEventListener("change", () => take(slider.value));
    entry.addEventListener("change", () => take(entry.value));
    const reader = h("select", { "aria-label": `What reads ${nameOf(kind)}`, onchange: () => put(kind, { estimator: reader.value }, { now: true }) });
    const drop = button("close", `Without ${nameOf(kind).toLowerCase()}`, () => toggle(kind));
    const origin = h("span", { class: "gm-c-origin gm-muted" });
    const says = h("span", {});
    const mend = button("", "Bring it to the convention", () => fix(kind), { word: "Fix", kind: "gm-line" });
    const checked = h("p", { class: "gm-c-checked" }, icon("warn"), says, mend);
    const row = h("div", { class: "gm-c-row" }, h("div", { class: "gm-c-line" }, h("span", { class: "gm-c-kind" }, nameOf(kind)), slider, entry, drop), h("div", { class: "gm-c-line gm-c-second" }, reader, origin), checked);
    return Object.assign(row, { parts: { slider, entry, reader, origin, checked, says, mend } });
  }
  async function fix(kind) {
    const each = held(kind);
    try {
      put(kind, { fixing: true });
      const { media } = await post("control/fix", { media: each.given, kind, fix: each.checked.fix });
      put(kind, { given: media, fixing: undefined, checked: await post("control/check", { media, kind }) }, { now: true });
    } catch (error) {
      put(kind, { fixing: undefined });
      fail(error);
    }
  }
  function update(row, each) {
    const { slider, entry, reader, origin, checked, says, mend } = row.parts;
    slider.value = String(each.strength);
    slider.style.setProperty("--at", `${(100 * each.strength) / STRONGEST}%`);
    if (document.activeElement !== entry) entry.value = plain(each.strength);
    const figured = each.kind === "pose" && work.doc.source?.kind === "figure" && !each.given;
    reader.hidden = Boolean(each.given) || figured || readers(each.kind).length < 1;
    drawReaders(reader, readers(each.kind), each.estimator || DEFAULTS[each.kind]);
    const chosen = readers(each.kind).find(({ id }) => id === reader.value);
    text(origin, each.given ? each.name || "made elsewhere" : figured ? "the posed figure" : found(chosen));
    origin.hidden = !origin.textContent;
    origin.title = origin.textContent;
    const verdict = each.given ? each.checked : null;
    checked.hidden = !verdict?.message;
    checked.dataset.verdict = verdict?.verdict || "";
    text(says, verdict?.message || "");
    mend.hidden = !verdict?.fix;
    mend.disabled = Boolean(each.fixing);
  }
  function show() {
    for (const chip of chips) {
      const { kind } = chip.dataset;
      const no = reason(kind);
      const on = Boolean(held(kind));
      chip.setAttribute("aria-pressed", String(on));
      chip.disabled = Boolean(no) && !on;
      chip.title = no || STRUCTURES.find(([name]) => name === kind)[3];
    }
    own.disabled = Boolean(why);
    keyed(rows, work.doc.structures, (each) => each.kind, create, update);
    mix.hidden = work.doc.structures.length < 2;
    counts.show();
  }
  return { nodes: [h("div", { class: "gm-choices", role: "group", "aria-label": "Structures" }, chips), rows, mix, counts.node, h("div", { class: "gm-line-pair" }, own, more)], show };
}
