/** The sketcher over the stage: plan, side and lens, the strip of time, the chosen key. Drawn without asking the server. */
import { button, h, text } from "../dom.js";
import { menu } from "../top.js";
import { on, state } from "../store.js";
import { reader, rotationOf, speedReader } from "./curve.js";
import { makeFilm } from "./film.js";
import { makeInk } from "./ink.js";
import { drawLens } from "./lens.js";
import { makePanel } from "./panel.js";
import { makePlan } from "./plan.js";
import { makePreview } from "./preview.js";
import { drawRelief, makeRelief } from "./relief.js";
import { frameAt } from "./sketch.js";
import { makeStrip } from "./strip.js";
import { soon } from "./svg.js";
import { COLOURS, KINDS } from "./things.js";
import { toQuaternion } from "./vectors.js";

const TOP = () => [{ axis: 0, sign: 1 }, { axis: 2, sign: 1 }];
const SIDE = () => [{ axis: 2, sign: 1 }, { axis: 1, sign: -1 }];
const FRONT = () => [{ axis: 0, sign: 1 }, { axis: 1, sign: -1 }];

/** Draw the sketcher into the stage's place. Returns {open(view), isOpen(), fit()}. */
export function mountSketcher(place, sketch) {
  let side = SIDE;
  const relief = makeRelief(sketch);
  const film = makeFilm(sketch);
  sketch.relief = () => (sketch.doc.picture ? relief.now() : null);
  const plan = makePlan(sketch, { name: "From above", axes: TOP, draws: true });
  const profile = makePlan(sketch, { name: "From the side", axes: () => side() });
  const canvas = h("canvas", { class: "gm-k-canvas" });
  const say = (words) => text(told, words);
  const told = h("p", { class: "gm-k-hint gm-k-told", role: "status" });
  const ink = makeInk(sketch, sketch.relief, (words) => { say(words); plan.fit(); profile.fit(); });
  const lensBox = h("div", { class: "gm-k-lens" }, canvas, ink.node);
  const lensTitle = h("p", { class: "gm-k-title" });
  const preview = makePreview(sketch, lensBox);
  const strip = makeStrip(sketch, () => (film.current() ? film.made.unseen : null));
  const panel = makePanel(sketch);
  const turn = button("turn", "From the side or from the front", () => { side = side === SIDE ? FRONT : SIDE; profile.fit(); }, { kind: "gm-k-corner" });
  sketch.turnOf = (key) => toQuaternion(rotationOf({ ...key, roll_degrees: 0 })); // its roll stays beside it

  const play = button("play", "Play the move", () => toggle(), { keys: "Space" });
  const counter = h("output", { class: "gm-counter", "aria-label": "Frame" });
  const pace = h("span", { class: "gm-muted gm-num gm-k-pace" });
  const undo = button("reset", "Undo", () => sketch.undo(), { keys: "Ctrl Z", kind: "gm-k-undo" });
  const redo = button("again", "Redo", () => sketch.redo(), { keys: "Ctrl Shift Z" });
  const loop = button("loop", "Loop: the end leads back to the beginning", () => sketch.loop(!sketch.doc.path.loop));
  const stand = button("plus", "Put something on the stage", () => menu(stand, KINDS.map((kind) => ({ word: kind[0].toUpperCase() + kind.slice(1), run: () => addThing(kind) }))), { word: "Thing" });
  const add = button("plus", "Add a key where the playhead is", () => sketch.addHere(), { word: "Key" });
  const remove = button("trash", "Delete the chosen key", () => sketch.selected !== null && sketch.deleteKey(sketch.selected), { keys: "Del" });
  const fit = button("fit", "Show all of the move", () => { plan.fit(); profile.fit(); });
  const views = h("div", { class: "gm-k-views", dataset: { view: "top" } },
    h("div", { class: "gm-k-pane", dataset: { pane: "top" } }, plan.ground, plan.node, h("p", { class: "gm-k-hint" }, "Draw a line on the ground, or drag a key. Shift or two fingers move the plan.")),
    h("div", { class: "gm-k-pane", dataset: { pane: "lens" } }, lensTitle, lensBox, told, preview.button),
    h("div", { class: "gm-k-pane", dataset: { pane: "side" } }, profile.ground, profile.node, turn));
  const choose = segments(["top", "Plan"], ["side", "Side"], ["lens", "Lens"]);
  const pick = choose(views.dataset.view, (name) => { view(name); draw("doc"); profile.fit(); plan.fit(); });
  function view(name) { views.dataset.view = name; choose.mark(pick, name); }
  pick.classList.add("gm-narrow-only");
  const acts = h("div", { class: "gm-k-acts" }, add, stand, remove, loop, fit);
  const transport = h("div", { class: "gm-k-transport" }, play, counter, pace);
  const node = h("section", { class: "gm-sketch", "aria-label": "Camera sketch", hidden: true },
    h("div", { class: "gm-k-tools" }, h("span", { class: "gm-k-room" }), pick, h("span", { class: "gm-gap" }), acts, undo, redo),
    views,
    h("div", { class: "gm-k-time" }, transport, strip.node),
    panel.node);
  let sketching = true;
  const change = segments(["sketch", "Sketch"], ["clip", "Clip"]);
  const bar = change("sketch", (name) => { sketching = name === "sketch"; show(); });
  bar.classList.add("gm-k-switch");
  bar.hidden = true;
  place.append(node, bar);
  const phone = matchMedia("(max-width: 760px)");
  const seatActs = () => (phone.matches ? transport.append(acts) : undo.before(acts));
  phone.addEventListener("change", seatActs);
  seatActs();

  function addThing(kind) {
    const spot = sketch.doc.things.length;
    sketch.addThing({ kind, x: spot ? 1.2 * Math.ceil(spot / 2) * (spot % 2 ? 1 : -1) : 0, z: 0, size: 1, yaw_degrees: 0, colour: COLOURS[kind] });
  }

  // Playing: as long as the clip, at the screen's own rate.
  let playing = 0;
  let before = 0;
  const length = () => Math.max(0.2, (sketch.doc.path.loop ? sketch.frames : sketch.frames - 1) / sketch.fps);
  function tick(now) {
    const seconds = before ? Math.min(0.1, (now - before) / 1000) : 0;
    before = now;
    const next = sketch.time + seconds / length();
    sketch.seek(next >= 1 ? 0 : next);
    playing = requestAnimationFrame(tick);
  }
  sketch.pause = () => { if (playing) toggle(); };
  function toggle() {
    if (playing) { cancelAnimationFrame(playing); playing = 0; }
    else { before = 0; playing = requestAnimationFrame(tick); }
    play.replaceChildren(...button(playing ? "pause" : "play", "").childNodes);
    node.classList.toggle("gm-k-playing", Boolean(playing));
  }
  const stepFrames = (count) => {
    sketch.pause();
    const gaps = sketch.doc.path.loop ? sketch.frames : Math.max(1, sketch.frames - 1);
    sketch.seek((((frameAt(sketch) + count) % sketch.frames) + sketch.frames) % sketch.frames / gaps);
  };
  sketch.addHere = () => sketch.addKey(speedReader(sketch.doc.path.speed)(sketch.time));

  let what = "";
  const redraw = soon(() => { const how = what; what = ""; draw(how); });
  sketch.on((kind) => { if (kind === "film") kind = "doc"; what = kind === "doc" || what === "doc" ? "doc" : kind === "select" || what === "select" ? "select" : "time"; redraw(); });

  function draw(how) {
    if (node.hidden) return;
    plan.draw(how);
    profile.draw(how);
    strip.draw(how);
    const box = lensBox.getBoundingClientRect();
    const wide = Math.max(1, Math.round(Math.min(box.width, box.height * sketch.aspect) * devicePixelRatio));
    const high = Math.max(1, Math.round(wide / sketch.aspect));
    if (box.width && (canvas.width !== wide || canvas.height !== high)) { Object.assign(canvas, { width: wide, height: high }); canvas.style.aspectRatio = String(sketch.aspect); canvas.style.width = `${wide / devicePixelRatio}px`; }
    if (box.width) look();
    ink.node.style.width = canvas.style.width;
    ink.node.style.aspectRatio = String(sketch.aspect);
    ink.draw();
    text(counter, `${String(frameAt(sketch) + 1).padStart(2, "0")} / ${sketch.frames}`);
    if (how === "time") return;
    if (fittedTo !== sketch.relief()) { fittedTo = sketch.relief(); plan.fit(); profile.fit(); }
    seat(views.dataset);
    preview.stale();
    relief.begin();
    film.wish();
    panel.draw();
    const { degrees, metres } = sketch.fastest || { degrees: 0, metres: 0 };
    const { limits } = sketch;
    const fast = limits && (degrees > limits.degrees * 1.001 || metres > limits.metres * 1.001);
    const hidden = film.current() ? Math.max(...film.made.unseen) : null;
    text(pace, `at most ${degrees.toFixed(1)}° and ${metres.toFixed(2)} m per frame${fast ? ": fast" : ""}${hidden === null ? "" : `, ${Math.round(100 * hidden)} % unseen`}`);
    pace.title = limits ? `${limits.model} was shown up to ${limits.degrees}° and ${limits.metres} m per frame: ${limits.source}.` : "How fast a camera this model can follow is not known.";
    pace.classList.toggle("gm-k-over", fast);
    remove.disabled = sketch.selected === null || sketch.doc.path.keys.length < 3;
    stand.hidden = Boolean(sketch.doc.picture);
    undo.disabled = !sketch.past.length;
    redo.disabled = !sketch.future.length;
    loop.setAttribute("aria-pressed", String(sketch.doc.path.loop));
  }

  /** Through the lens: the studio's warp of the picture where it is ready, its relief until then; or the stage. */
  function look() {
    const view = reader(sketch.doc.path)(sketch.time);
    const { picture } = sketch.doc;
    lensBox.classList.toggle("gm-k-has-picture", Boolean(picture));
    text(lensTitle, !picture ? "Through the lens" : film.current() || relief.now() ? "Through the lens · hatched: the picture does not show it" : "Reading the depth of the picture…");
    if (!picture) return drawLens(canvas, view, sketch.doc.things);
    if (film.current()) film.draw(canvas, frameAt(sketch));
    else if (relief.now()) drawRelief(canvas, view, relief.now(), sketch.doc.path);
    else canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    const trouble = relief.trouble || film.trouble;
    if (trouble) say(trouble);
    else if (!told.textContent || shownFor !== picture.media) say("Draw on it: onto a thing to push in, across to move past.");
    shownFor = picture.media;
  }
  let shownFor = "";
  let fittedTo = null;
  /** The picture is drawn on, so it has the large place; without one the plan has. */
  function seat(data) {
    const hero = sketch.doc.picture ? "lens" : "top";
    if (data.hero === hero) return;
    data.hero = hero;
    view(hero);
    told.hidden = !sketch.doc.picture;
    requestAnimationFrame(() => { plan.fit(); profile.fit(); draw("doc"); });
  }

  const isOpen = () => !node.hidden;
  let fitted = false;
  function show() {
    const here = state.tab === "camera";
    const open = here && sketching;
    bar.hidden = !here;
    document.documentElement.classList.toggle("gm-sketching", open);
    change.mark(bar, sketching ? "sketch" : "clip");
    if (open === isOpen()) return;
    node.hidden = !open;
    const video = place.querySelector("video");
    if (open) {
      video?.pause();
      if (!fitted) { plan.fit(); profile.fit(); fitted = true; }
      draw("doc");
    } else {
      sketch.pause();
      if (here && video?.src) video.play().catch(() => {});
    }
  }
  const openClip = () => { if (sketching) { sketching = false; show(); } };
  on("tab", show);
  on("watch", () => { if (state.watch && state.tab === "camera") openClip(); });
  on("clip", () => { if (state.tab === "camera" && !state.watch && state.clip?.id !== shown) openClip(); shown = state.clip?.id; });
  let shown = state.clip?.id;
  new ResizeObserver(() => { if (isOpen()) { plan.fit(); profile.fit(); draw("doc"); } }).observe(views);
  document.addEventListener("keydown", keysOf(sketch, { isOpen, toggle, stepFrames, undo: () => sketch.undo(), redo: () => sketch.redo() }), true);
  show();
  return { open: () => { sketching = true; show(); plan.fit(); profile.fit(); }, isOpen, fit: () => { plan.fit(); profile.fit(); } };
}

