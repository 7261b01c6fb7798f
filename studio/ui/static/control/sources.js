/** Where a source comes from: a file, the clip on the stage, the library, the camera's sketch, the built-in figure. */
import { button, h } from "../dom.js";
import { get, post, send } from "../api.js";
import { field } from "../fields.js";
import { set, state } from "../store.js";
import { fail, tell, undoable } from "../toast.js";
import { firstFigure } from "./figure.js";
import { EMPTY, nameOf } from "./plan.js";

const FILES = "video/*,image/*,.mkv,.mov,.avi,.webm,.gif";

/** {choose(kind), take(file), clip(clip), library(), camera(), move(), figure(), buttons(), list(), node}. */
export function makeSources(work, opened) {
  let goal = null; // the structure whose clip is being chosen, or null for the source
  const chooser = h("input", { type: "file", accept: FILES, class: "gm-file", tabindex: "-1", "aria-label": "A source clip or picture" });
  chooser.addEventListener("change", () => {
    const file = chooser.files[0];
    chooser.value = "";
    if (file) (goal ? takeGiven(file, goal) : take(file));
  });
  const choose = (kind = null) => { goal = kind; chooser.click(); };

  /** Another source: it begins with its own framing, and without what was painted on the last one. */
  function put(source, more = {}) {
    const before = work.doc;
    const first = !before.structures.length && before.change.what === "all";
    const structures = source.kind === "figure" ? [...before.structures.filter((each) => each.given), structure("pose")]
      : first ? [structure("depth")] : before.structures.map((each) => (each.ofSource ? structure(each.kind) : each));
    const next = { source, cut: EMPTY.cut, structures, change: { ...before.change, shapes: {}, file: null }, ...more };
    work.load({ ...before, ...next, made: {} });
    work.change({}, { now: true });
    opened(source.kind === "figure" ? "figure" : "all");
    if (before.source) undoable("The source is another one.", () => { work.load(before); work.change({}, { now: true }); });
  }
  async function take(file) {
    work.expect(file.name);
    try {
      const { looks, notes, ...source } = await brought(file);
      put(source);
      if (notes.length) tell(`${file.name}: ${notes.join(" ")}`);
      if (looks) tell(`${file.name} looks like a ${nameOf(looks).toLowerCase()} clip already.`, { hint: "Then nothing has to be read off it.", action: { word: `Use as ${nameOf(looks).toLowerCase()}`, run: () => asGiven(source, looks) }, seconds: 20 });
    } catch (error) {
      fail(error);
    } finally {
      work.expect("");
    }
  }
  /** A file that is a control clip itself takes its place among the structures. */
  function asGiven(source, kind) {
    work.change({ source: null, made: {} });
    return give(source, kind);
  }
  async function takeGiven(file, kind) {
    try {
      await give(await brought(file), kind);
    } catch (error) {
      fail(error);
    }
  }
  async function give({ media, name }, kind) {
    const checked = await post("control/check", { media, kind });
    const others = work.doc.structures.filter((each) => each.kind !== kind);
    work.change({ structures: [...others, { ...structure(kind), given: media, name, checked }] }, { now: true });
    opened("all");
  }
  async function clip(from) {
    work.expect(from.prompt || "clip");
    try {
      const { media } = await post(`clips/${from.id}/source`);
      const { looks, notes, ...source } = await get(`control/sources/${media}`);
      set({ tab: "control" });
      put({ ...source, name: from.prompt || "clip", clip: from.id });
    } catch (error) {
      fail(error);
    } finally {
      work.expect("");
    }
  }
  /** The stage along the camera's sketch, rendered: {source, depth, path}; null where there is no sketch. */
  async function sketched() {
    const sketch = field("camera")?.value();
    if (!sketch?.path || !work.target) return void tell("There is no camera move yet.", { hint: "Sketch one in the Camera tab." });
    return { ...(await post("control/camera", { path: sketch.path, things: sketch.things || [], target: work.target })), path: sketch.path };
  }
  const ofSketch = ({ depth, path }) => ({ ...structure("depth"), given: depth, name: "the stage's own depth", path });
  async function camera() {
    work.expect("the camera's sketch");
    try {
      const made = await sketched();
      if (made) put(made.source, { structures: [{ ...ofSketch(made), ofSource: true }] });
    } catch (error) {
      fail(error);
    } finally {
      work.expect("");
    }
  }
  /** The move leads beside what else is followed: its depth takes the place of the source's. */
  async function move() {
    try {
      const made = await sketched();
      if (!made) return;
      work.change({ structures: [ofSketch(made), ...work.doc.structures.filter(({ kind }) => kind !== "depth")] }, { now: true });
      opened("all");
    } catch (error) {
      fail(error);
    }
  }
  const figure = () => put({ kind: "figure", name: "Figure", media: "" }, { figure: work.doc.figure || firstFigure(work.target ? work.target.width / work.target.height : 1) });

  async function library() {
    const wall = h("div", { class: "gm-c-library" });
    const search = h("input", { type: "search", class: "gm-line-text", placeholder: "Search clips", "aria-label": "Search clips to take as source", autocomplete: "off" });
    const dialog = h("dialog", { class: "gm-dialog gm-c-dialog", "aria-label": "Choose a clip" },
      h("header", {}, h("h2", {}, "Choose a clip"), h("span", { class: "gm-gap" }), h("button", { type: "button", class: "gm-button gm-square", "aria-label": "Close", onclick: () => dialog.close() }, "×")), search, wall);
    const one = (each) => h("button", { type: "button", class: "gm-take", title: each.prompt, "aria-label": each.prompt, style: `--ratio: ${each.width / each.height}`, onclick: () => { dialog.close(); clip(each); } }, h("img", { src: each.poster, alt: "", loading: "lazy" }));
    const fill = async () => {
      try {
        const { clips } = await get("clips", { text: search.value, limit: 60 });
        wall.replaceChildren(...(clips.length ? clips.map(one) : [h("p", { class: "gm-muted" }, "No clip is found.")]));
      } catch (error) { fail(error); }
    };
    let waiting = 0;
    search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(fill, 200); });
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    dialog.showModal();
    await fill();
  }
  const list = () => [
    { word: "Choose a file…", run: () => choose() },
    ...(state.clip ? [{ word: "The clip on the stage", run: () => clip(state.clip) }] : []),
    { word: "A clip of the library…", run: library },
    { word: "The camera's sketch", side: "from the Camera tab", run: camera },
    { word: "Pose a figure", side: "no clip needed", run: figure },
  ];
  const buttons = () => [
    button("open", "Choose a file", () => choose(), { word: "File", kind: "gm-line" }), button("search", "A clip of the library", library, { word: "Library", kind: "gm-line" }),
    button("turn", "The camera's sketch, rendered", camera, { word: "Camera sketch", kind: "gm-line" }), button("figure", "Pose the built-in figure", figure, { word: "Figure", kind: "gm-line" }),
  ];
  return { choose, take, clip, library, camera, move, figure, list, buttons, node: chooser };
}

/** Keep a file; what is wrong with it is thrown in the studio's words. */
export async function brought(file, to = "control/sources") {
  const answer = await send(to, file);
  if (answer.refused) throw Object.assign(new Error(answer.refused.message), { hint: answer.refused.hint });
  return answer;
}

/** A structure as it begins. */
export function structure(kind) {
  return { kind, estimator: kind === "lineart" ? "lineart" : "", strength: 1, given: "", name: "" };
}
