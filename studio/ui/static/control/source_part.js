/** The source in the form: the frame on it, the part of its time that is used, and what that means in words. */
import { button, h, icon, plain, text } from "../dom.js";
import { post } from "../api.js";
import { makeFraming } from "../framing.js";
import { menu } from "../top.js";
import { EMPTY } from "./plan.js";
import { makeTrim } from "./trim.js";

const PACES = [["keep", "Own speed", "What is too long for the clip is cut"], ["spread", "Whole range", "The range plays faster or slower, so that all of it is seen"]];
const WAIT = 180;

/** {nodes, show()}. */
export function sourcePart(work, sources) {
  const add = h("button", { type: "button", class: "gm-c-add", "aria-haspopup": "menu", onclick: () => menu(add, sources.list()) }, icon("plus"), h("span", { class: "gm-c-said" }, "Drop a clip or picture, or choose"));
  const name = h("strong", { class: "gm-c-name" });
  const facts = h("span", { class: "gm-muted gm-num" });
  const replace = button("", "Choose another source", () => menu(replace, sources.list()), { word: "Replace" });
  const remove = button("trash", "Remove the source", () => sources.remove());
  const film = h("video", { muted: true, playsinline: true, preload: "auto" });
  film.muted = true;
  const framing = (video) => makeFraming((patch) => reframe(patch), video);
  const [moving, still] = [framing(film), framing(null)];
  const trim = makeTrim((start, end, done, which) => {
    film.currentTime = which === "end" ? Math.max(0, (end ?? work.doc.source.seconds) - 0.02) : start;
    if (done) recut({ start_seconds: start, end_seconds: end });
    else range(start, end);
  });
  const span = h("span", { class: "gm-muted gm-num" });
  const paces = PACES.map(([pace, word, title]) => h("button", { type: "button", role: "radio", title, dataset: { pace }, onclick: () => recut({ pace }) }, word));
  const pace = h("div", { class: "gm-segments gm-c-pace", role: "radiogroup", "aria-label": "Speed" }, paces);
  const steps = h("p", { class: "gm-note gm-c-steps", "aria-live": "polite" });
  const warnings = h("p", { class: "gm-c-warnings", hidden: true });
  const time = h("div", { class: "gm-c-time" }, trim.node, h("div", { class: "gm-line-pair" }, pace, h("span", { class: "gm-gap" }), span));
  const body = h("div", { class: "gm-c-source" }, h("div", { class: "gm-line-pair" }, h("div", { class: "gm-c-names" }, name, facts), replace, remove), moving.node, still.node, time, steps, warnings);

  const recut = (patch) => work.change({ cut: { ...work.doc.cut, ...patch } });
  const reframe = (patch) => recut({ framing: { ...EMPTY.cut.framing, ...work.doc.cut.framing, ...patch } });
  const shape = () => (work.target ? work.target.width / work.target.height : 1);
  function range(start, end) {
    text(span, `${start.toFixed(2)} – ${(end ?? work.doc.source.seconds).toFixed(2)} s`);
  }
  let asked = "";
  let waiting = 0;
  /** What will be done to the source, in the studio's own words. */
  function report() {
    const { source, cut } = work.doc;
    if (!work.target || !work.open) return;
    const body = { source: source.media, target: work.target, cut };
    const now = JSON.stringify(body);
    if (now === asked) return;
    asked = now;
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const told = await post("control/report", body).catch((error) => ({ steps: [], warnings: [`${error.message} ${error.hint || ""}`] }));
      if (asked !== now) return;
      text(steps, told.steps.join(" "));
      text(warnings, told.warnings.join(" "));
      warnings.hidden = !told.warnings.length;
    }, WAIT);
  }
  function show() {
    const { source, cut } = work.doc;
    add.hidden = Boolean(source) && !work.coming;
    body.hidden = !source || Boolean(work.coming);
    add.classList.toggle("gm-busy", Boolean(work.coming));
    text(add.lastChild, work.coming ? `Reading ${work.coming}…` : "Drop a clip or picture, or choose");
    if (!source) { film.removeAttribute("src"); asked = ""; return; }
    const figure = source.kind === "figure";
    const clip = source.kind === "clip";
    moving.node.hidden = !clip;
    still.node.hidden = figure || clip;
    time.hidden = !clip;
    steps.hidden = figure;
    text(name, source.name || (clip ? "Clip" : "Picture"));
    name.title = source.name || "";
    text(facts, figure ? "its pose is the structure" : told(source));
    if (figure) { warnings.hidden = true; return; }
    const src = `/gimbal/media/pictures/${source.media}`;
    if (clip && film.getAttribute("src") !== src) {
      film.poster = `/gimbal/api/control/sources/${source.media}/still`; // for codecs that the browser cannot play
      film.src = src;
      film.addEventListener("loadeddata", () => { film.currentTime = work.doc.cut.start_seconds; }, { once: true });
    }
    (clip ? moving : still).show({ ...source, ...cut.framing }, shape());
    if (clip) {
      const used = cut.pace === "keep" && work.target ? work.target.num_frames / work.target.fps : source.seconds;
      trim.show({ seconds: source.seconds || 0.1, start: cut.start_seconds, end: cut.end_seconds, used });
      range(cut.start_seconds, cut.end_seconds);
      for (const one of paces) one.setAttribute("aria-checked", String(one.dataset.pace === cut.pace));
    }
    report();
  }
  return { nodes: [add, body, sources.node], show };
}

function told({ kind, width, height, num_frames, fps, seconds }) {
  const size = `${width} × ${height}`;
  return kind === "clip" ? `${size} · ${plain(seconds, 2)} s · ${plain(fps, 2)} fps · ${num_frames} frames` : size;
}
