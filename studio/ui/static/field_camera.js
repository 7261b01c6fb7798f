/** The camera move in the form: in words, from presets, from the project or a file. The sketch itself lies over the stage. */
import { button, h, plain, text } from "./dom.js";
import { get, post, send } from "./api.js";
import { heading } from "./fields.js";
import { makeSketch } from "./camera/sketch.js";
import { mountSketcher } from "./camera/sketcher.js";
import { middle } from "./camera/things.js";
import { set, state } from "./store.js";
import { fail, tell, undoable } from "./toast.js";
import { menu } from "./top.js";

let sketch = null;
let sketcher = null;
let drawn = null; // the control as it stands now: it is drawn anew when the model changes
let waiting = 0;

/** The control of kind "camera": value {path, things, text}. */
export function camera(field) {
  const { spec, put, id } = field;
  if (!sketch) begin(field.value() || spec.default, spec.extra.limits);
  const words = h("input", { id, type: "text", class: "gm-line-text", placeholder: "orbit left 90 and zoom in 1.5", autocomplete: "off", spellcheck: "false", maxlength: "1000" });
  const problem = h("p", { class: "gm-problem", role: "alert", hidden: true });
  const say = (error) => { problem.hidden = !error; text(problem, error ? `${error.message} ${error.hint || ""}` : ""); };
  let asked = "";
  const apply = async (line) => {
    if (!line.trim() || line === asked) return;
    asked = line;
    sketcher?.open();
    try {
      const { path, refused } = await post("camera/plan", { text: line, start: startOf(sketch) });
      say(refused);
      if (refused) return;
      sketch.change({ ...sketch.doc, path, text: line }, { select: null });
      sketcher?.fit();
    } catch (error) {
      say(error);
    } finally {
      asked = "";
    }
  };
  words.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) { event.preventDefault(); apply(words.value); } });
  words.addEventListener("change", () => { if (words.value !== sketch.doc.text) apply(words.value); });
  const route = h("details", { class: "gm-about gm-k-route" }, h("summary", {}, spec.extra.gets), h("p", {}, spec.extra.lost));
  const show = () => { if (document.activeElement !== words) words.value = sketch.doc.text || ""; };
  drawn = { put, show };
  return {
    nodes: [heading(field), words, problem, presets(spec.extra.moves, words, apply), files(spec.extra.formats), route],
    show: (next) => {
      if (next?.path && JSON.stringify(next) !== JSON.stringify(sketch.doc)) {
        const doc = { text: "", ...next, things: next.things || sketch.doc.things };
        if (sketch.past.length) sketch.change(doc, { select: null });
        else sketch.load(doc);
        sketcher?.fit();
      }
      show();
    },
  };
}

/** One sketch for the life of the page; the form hears of it a moment after its last change. */
function begin(value, limits) {
  sketch = Object.assign(makeSketch(value), { limits, ahead: false });
  standOver(sketch);
  sketch.on((what) => {
    if (what !== "doc") return;
    drawn.show();
    clearTimeout(waiting);
    waiting = setTimeout(() => drawn.put(sketch.doc), 120);
  });
  window.addEventListener("gimbal:reply", ({ detail }) => {
    if (detail.kind !== "look") return;
    const [width, height] = detail.values.size || [1, 1];
    const shape = { frames: detail.values.num_frames || 17, fps: detail.values.fps || 8, aspect: width / height || 1 };
    if (Object.keys(shape).some((name) => sketch[name] !== shape[name])) sketch.shape(shape);
  });
}

function files(formats) {
  const chooser = h("input", { type: "file", class: "gm-file", "aria-label": "A camera file", accept: ".txt,.json,.gltf,.glb", tabindex: "-1" });
  chooser.addEventListener("change", () => { if (chooser.files[0]) takeFile(chooser.files[0]); chooser.value = ""; });
  const keeper = button("save", "Save this move in the project", () => menu(keeper, [{ ask: "Name of this move", run: keep }], { asks: true }), { word: "Save" });
  const opener = button("open", "Moves saved in this project", () => saved(opener), { word: "Open" });
  const giver = button("export", "Write the move to a camera file", () => menu(giver, formats.map(({ name, title }) => ({ word: title, run: () => download(name) }))), { word: "Export" });
  return h("div", { class: "gm-k-files" }, keeper, opener, button("use", "Read a camera file", () => chooser.click(), { word: "Import" }), giver, chooser);
}

