/** Files that come into the Subject tab: pictures and clips for a draft, subjects that were trained elsewhere. */
import { h } from "../dom.js";
import { post, send } from "../api.js";
import { isWeights } from "../models/files.js";
import { set, state } from "../store.js";
import { fail, tell } from "../toast.js";
import { begin, change, changed, desk, draft, isDrafting, load, model, open } from "./desk.js";

const MOST_AT_ONCE = 200;
/** Take whatever was dropped: weights are imported, the rest are pictures of the draft. */
export async function takeFiles(files) {
  const weights = files.filter(isWeights);
  const pictures = files.filter((file) => !isWeights(file));
  set({ tab: "subject" });
  if (weights.length) await importFiles(weights);
  if (pictures.length) await bringPictures(pictures);
}

/** Keep pictures and clips in the library and put them into the draft, in their order. */
export async function bringPictures(files) {
  if (files.length > MOST_AT_ONCE) return tell(`${files.length.toLocaleString("en")} files are too many; 30 pictures are the most.`, { hint: "Choose those that differ most.", bad: true });
  if (!isDrafting()) begin();
  desk.bringing += files.length;
  changed();
  for (const file of files) {
    try {
      const found = await send("subjects/pictures", file);
      if (found.refused) tell(found.refused.message, { hint: found.refused.hint, bad: true });
      else add([{ media: found.media, name: file.name, kind: found.kind }]);
    } catch (error) {
      fail(error);
    }
    desk.bringing -= 1;
    changed();
  }
}

/** Put media of the library into the draft; one that is there already stays as it is. */
export function add(pictures) {
  const known = new Set(draft().pictures.map((each) => each.media));
  const fresh = pictures.filter((each) => !known.has(each.media));
  if (fresh.length < pictures.length) tell(`${pictures.find((each) => known.has(each.media)).name || "This picture"} is there already.`);
  if (fresh.length) change({ pictures: [...draft().pictures, ...fresh] });
}

/** Keep a frame of a clip, and put it into the draft. */
export async function addFrame(clip, frame) {
  try {
    const { media, name } = await post(`clips/${clip.id}/frame`, { frame });
    set({ tab: "subject" });
    begin();
    add([{ media, name, kind: "image" }]);
  } catch (error) {
    fail(error);
  }
}

/** Take in trained files; where they do not say what they are called, ask. */
export async function importFiles(files, names = {}) {
  const body = new FormData();
  for (const file of files) body.append("files", file, file.name);
  for (const [name, words] of Object.entries({ model: model(), ...names })) body.append(name, words);
  const token = document.querySelector('meta[name="gimbal-token"]')?.content || "";
  try {
    const response = await fetch("/gimbal/api/subjects/import", { method: "POST", headers: { "x-gimbal-token": token }, body });
    const answer = await response.json();
    const refused = answer.refused || answer.error;
    const problem = (refused?.problems || []).find((each) => ["token", "model"].includes(each.field));
    if (problem) return called(files, names, problem);
    if (refused) return tell(refused.message, { hint: refused.hint || "", bad: true });
    await load();
    open(answer.id);
    tell(`${answer.token} is imported.`);
  } catch (error) {
    fail(error);
  }
}

/** Ask for what the files do not tell, or tell otherwise: the token, the kind of thing, the model they are for. */
function called(files, names, { field, message, hint }) {
  const token = h("input", { class: "gm-s-input", value: names.token || "", placeholder: "<my-dog>", "aria-label": "Token", maxlength: "60" });
  const word = h("input", { class: "gm-s-input", value: names.class_word || "", placeholder: "dog", "aria-label": "Kind of thing", maxlength: "60" });
  const base = h("select", { "aria-label": "Model" }, (state.start?.cards || []).map((card) => h("option", { value: card.id }, card.title)));
  base.value = names.model || model();
  const typed = () => Object.fromEntries([["token", token.value.trim()], ["class_word", word.value.trim()]].filter(([, words]) => words));
  const take = () => { dialog.close(); importFiles(files, { ...typed(), model: base.value }); };
  const dialog = h("dialog", { class: "gm-dialog", "aria-label": "Import a subject" },
    h("header", {}, h("h2", {}, field === "model" ? "Which model is it for?" : "What shall it be called?"), h("span", { class: "gm-gap" }), h("button", { type: "button", class: "gm-button gm-square", "aria-label": "Close", onclick: () => dialog.close() }, "×")),
    h("p", { class: "gm-muted" }, files.map((file) => file.name).join(", ")),
    h("p", { class: "gm-problem", role: "alert" }, `${message} ${hint || ""}`.trim()),
    h("label", { class: "gm-s-label" }, "Token", token),
    h("label", { class: "gm-s-label" }, "Kind of thing", word),
    h("label", { class: "gm-row" }, "Model", base),
    h("button", { type: "button", class: "gm-primary", onclick: take }, "Import"));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); take(); } });
  document.body.append(dialog);
  dialog.showModal();
}

/** A button's file chooser. */
export function chooser(accept, take) {
  const input = h("input", { type: "file", accept, multiple: true, class: "gm-file", tabindex: "-1", "aria-hidden": "true", "aria-label": "Choose files" });
  input.addEventListener("change", () => { const files = [...input.files]; input.value = ""; if (files.length) take(files); });
  return input;
}
