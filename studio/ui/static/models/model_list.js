/** The models of the shelf: what is here, what can be fetched, and a folder that is on the disk already. */
import { post } from "../api.js";
import { refreshForm } from "../bridge.js";
import { bytes, h, text } from "../dom.js";
import { loadStart } from "../store.js";
import { fail, tell, undoable } from "../toast.js";
import { diskOf, group, makeErrands, showLive } from "./errands.js";
import { makeModelRow } from "./model_row.js";

const VIEWS = [["here", "Here"], ["fits", "Fits here"], ["all", "All"]];

/** {node, show(answer of "models"), live(snapshot)}; `load` reads the list again. */
export function makeModelList(load) {
  let told = null;
  let view = "fits";
  const find = h("input", { type: "search", class: "gm-s-input gm-m-find", placeholder: "Find a model", "aria-label": "Find a model", autocomplete: "off" });
  find.addEventListener("input", () => draw());
  const views = VIEWS.map(([name, word]) => h("button", { type: "button", role: "radio", onclick: () => { view = name; draw(); } }, word));
  const disk = h("p", { class: "gm-muted gm-num gm-m-disk" });
  const here = group("On this machine");
  const away = group("To fetch");
  const none = h("p", { class: "gm-muted" }, "No model is called so.");
  const broken = h("div", {});
  const node = h("section", { class: "gm-m-list", role: "tabpanel", "aria-label": "Models" },
    h("div", { class: "gm-m-bar" }, find, h("div", { class: "gm-segments", role: "radiogroup", "aria-label": "Which models" }, views)),
    disk, broken, here.node, away.node, none, adding(load));

  /** After models have come or gone: the form, the list of models and this list. */
  const changed = () => { refreshForm(); loadStart().catch(() => {}); };
  const errands = makeErrands("models", load);
  const acts = {
    ...errands,
    remove: (each) => errands.act(`${each.id}/remove`, {}, ({ freed }) => {
      changed();
      if (each.origin === "added") undoable(`${each.title} is no longer in the list; its files stay.`, () => errands.act("add", { path: each.folder }, ({ refused }) => (refused ? fail(refused) : changed())));
      else tell(`${each.title} is removed.`, { hint: each.origin === "joined" ? "The files it was made of stay." : `${bytes(freed)} freed.` });
    }),
  };
  const idOf = (each) => each.id;
  const create = (each) => makeModelRow(each, acts);
  const update = (row, each) => row.show(each, told);

  function draw() {
    views.forEach((each, n) => each.setAttribute("aria-checked", String(VIEWS[n][0] === view)));
    if (!told) return;
    const words = find.value.trim().toLowerCase();
    const said = (each) => [each.id, each.title, each.family, each.licence].join(" ").toLowerCase();
    const meant = told.models.filter((each) => words.split(/\s+/).every((word) => said(each).includes(word)));
    const kept = meant.filter((each) => each.origin !== "away");
    const offered = meant.filter((each) => each.origin === "away" && (words || each.job || each.held || view === "all" || (view === "fits" && each.verdict !== "no")));
    here.draw(kept, idOf, create, update);
    away.draw(view === "here" && !words ? offered.filter((each) => each.job || each.held) : offered, idOf, create, update);
    none.hidden = Boolean(kept.length + offered.length);
    const hidden = told.models.filter((each) => each.origin === "away").length - offered.length;
    text(disk, [...diskOf(told), !words && view === "fits" && hidden > 0 ? `${hidden} more need more memory than is here` : ""].filter(Boolean).join(" · "));
    broken.replaceChildren(...told.broken.map((fault) => h("p", { class: "gm-problem" }, `${fault.name}: ${fault.message} ${fault.hint}`)));
  }
  return {
    node,
    show(answer) {
      const had = told?.models.filter((each) => each.origin !== "away").map((each) => each.id).join();
      told = answer;
      const has = told.models.filter((each) => each.origin !== "away").map((each) => each.id).join();
      if (had !== undefined && had !== has) changed();
      draw();
    },
    live: (live) => showLive(node, live),
  };
}

/** A folder or file that is on this machine already. */
function adding(load) {
  const path = h("input", { type: "text", class: "gm-s-input", id: "gm-m-path", placeholder: "/path/to/a/checkpoint", "aria-label": "Path of a folder or a file on this machine", autocomplete: "off", spellcheck: "false", maxlength: "4096" });
  const problem = h("p", { class: "gm-problem", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: "gm-button gm-line" }, "Add");
  const form = h("form", { class: "gm-m-add" }, path, go);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    problem.hidden = true;
    try {
      const { added, refused } = await post("models/add", { path: path.value });
      if (refused) throw refused;
      path.value = "";
      tell(`${added.map((each) => each.title).join(", ")} can be used now.`);
      await load();
    } catch (error) {
      problem.hidden = false;
      text(problem, `${error.message} ${error.hint || ""}`.trim());
    }
    go.disabled = false;
  });
  return h("section", {}, h("h3", {}, "Already on this machine"), h("p", { class: "gm-muted" }, "A checkpoint in diffusers layout, a single file (safetensors, GGUF), ComfyUI’s folder, or the Hugging Face cache. It is used where it lies; nothing is copied."), form, problem);
}

/** "about 6 min a clip", as exact as arithmetic is. */
export function aboutSeconds(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}
