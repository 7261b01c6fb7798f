/** The camera move in the form: in words, from presets, from the project or a file. The sketch itself lies over the stage. */
import { button, h, plain, text } from "./dom.js";
import { ask, get, post, send } from "./api.js";
import { field as control, heading } from "./fields.js";
import { makeSketch } from "./camera/sketch.js";
import { mountSketcher } from "./camera/sketcher.js";
import { middle } from "./camera/things.js";
import { makePicture } from "./start_picture.js";
import { set, state } from "./store.js";
import { fail, tell, undoable } from "./toast.js";
import { menu } from "./top.js";

let sketch = null;
let sketcher = null;
let drawn = null; // the control as it stands now: it is drawn anew when the model changes
let waiting = 0;

/** The control of kind "camera": value {path, things, text, picture}. */
export function camera(field) {
  const { spec, put, id } = field;
  if (!sketch) begin(field.value() || spec.default);
  if (sketch.limits !== spec.extra.limits) { sketch.limits = spec.extra.limits; sketch.tell("film"); }
  const words = h("input", { id, type: "text", class: "gm-line-text", placeholder: "orbit left 90 and zoom in 1.5", autocomplete: "off", spellcheck: "false", maxlength: "1000" });
  const problem = h("p", { class: "gm-problem", role: "alert", hidden: true });
  const say = (error) => { problem.hidden = !error; text(problem, error ? `${error.message} ${error.hint || ""}` : ""); };
  let asked = "";
  const apply = async (line) => {
    if (!line.trim() || line === asked) return;
    asked = line;
    sketcher?.open();
    try {
      const { path, refused } = await ask("camera/plan", { text: line, start: startOf(sketch) });
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
  const gets = h("summary", {});
  const lost = h("p", {});
  const route = h("details", { class: "gm-about gm-k-route" }, gets, lost);
  const held = { picture: () => sketch.doc.picture, put: sketch.setPicture, aspect: () => sketch.aspect };
  const picture = makePicture(held, { reason: spec.extra.pictures, what: "The move is then of what the picture shows", place: "camera", shown: () => sketcher?.open() });
  const show = () => {
    if (document.activeElement !== words) words.value = sketch.doc.text || "";
    const way = spec.extra.routes[sketch.doc.picture ? "picture" : "stage"];
    text(gets, way.gets);
    text(lost, way.lost);
    picture.show();
  };
  drawn = { put, show, picture };
  return {
    nodes: [heading(field), picture.node, words, problem, presets(spec.extra.moves, words, apply), files(spec.extra.formats), route],
    show: (next) => {
      if (next?.path && JSON.stringify(next) !== JSON.stringify(sketch.doc)) {
        const doc = { text: "", picture: null, ...next, things: next.things || sketch.doc.things };
        if (sketch.past.length) sketch.change(doc, { select: null });
        else sketch.load(doc);
        sketcher?.fit();
      }
      show();
    },
  };
}

/** One sketch for the life of the page; the form hears of it a moment after its last change. */
function begin(value) {
  sketch = Object.assign(makeSketch({ picture: null, ...value }), { limits: null, ahead: false });
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
  const chooser = h("input", { type: "file", class: "gm-file", "aria-label": "A camera file or a clip", accept: ".txt,.tum,.json,.gltf,.glb,video/*", tabindex: "-1" });
  chooser.addEventListener("change", () => { const [file] = chooser.files; if (file) (file.type.startsWith("video/") ? likeFile : takeFile)(file); chooser.value = ""; });
  const keeper = button("save", "Save this move in the project", () => menu(keeper, [{ ask: "Name of this move", run: keep }], { asks: true }), { word: "Save" });
  const opener = button("open", "Saved moves, and the move of a clip", () => saved(opener), { word: "Open" });
  const giver = button("export", "Write the move to a camera file", () => menu(giver, formats.map(({ name, title }) => ({ word: title, run: () => download(name) }))), { word: "Export" });
  return h("div", { class: "gm-k-files" }, keeper, opener, button("use", "Read a camera file, or measure the move of a clip file", () => chooser.click(), { word: "Import" }), giver, chooser);
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
  const [first] = doc.path.keys;
  const focal = first.focal_mm;
  if (doc.picture && first.target) return { position: first.position, target: first.target, focal_mm: focal };
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
    h("div", { class: "gm-k-joins" }, act("Use", "This move alone", join("")), act("+ then", "After the moves above", join("then")), act("+ and", "At the same time as the last move above", join("and"))));
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
    const put = (row) => follow(row.path);
    const clip = state.clip && { word: "Move like the clip on the stage", run: () => likeClip(state.clip) };
    const versions = async (row) => {
      const { paths: all } = await get("camera/paths", { project: state.project, name: row.name });
      menu(anchor, [...all.map((each) => ({ word: `Version ${each.version}`, side: `${each.path.keys.length} keys`, run: () => put(each) })), null,
        { ask: "Another name for this move", run: async (name) => { await post("camera/paths/rename", { project: state.project, name: row.name, new_name: name }); tell(`“${row.name}” is now “${name}”.`); } },
        { word: "Delete this move", run: async () => { await post("camera/paths/delete", { project: state.project, name: row.name }); undoable(`“${row.name}” is deleted.`, () => post("camera/paths/restore", { project: state.project, name: row.name })); } }]);
    };
    const note = !paths.length && { node: h("p", { class: "gm-menu-note" }, "No move is saved in this project yet.") };
    menu(anchor, [clip, clip && null, note, ...paths.flatMap((row) => [{ word: row.name, side: `v${row.version}`, run: () => put(row) }, { word: "  versions, name…", run: () => versions(row) }])].filter((item) => item === null || item));
  } catch (error) {
    fail(error);
  }
}

