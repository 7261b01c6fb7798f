/** Over the stage: the source beside what was read off it, the mask on it, the figure, and source against result. */
import { h, icon, text } from "../dom.js";
import { s } from "../camera/svg.js";
import { segments } from "../camera/sketcher.js";
import { on, state } from "../store.js";
import { compareView } from "./compare.js";
import { makeFigureEditor } from "./figure.js";
import { makePainter } from "./painter.js";
import { nameOf, MASKED } from "./plan.js";
import { makeReel, makeTransport } from "../reel.js";
import { makeSheet } from "./sheet.js";

/** Draw the bench into the stage's place: {open(view)}. `sources`: buttons that bring a source. */
export function mountBench(place, work, sources) {
  const reel = makeReel();
  const transport = makeTransport(reel);
  let view = "all";
  let where = "source"; // or "compare", or "clip"
  const sheet = makeSheet(reel, { again: (key) => work.again(key), pick: (key) => { sheet.solo(key); draw(); } });
  const painter = makePainter(work.strokes, {
    frame: () => reel.frame(),
    hold: () => reel.hold(),
    inverted: () => work.doc.change.invert && work.doc.change.what === "paint",
    invert: () => work.change({ change: { ...work.doc.change, invert: !work.doc.change.invert } }),
  });
  const figure = makeFigureEditor(work, reel);
  const compare = compareView(reel, work);
  const pick = segments(["all", "Films"], ["paint", "Mask"], ["figure", "Figure"]);
  const views = pick(view, (name) => { show(name); });
  views.classList.add("gm-c-pick");
  const tools = h("div", { class: "gm-c-slot" }, painter.tools, figure.tools, compare.tools);
  const said = h("p", { class: "gm-muted" });
  const empty = h("div", { class: "gm-c-empty" }, h("h2", {}, "A clip whose structure leads"), said, h("div", { class: "gm-c-sources" }, sources()));
  const notes = h("ul", { class: "gm-c-notes", "aria-live": "polite" });
  const stagePart = h("div", { class: "gm-c-stage" }, sheet.node, figure.node, compare.node, empty);
  const node = h("section", { class: "gm-bench", "aria-label": "Source and structure", hidden: true },
    h("div", { class: "gm-c-tools" }, h("span", { class: "gm-c-room" }), views, tools), stagePart, notes, transport.node);
  const turn = segments(["source", "Source"], ["compare", "Compare"], ["clip", "Clip"]);
  const bar = turn(where, (name) => { where = name; draw(); });
  bar.classList.add("gm-c-switch");
  bar.hidden = true;
  bar.setAttribute("aria-label", "What the stage shows");
  place.append(node, bar, tint());

  const isOpen = () => !node.hidden;
  const figured = () => work.doc.source?.kind === "figure";
  function show(name) {
    view = name;
    if (view !== "all") reel.hold();
    if (view === "paint") sheet.solo("source");
    else if (sheet.alone() === "source") sheet.solo(null);
    draw();
  }
  /** The films of the present value. */
  function films() {
    const { doc, tasks } = work;
    const list = [];
    const film = (key, name, side) => list.push({ key, name, side, media: made(key), task: tasks.of(key) });
    if (doc.source && !figured()) film("source", "Source", doc.source.name);
    for (const each of doc.structures) if (doc.source || each.given) film(each.kind, nameOf(each.kind), each.given ? each.name || "made elsewhere" : titleOf(each, tasks.of(each.kind)));
    const first = list.find(({ key }) => key === "source");
    if (first && MASKED.has(doc.change.what)) {
      if (doc.change.what === "around") Object.assign(first, { media: doc.made.around || first.media, mask: doc.made.mask });
      else if (doc.change.what !== "paint" || view !== "paint" || !tidyHere()) first.mask = doc.made.mask;
      const task = maskTask();
      if (task && task.state !== "done") first.task = task.state === "failed" || first.task?.state === "done" ? task : first.task;
    }
    return list;
  }
  /** What is told of the mask: what keeps it from being made, else what it became. */
  const maskTask = () => work.tasks.places().filter((place) => place.startsWith("mask")).map(work.tasks.of).sort((a, b) => (a.state === "done") - (b.state === "done"))[0];
  const tidyHere = () => (work.doc.change.shapes[reel.frame()] || []).length > 0;
  const kept = new Map(); // a film stays in sight while its next state is made
  function made(key) {
    const now = work.doc.made[key];
    if (now) kept.set(key, now);
    else if (!work.tasks.of(key)) kept.delete(key);
    return now || kept.get(key);
  }

  function draw() {
    const here = state.tab === "control";
    const open = here && where !== "clip";
    bar.hidden = !here;
    turn.mark(bar, where);
    document.documentElement.classList.toggle("gm-benching", open);
    if (open !== isOpen()) {
      node.hidden = !open;
      const video = place.querySelector(".gm-video");
      if (open) video?.pause();
      else { reel.hold(); if (here && video?.src) video.play().catch(() => {}); }
    }
    work.show(here);
    if (!open) return;
    const comparing = where === "compare";
    const wantsPaint = Boolean(work.doc.source) && !figured() && ["paint", "subject", "background"].includes(work.doc.change.what);
    if ((view === "paint" && !wantsPaint) || (view === "figure" && !figured())) { view = "all"; sheet.solo(null); }
    views.hidden = comparing || !(wantsPaint || figured());
    for (const one of views.children) one.hidden = (one.dataset.name === "paint" && !wantsPaint) || (one.dataset.name === "figure" && !figured());
    pick.mark(views, view);
    const drawing = !comparing && view === "figure";
    const list = comparing ? [] : films();
    text(said, work.coming ? `Reading ${work.coming}…` : "Drop a clip or a picture here, or take one of these.");
    empty.hidden = comparing || list.length > 0 || drawing;
    sheet.node.hidden = comparing || drawing || !list.length;
    figure.node.hidden = figure.tools.hidden = !drawing;
    painter.tools.hidden = comparing || view !== "paint";
    compare.show(comparing);
    transport.node.hidden = !comparing && !drawing && !list.length;
    if (comparing || drawing) sheet.rest();
    else {
      if (work.target) reel.shape({ frames: work.target.num_frames, fps: work.target.fps });
      const { width, height } = work.target || { width: 1, height: 1 };
      sheet.show(list, width / height);
      seatPainter();
    }
    if (drawing) figure.show();
    drawNotes(comparing ? [] : list);
  }
  function seatPainter() {
    const face = sheet.face("source");
    if (view !== "paint" || !face) return void painter.layer.remove();
    if (painter.layer.parentElement !== face) face.append(painter.layer);
    painter.show();
  }
  function drawNotes(list) {
    const known = new Set(work.tasks.of("source")?.made?.notes); // the form tells these
    const said = [...list.filter(({ key }) => key !== "source").flatMap(({ key, name }) => (work.tasks.of(key)?.made?.notes || []).filter((words) => !known.has(words)).map((words) => `${name}: ${words}`)), ...(work.doc.change.what === "around" ? [] : work.tasks.of("mask")?.made?.notes || []).map((words) => `Mask: ${words}`)];
    const words = JSON.stringify(said);
    if (notes.dataset.words === words) return;
    notes.dataset.words = words;
    notes.replaceChildren(...said.map((each) => h("li", {}, icon("info"), h("span", {}, each))));
  }
  let painting = "";
  reel.on(() => {
    if (view !== "paint" || node.hidden) return;
    painter.show();
    const now = String(tidyHere());
    if (now !== painting) { painting = now; draw(); }
  });
  work.on(() => { if (state.tab === "control") draw(); });
  on("tab", draw);
  let shown = state.clip?.id;
  on("watch", () => { if (state.watch && state.tab === "control") { where = "clip"; draw(); } });
  on("clip", async () => {
    if (state.clip?.id === shown) return;
    shown = state.clip?.id;
    if (state.tab !== "control" || state.watch || !state.clip) return;
    where = (await compare.possible(state.clip)) ? "compare" : "clip";
    draw();
  });
  document.addEventListener("keydown", keysOf({ isOpen, reel, painter: () => view === "paint" && painter, figure: () => view === "figure" && figure }), true);
  const titleOf = (each, task) => task?.made?.estimator || each.estimator || "";
  draw();
  return { open(name = "all") { where = "source"; show(name); }, compare: () => { where = "compare"; draw(); } };
}

