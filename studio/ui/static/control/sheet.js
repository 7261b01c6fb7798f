/** The films side by side: the source and what was read off it, each with how far it is and what came of it. */
import { button, h, icon, keyed, text } from "../dom.js";

const [GAP, CAPTION] = [10, 26];
const STAGES = { waiting: "Waiting", running: "Working" };
const url = (media) => `/gimbal/media/pictures/${media}`;

/**
 * {node, show(films, aspect), solo(key), tile(key)}.
 *
 * films: [{key, name, side, media, mask, task, fixed}]; reel: the clock that their videos follow. `again(key)` asks for one anew.
 * pick(key): called with the film that a person wants large, or null.
 */
export function makeSheet(reel, { again, pick }) {
  const node = h("div", { class: "gm-c-sheet" });
  let films = [];
  let aspect = 1;
  let alone = null;

  function create({ key, name }) {
    const video = h("video", { class: "gm-c-film", muted: true, playsinline: true, preload: "auto", "aria-label": name });
    const face = h("div", { class: "gm-c-face" }, video);
    const title = h("strong", {});
    const side = h("span", { class: "gm-muted" });
    const state = h("span", { class: "gm-muted gm-num gm-c-state" });
    const bar = h("i", {});
    const progress = h("div", { class: "gm-bar" }, bar);
    const words = h("p", { class: "gm-c-fault", hidden: true });
    const retry = button("again", `${name}: try again`, () => again(key), { word: "Try again", kind: "gm-line" });
    const fault = h("div", { class: "gm-c-failed", hidden: true }, icon("warn"), words, retry);
    const large = button("fit", `${name}: show it large`, () => pick(alone === key ? null : key), { kind: "gm-c-large" });
    const tile = h("figure", { class: "gm-c-tile", dataset: { film: key } }, h("div", { class: "gm-c-box" }, face, fault, progress), h("figcaption", {}, title, side, state, h("span", { class: "gm-gap" }), large));
    video.addEventListener("dblclick", () => large.click());
    return Object.assign(tile, { parts: { video, face, title, side, state, bar, progress, words, fault, large } });
  }
  function update(tile, film) {
    const { video, face, title, side, state, bar, progress, words, fault, large } = tile.parts;
    const { task } = film;
    const src = film.media ? url(film.media) : "";
    if ((video.getAttribute("src") || "") !== src) {
      if (src) { video.src = src; reel.add(video); }
      else { reel.remove(video); video.removeAttribute("src"); video.load(); }
    } else if (src) reel.add(video);
    const busy = task && (task.state === "waiting" || task.state === "running");
    tile.classList.toggle("gm-busy", Boolean(busy));
    video.hidden = !src;
    text(title, film.name);
    text(side, film.side || "");
    text(state, busy ? (task.state === "running" && task.fraction ? `${Math.round(100 * task.fraction)} %` : task.stage || STAGES[task.state]) : "");
    progress.style.visibility = busy ? "visible" : "hidden";
    progress.classList.toggle("gm-unsure", Boolean(busy) && !task.fraction);
    bar.style.width = `${100 * (task?.fraction || 0)}%`;
    fault.hidden = task?.state !== "failed" && task?.state !== "stopped";
    words.hidden = fault.hidden;
    if (!fault.hidden) text(words, `${task.message || "It was stopped."} ${task.hint || ""}`.trim());
    large.setAttribute("aria-pressed", String(alone === film.key));
    overlay(face, film.mask);
  }
  /** The mask as a tint over the source, moving with it. */
  function overlay(face, media) {
    let tint = face.querySelector(".gm-c-tint");
    if (!media) {
      if (tint) { reel.remove(tint); tint.remove(); }
      return;
    }
    if (!tint) {
      tint = h("video", { class: "gm-c-tint", muted: true, playsinline: true, preload: "auto", "aria-hidden": "true" });
      face.querySelector(".gm-c-film").after(tint);
    }
    if (tint.getAttribute("src") !== url(media)) tint.src = url(media);
    reel.add(tint);
  }
  function layout() {
    const { width, height } = node.getBoundingClientRect();
    const count = alone ? 1 : films.length;
    if (!width || !count) return;
    let [best, columns] = [0, 1];
    for (let c = 1; c <= count; c++) {
      const rows = Math.ceil(count / c);
      const wide = Math.min((width - (c - 1) * GAP) / c, ((height - (rows - 1) * GAP) / rows - CAPTION) * aspect);
      if (wide > best) [best, columns] = [wide, c];
    }
    node.style.gridTemplateColumns = `repeat(${columns}, ${Math.max(60, Math.floor(best))}px)`;
    node.style.setProperty("--ratio", String(aspect));
  }
  new ResizeObserver(layout).observe(node);

  function show(next, shape) {
    const gone = films.filter((film) => !next.some(({ key }) => key === film.key));
    for (const { key } of gone) find(key)?.querySelectorAll("video").forEach((video) => reel.remove(video));
    films = next;
    aspect = shape || 1;
    if (alone && !films.some(({ key }) => key === alone)) alone = null;
    keyed(node, films, (film) => film.key, create, update);
    for (const tile of node.children) tile.hidden = Boolean(alone) && tile.dataset.film !== alone;
    layout();
  }
  const find = (key) => [...node.children].find((tile) => tile.dataset.film === key);
  return {
    node, show,
    solo(key) { alone = key; show(films, aspect); },
    alone: () => alone,
    face: (key) => find(key)?.parts.face,
    rest: () => node.querySelectorAll("video").forEach((video) => reel.remove(video)),
    wake: () => show(films, aspect),
  };
}