/** The stage's place may come after the form. */
function standOver(made) {
  const place = document.getElementById("gm-stage-place");
  if (!place) return void setTimeout(() => standOver(made), 50);
  sketcher = mountSketcher(place, made);
}

/** Moves begin before the first thing on the stage and look at it. */
function startOf({ doc }) {
  const thing = doc.things[0];
  const focal = doc.path.keys[0].focal_mm;
  if (!thing) return { focal_mm: focal };
  return { position: [thing.x, -1.2, thing.z - 4], target: middle(thing), focal_mm: focal };
}

/** A move by name, with its direction and amount: alone, after the present one, or at the same time. */
function presets(moves, words, apply) {
  const name = h("select", { "aria-label": "Move", onchange: () => pick() }, moves.map((move) => h("option", { value: move.name }, move.name)));
  const way = h("select", { "aria-label": "Direction" });
  const amount = h("input", { type: "text", inputmode: "decimal", class: "gm-number", "aria-label": "Amount" });
  const unit = h("span", { class: "gm-unit" });
  const move = () => moves.find((each) => each.name === name.value);
  function pick() {
    const { directions, unit: of, default: usual, help } = move();
    way.replaceChildren(...directions.map((word) => h("option", { value: word }, word)));
    way.hidden = !directions.length;
    amount.hidden = !of;
    amount.value = plain(usual);
    text(unit, { degrees: "°", metres: "m", times: "×" }[of] || "");
    name.title = `${name.value} ${help}`;
  }
  const step = () => [name.value, way.hidden ? "" : way.value, amount.hidden ? "" : amount.value.replace(",", ".").trim()].filter(Boolean).join(" ");
  const join = (word) => () => {
    const before = word && words.value.trim();
    words.value = before ? `${before} ${word} ${step()}` : step();
    apply(words.value);
  };
  const act = (word, label, run) => h("button", { type: "button", class: "gm-button gm-line", title: label, onclick: run }, word);
  name.value = "orbit";
  pick();
  return h("div", { class: "gm-k-presets" }, h("div", { class: "gm-k-preset" }, name, way, amount, unit),
    h("div", { class: "gm-k-joins" }, act("Use", "This move alone", join("")), act("then", "After the moves above", join("then")), act("and", "At the same time as the last move above", join("and"))));
}

async function keep(name) {
  try {
    const row = await post("camera/paths", { project: state.project, name, path: sketch.doc.path });
    tell(`Saved as “${row.name}”${row.version > 1 ? `, version ${row.version}` : ""}.`);
  } catch (error) {
    fail(error);
  }
}

async function saved(anchor) {
  try {
    const { paths } = await get("camera/paths", { project: state.project });
    if (!paths.length) return tell("No move is saved in this project yet.");
    const put = (row) => sketch.change({ ...sketch.doc, path: row.path, text: "" }, { select: null });
    const versions = async (row) => {
      const { paths: all } = await get("camera/paths", { project: state.project, name: row.name });
      menu(anchor, [...all.map((each) => ({ word: `Version ${each.version}`, side: `${each.path.keys.length} keys`, run: () => put(each) })), null,
        { word: "Delete this move", run: async () => { await post("camera/paths/delete", { project: state.project, name: row.name }); undoable(`“${row.name}” is deleted.`, () => post("camera/paths/restore", { project: state.project, name: row.name })); } }]);
    };
    menu(anchor, paths.flatMap((row) => [{ word: row.name, side: `v${row.version}`, run: () => put(row) }, { word: "  versions…", run: () => versions(row) }]));
  } catch (error) {
    fail(error);
  }
}

/** A camera file becomes the sketch; what it could not hold is said. */
export async function takeFile(file) {
  try {
    const { path, title, notes } = await send("camera/import", file);
    sketch.change({ ...sketch.doc, path, text: "" }, { select: null });
    set({ tab: "camera" });
    sketcher?.open();
    tell(`${file.name}: ${title}, ${path.keys.length} keys.`, { hint: notes.join(" ") });
  } catch (error) {
    fail(error);
  }
}

async function download(format) {
  const { files: made, notes } = await post("camera/export", { path: sketch.doc.path, format, num_frames: sketch.frames, fps: sketch.fps, aspect: sketch.aspect });
  for (const { name, data } of made) h("a", { href: data, download: name }).click();
  if (notes.length) tell("The file is written.", { hint: notes.join(" ") });
}
