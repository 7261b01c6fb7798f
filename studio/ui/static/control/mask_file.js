/** A mask made elsewhere, in the form: a black and white picture or clip, checked against the source it belongs to. */
import { button, h, icon, text } from "../dom.js";
import { post } from "../api.js";
import { fail, undoable } from "../toast.js";
import { brought } from "./sources.js";

const FILES = "image/*,video/*,.mkv,.mov,.webm,.gif";

/** {add, node, show(), take(file)}: `add` is the button that brings one, `node` tells of the one that is held. */
export function maskFile(work) {
  const chooser = h("input", { type: "file", accept: FILES, class: "gm-file", tabindex: "-1", "aria-label": "A mask made elsewhere" });
  chooser.addEventListener("change", () => { if (chooser.files[0]) take(chooser.files[0]); chooser.value = ""; });
  const add = button("open", "A black and white picture or clip: white is made anew", () => chooser.click(), { word: "From a file", kind: "gm-line" });
  const name = h("span", { class: "gm-c-origin" });
  const says = h("span", {});
  const checked = h("p", { class: "gm-c-checked" }, icon("warn"), says);
  const row = h("div", { class: "gm-line-pair" }, icon("frame"), name, h("span", { class: "gm-gap" }), button("trash", "Without this mask", () => drop()));
  const node = h("div", { class: "gm-c-mask-file", hidden: true }, chooser, row, checked);
  const put = (patch, options) => work.change({ change: { ...work.doc.change, ...patch } }, options);
  let asked = "";

  /** Keep a file as the mask; what was painted gives way to it. */
  async function take(file) {
    try {
      const { media, kind } = await brought(file, "control/masks");
      const before = work.doc.change;
      work.strokes.load({});
      put({ what: "paint", file: { media, kind, name: file.name } });
      if (Object.values(before.shapes).flat().length) undoable("The mask is the brought one.", () => { work.strokes.load(before.shapes); put(before, { now: true }); });
    } catch (error) {
      fail(error);
    }
  }
  function drop() {
    const { file } = work.doc.change;
    put({ file: null }, { now: true });
    undoable("The mask is removed.", () => put({ file }, { now: true }));
  }
  /** Whether it fits is asked again whenever source or clip change. */
  async function check() {
    const { source, change: { file } } = work.doc;
    if (!file || !source?.media || !work.target) return void (asked = "");
    const body = { media: file.media, source: source.media, target: work.target };
    const now = JSON.stringify(body);
    if (now === asked) return;
    asked = now;
    const told = await post("control/masks/check", body).catch(({ message, hint }) => ({ over: "", notes: [], message, hint }));
    if (asked === now && work.doc.change.file?.media === file.media) put({ file: { ...file, told } }, { now: true });
  }
  function show() {
    const { file } = work.doc.change;
    node.hidden = !file;
    add.hidden = Boolean(file);
    check();
    if (!file) return;
    text(name, file.name || "A mask");
    name.title = file.name || "";
    const words = file.told ? `${file.told.message} ${file.told.message ? file.told.hint : file.told.notes.join(" ")}`.trim() : "";
    text(says, words);
    checked.hidden = !words;
    checked.dataset.verdict = file.told?.message ? "wrong" : "fine";
  }
  return { add, node, show, take };
}
