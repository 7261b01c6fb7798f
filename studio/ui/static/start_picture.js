/** A start picture in the form: brought, taken from the stage or from the Image tab, framed, removed. */
import { button, h, icon, text } from "./dom.js";
import { post, send } from "./api.js";
import { field as control } from "./fields.js";
import { makeFraming } from "./framing.js";
import { hands } from "./stage.js";
import { state } from "./store.js";
import { fail, tell } from "./toast.js";
import { menu } from "./top.js";

/**
 * {node, show(), take(file), takeFrame()}.
 *
 * holder: {picture(), put(picture, merge), aspect()}. reason: why the model takes none, "" where it does. what: what the
 * picture is for, in words. place: the name under which it takes dropped files.
 */
export function makePicture(holder, { reason, what, place, shown = () => {} }) {
  const chooser = h("input", { type: "file", accept: "image/*", class: "gm-file", tabindex: "-1", "aria-hidden": "true" });
  chooser.addEventListener("change", () => { if (chooser.files[0]) take(chooser.files[0]); chooser.value = ""; });
  const framing = makeFraming((patch) => holder.put({ ...holder.picture(), ...patch }, "frame"));
  const facts = h("p", { class: "gm-note gm-picture-facts" });
  const notes = h("p", { class: "gm-reason" });
  const add = button("plus", `Add a start picture: ${what}`, () => menu(add, sources()), { word: "Start picture", disabled: Boolean(reason), title: reason || what });
  const replace = button("", "Choose another start picture", () => menu(replace, sources()), { word: "Replace" });
  const fold = h("details", { class: "gm-k-framing" }, h("summary", {}, "Frame"), framing.node);
  const editor = h("div", { class: "gm-k-picture" }, h("div", { class: "gm-line-pair" }, h("span", { class: "gm-k-face" }, icon("frame")), facts, replace, button("trash", "Remove the start picture", () => holder.put(null))), notes, fold);
  const node = h("div", { class: "gm-k-source", dataset: { place } }, chooser, add, editor);

  function put(picture) {
    holder.put(picture);
    shown();
  }
  /** Keep a brought file and begin with it. */
  async function take(file) {
    if (reason) return void tell("The chosen model takes no start picture.", { hint: reason });
    try {
      const { notes: done, ...picture } = await send("pictures", file);
      put(done?.length ? { ...picture, notes: done } : picture);
      if (done?.length) tell(`${file.name}: ${done.join(" ")}`);
    } catch (error) {
      fail(error);
    }
  }
  /** The frame of the clip that the player stands at. */
  async function takeFrame() {
    hands.rest();
    try {
      put(await post(`clips/${state.clip.id}/frame`, { frame: hands.frame() }));
    } catch (error) {
      fail(error);
    }
  }
  function sources() {
    const start = control("pictures")?.value()?.start;
    return [
      { word: "Choose a file…", run: () => chooser.click() },
      state.clip && { word: "The frame on the stage", side: String(hands.frame() + 1), run: takeFrame },
      start && { word: "The Image tab's start picture", run: () => put(start) },
    ].filter(Boolean);
  }
  function show() {
    const picture = holder.picture();
    add.hidden = Boolean(picture);
    editor.hidden = !picture;
    if (!picture) return;
    const src = `/gimbal/media/pictures/${picture.media}`;
    const face = editor.querySelector(".gm-k-face");
    if (face.dataset.src !== src) { face.dataset.src = src; face.replaceChildren(h("img", { src, alt: "The start picture", draggable: "false" })); }
    if (fold.open) framing.show(picture, holder.aspect());
    text(facts, [picture.name || "Start picture", picture.width ? `${picture.width} × ${picture.height}` : ""].filter(Boolean).join(" · "));
    text(notes, (picture.notes || []).join(" "));
    notes.hidden = !picture.notes?.length;
  }
  fold.addEventListener("toggle", show);
  return { node, show, take, takeFrame };
}