/** The filter that makes a mask's white a tint over the source, and its black clear. */
function tint() {
  const matrix = "0 0 0 0 .95  0 0 0 0 .64  0 0 0 0 .235  .5 0 0 0 0";
  return s("svg", { width: 0, height: 0, "aria-hidden": "true", style: "position: absolute" }, s("filter", { id: "gm-c-tint", "color-interpolation-filters": "sRGB" }, s("feColorMatrix", { type: "matrix", values: matrix })));
}

/** The bench's own keys, before the window's. */
function keysOf({ isOpen, reel, painter, figure }) {
  return (event) => {
    const focus = document.activeElement;
    const writing = focus?.matches("textarea, select, input:not([type=range])");
    if (!isOpen() || writing || document.querySelector("dialog[open], .gm-menu")) return;
    const held = event.ctrlKey || event.metaKey;
    const own = !focus?.matches("[role=slider], [data-hit]");
    const act = (painter() || figure()) && (painter() || figure()).key(event) ? () => {}
      : held || event.altKey || !own ? null
      : event.key === " " && !focus?.matches("button, summary, a") ? () => reel.toggle()
      : focus?.matches("input[type=range]:not(.gm-scrub)") ? null
      : { ArrowLeft: () => reel.step(-1), ArrowRight: () => reel.step(1), ",": () => reel.step(-1), ".": () => reel.step(1) }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
}
