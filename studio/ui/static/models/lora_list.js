/** The LoRA of the shelf: each with what it was made for, its words, its strength and a sample. */
import { post } from "../api.js";
import { refreshForm } from "../bridge.js";
import { button, bytes, h, icon, keyed, plain, text } from "../dom.js";
import { field } from "../fields.js";
import { set, state } from "../store.js";
import { chooser } from "../subject/files.js";
import { fail, undoable } from "../toast.js";
import { takeLoras, wear } from "./files.js";

/** {node, show(answer of "loras"), live()}; `load` reads the list again. */
export function makeLoraList(load) {
  const files = chooser(".safetensors", takeLoras);
  const first = h("button", { type: "button", class: "gm-m-drop", onclick: () => files.click() }, icon("plus"), h("strong", {}, "Drop a LoRA anywhere on the window, or click to choose"), h("span", {}, "What it was made for is read from the file itself."));
  const count = h("h3", {});
  const rows = h("div", { class: "gm-m-rows" });
  const broken = h("div", {});
  const node = h("section", { class: "gm-m-list", role: "tabpanel", "aria-label": "LoRA", hidden: true }, files, first, count, rows, broken);
  const change = (digest, body) => post(`loras/${digest}/change`, body).then(() => { refreshForm(); load(); }).catch((error) => { fail(error); load(); });
  const acts = {
    change,
    sample: (each) => post(`loras/${each.digest}/sample`, { project: state.project, model: wearing(each) }).then(load).catch(fail),
    remove: (each) => post(`loras/${each.digest}/remove`).then(() => {
      refreshForm();
      load();
      undoable(`The LoRA ${each.name} is taken out.`, async () => { await post(`loras/${each.digest}/restore`); refreshForm(); load(); });
    }).catch(fail),
  };
  return {
    node,
    show({ loras, broken: faults }) {
      count.hidden = !loras.length;
      text(count, `In the library · ${loras.length}`);
      keyed(rows, loras, (each) => each.digest, (each) => create(each, acts), (row, each) => row.show(each));
      broken.replaceChildren(...faults.map((fault) => h("p", { class: "gm-problem" }, `${fault.name}: ${fault.message}`)));
    },
    live() {},
  };
}

/** The model a sample is made with: that of the form where it fits, else the first that does. */
function wearing(each) {
  const chosen = field("model")?.value();
  return Object.hasOwn(each.fits, chosen) ? chosen : Object.keys(each.fits)[0];
}

function create(first, acts) {
  const face = h("div", { class: "gm-m-face" });
  const name = h("input", { type: "text", class: "gm-m-title", maxlength: "80", "aria-label": "Name", autocomplete: "off" });
  const facts = h("span", { class: "gm-muted gm-num" });
  const words = h("p", { class: "gm-m-chance" });
  const strength = h("input", { type: "text", inputmode: "decimal", class: "gm-number", "aria-label": "Strength to begin with", autocomplete: "off" });
  const deeds = h("div", { class: "gm-m-deeds" });
  const row = h("article", { class: "gm-m-lora", dataset: { lora: first.digest } }, face,
    h("div", { class: "gm-m-side" }, name, facts, words, h("div", { class: "gm-m-last" }, h("label", { class: "gm-entry" }, h("span", {}, "Strength"), strength), deeds)));
  let lora = first;
  let drawn = "";
  name.addEventListener("change", () => acts.change(lora.digest, { name: name.value }));
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") name.blur(); });
  strength.addEventListener("change", () => {
    const asked = Number(strength.value.replace(",", "."));
    if (Number.isFinite(asked)) acts.change(lora.digest, { strength: Math.max(-2, Math.min(2, asked)) });
    else strength.value = plain(lora.strength, 2);
  });
  row.show = (each) => {
    lora = each;
    const now = JSON.stringify(each);
    if (now === drawn) return;
    drawn = now;
    if (document.activeElement !== name) name.value = each.name;
    strength.value = plain(each.strength, 2);
    const fits = Object.values(each.fits);
    text(facts, [fits.length ? `for ${fits.join(" / ")}` : `made for ${each.base}, which is not here`, `rank ${each.rank}`, bytes(each.bytes)].join(" · "));
    text(words, each.words.length ? `Say: ${each.words.join(", ")}` : each.title && each.title !== each.name ? each.title : "");
    deeds.replaceChildren(...doing(each, acts));
    sampled(face, each);
  };
  return row;
}

function doing(each, acts) {
  const fits = Object.keys(each.fits).length > 0;
  const chosen = Object.hasOwn(each.fits, field("model")?.value());
  const making = ["queued", "running"].includes(each.sample?.state);
  const sample = button("play", `Sample of ${each.name}, always with the same seed`, () => acts.sample(each), { word: making ? "On its way" : each.sample?.clip ? "Sample again" : "Sample", disabled: !fits || making });
  const use = button("use", chosen ? `Use ${each.name} in the form` : `${each.name} does not fit the chosen model`, () => { wear(each); document.querySelector(".gm-m-shelf")?.close(); if (state.tab === "library" || state.tab === "subject") set({ tab: "text" }); }, { word: "Use", kind: "gm-line", disabled: !chosen });
  return [button("trash", `Take ${each.name} out`, () => acts.remove(each)), sample, use];
}

function sampled(face, each) {
  const clip = each.sample?.clip;
  if (!clip) return face.replaceChildren(h("span", { class: "gm-muted" }, ["queued", "running"].includes(each.sample?.state) ? "…" : "no sample"));
  const film = h("video", { src: clip.url, poster: clip.poster, muted: true, loop: true, playsinline: true, preload: "metadata", "aria-label": `Sample of ${each.name}`, title: clip.prompt, onpointerenter: (event) => event.target.play().catch(() => {}), onclick: (event) => event.target.play().catch(() => {}), onpointerleave: (event) => event.target.pause() });
  film.muted = true;
  face.replaceChildren(film);
}