/** Another path in the sketch, shown. */
function follow(path) {
  sketch.change({ ...sketch.doc, path, text: "" }, { select: null });
  set({ tab: "camera" });
  sketcher?.open();
}

/** Move like a clip of the library: by the path it was made with, or else as its camera is measured. */
export const likeClip = (clip) => like(() => ask(`camera/take/${clip.id}`, { start: startOf(sketch) }));

/** Move like a clip in a file. */
export const likeFile = (file) => like(() => send("camera/take", file));

async function like(take) {
  const wait = setTimeout(() => tell("Measuring how the camera of the clip moved…", { hint: "That takes some seconds.", seconds: 8 }), 600);
  try {
    const { path, measured, notes } = await take();
    follow(path);
    tell(measured ? `The move was measured: ${path.keys.length} keys.` : `The clip's own move: ${path.keys.length} keys.`, { hint: notes.join(" ") });
  } catch (error) {
    fail(error);
  } finally {
    clearTimeout(wait);
  }
}

/** Begin the move with a picture: a file, or the frame on the stage where none is given. */
export function startWith(file) {
  set({ tab: "camera" });
  return file ? drawn.picture.take(file) : drawn.picture.takeFrame();
}

/** Whether the model takes a start picture for a move. */
export const movesPictures = () => Boolean(drawn) && !control("camera")?.spec().extra.pictures;

/** A camera file becomes the sketch; what it could not hold is said. */
export async function takeFile(file) {
  try {
    const { path, title, notes, refused } = await send("camera/import", file);
    if (refused) return fail(refused);
    follow(path);
    tell(`${file.name}: ${title}, ${path.keys.length} keys.`, { hint: notes.join(" ") });
  } catch (error) {
    fail(error);
  }
}

async function download(format) {
  const { files: made, notes } = await ask("camera/export", { path: sketch.doc.path, format, num_frames: sketch.frames, fps: sketch.fps, aspect: sketch.aspect });
  for (const { name, data } of made) h("a", { href: data, download: name }).click();
  if (notes.length) tell("The file is written.", { hint: notes.join(" ") });
}
