/** What of the source is made anew, in the form. */
import { button, h, plain, text } from "../dom.js";
import { maskFile } from "./mask_file.js";
import { CHANGES, painted } from "./plan.js";
import { drawReaders, readersOf } from "./readers.js";

const [LEAST, MOST, STEP] = [0.05, 0.95, 0.05];

/** {nodes, show(), takeMask(file)}. can: {source, mask, style}: whether the model takes a source clip, a mask on it, and begins from one to restyle it. */
export function changePart(work, can, open) {
  const choice = h("select", { id: "gm-in-change", "aria-label": "Made anew", onchange: () => pick(choice.value) }, CHANGES.map(([name, words]) => h("option", { value: name, disabled: Boolean(reason(name)) }, words)));
  const what = h("p", { class: "gm-note gm-c-what" });
  const paint = button("", "Paint on a frame of the source", () => open("paint"), { word: "Paint", kind: "gm-line" });
  const follow = h("input", { type: "checkbox", onchange: () => put({ follow: follow.checked }) });
  const following = h("label", { class: "gm-c-check", title: "Off: the same place in every frame" }, follow, h("span", {}, "Follow it through the clip"));
  const tracker = h("select", { "aria-label": "What follows the mask", onchange: () => put({ estimator: tracker.value }, { now: true }) });
  const tracking = h("div", { class: "gm-c-line gm-c-second", hidden: true }, tracker);
  const invert = h("input", { type: "checkbox", onchange: () => put({ invert: invert.checked }) });
  const inverting = h("label", { class: "gm-c-check" }, invert, h("span", {}, "Everything but what is painted"));
  const state = h("span", { class: "gm-muted gm-num" });
  const brought = maskFile(work);
  const masking = h("div", { class: "gm-c-masking", dataset: { place: "mask" } }, h("div", { class: "gm-line-pair" }, paint, brought.add), state, brought.node, following, tracking, inverting);
  const slider = h("input", { type: "range", min: String(LEAST), max: String(MOST), step: String(STEP), "aria-label": "How much the look changes" });
  const number = h("span", { class: "gm-num gm-c-number" });
  slider.addEventListener("input", () => { text(number, plain(slider.value, 2)); slider.style.setProperty("--at", at(slider.value)); });
  slider.addEventListener("change", () => put({ strength: Number(slider.value) }));
  const strength = h("div", { class: "gm-c-line" }, h("span", { class: "gm-c-kind" }, "Strength"), slider, number);
  const missing = h("p", { class: "gm-reason" });

  const at = (value) => `${(100 * (value - LEAST)) / (MOST - LEAST)}%`;
  function reason(name) {
    if (name === "all") return "";
    if (!can.source) return "This model takes no source clip.";
    if (name === "style") return can.style ? "" : "This model cannot change a look by degrees.";
    return !can.mask ? "This model takes no mask." : "";
  }
  const put = (patch, options) => work.change({ change: { ...work.doc.change, ...patch } }, options);
  function pick(name) {
    const { cut } = work.doc;
    if (name === "around") work.change({ cut: { ...cut, framing: { ...cut.framing, mode: "fit" } } }); // all of it, with room around
    put({ what: name }, { now: true });
    open(name === "paint" ? "paint" : "all");
  }
  function show() {
    const { change, source } = work.doc;
    const films = source && source.kind !== "figure";
    choice.disabled = !films;
    choice.value = films ? change.what : "all";
    const now = films ? change.what : "all";
    text(what, CHANGES.find(([name]) => name === now)?.[2] || "");
    masking.hidden = !["paint", "subject", "background"].includes(now);
    following.hidden = inverting.hidden = now !== "paint";
    brought.show();
    brought.add.hidden ||= now !== "paint";
    brought.node.hidden ||= now !== "paint";
    following.hidden ||= change.file?.kind === "clip"; // it moves by itself
    strength.hidden = now !== "style";
    drawReaders(tracker, readersOf("mask"), change.estimator);
    tracking.hidden = tracker.options.length < 2 || (now === "paint" && (following.hidden || !change.follow));
    follow.checked = change.follow;
    invert.checked = change.invert;
    slider.value = String(change.strength);
    slider.style.setProperty("--at", at(change.strength));
    text(number, plain(change.strength, 2));
    const frames = painted(change).map(([frame]) => frame + 1);
    const where = now === "paint" && change.file && !frames.length ? "" : frames.length ? `painted on frame ${frames.join(", ")}` : now === "paint" && change.kept ? "the mask that came with the settings" : now === "paint" ? "nothing is painted yet" : "found by itself; paint to help";
    text(state, where);
    state.hidden = !where;
    const no = CHANGES.map(([name]) => reason(name)).filter(Boolean);
    missing.hidden = !no.length;
    text(missing, [...new Set(no)].join(" "));
  }
  return { nodes: [choice, what, masking, strength, missing], show, takeMask: brought.take };
}