/** The sketcher's own keys, before the window's. */
function keysOf(sketch, act) {
  return (event) => {
    const focus = document.activeElement;
    const writing = focus?.matches("textarea, select, input:not([type=range])");
    if (!act.isOpen() || writing || document.querySelector("dialog[open], .gm-menu")) return;
    const held = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const run = held && key === "z" ? (event.shiftKey ? act.redo : sketch.past.length && act.undo)
      : held && key === "y" ? act.redo
      : held || event.altKey ? null
      : event.key === " " && !focus?.matches("button, summary, a, [data-hit]") ? act.toggle
      : focus?.matches("[data-hit]") ? null
      : { ArrowLeft: () => act.stepFrames(-1), ArrowRight: () => act.stepFrames(1), Delete: () => sketch.selected !== null && sketch.deleteKey(sketch.selected) }[event.key];
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  };
}

/** A row of choices of which one is on. */
export function segments(...choices) {
  const make = (first, run) => {
    const row = h("div", { class: "gm-segments", role: "radiogroup" }, choices.map(([name, word]) => h("button", { type: "button", role: "radio", dataset: { name }, onclick: () => { make.mark(row, name); run(name); } }, word)));
    make.mark(row, first);
    return row;
  };
  make.mark = (row, name) => [...row.children].forEach((each) => each.setAttribute("aria-checked", String(each.dataset.name === name)));
  return make;
}

