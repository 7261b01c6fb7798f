/** The library: a wall of posters that play under the pointer. Only the rows in sight are in the page. */
import { h, icon, plain, text } from "./dom.js";
import { get, written } from "./api.js";
import { isPicked, makePickedBar, pick, pickAll } from "./picked.js";
import { on, set, state } from "./store.js";
import { fail } from "./toast.js";

const PAGE = 200;
const GAP = 8;
const WORDS = 44;
let wall = null;

export function mount(place) {
  wall = makeWall();
  const filters = { project: "", model: "", rating: 0 };
  const count = h("span", { class: "gm-muted gm-num" });
  const project = h("select", { "aria-label": "Project", onchange: () => change({ project: project.value }) });
  const model = h("select", { "aria-label": "Model", onchange: () => change({ model: model.value }) });
  const rating = h("select", { "aria-label": "Rating", onchange: () => change({ rating: Number(rating.value) }) },
    h("option", { value: "0" }, "Any rating"), [1, 2, 3, 4, 5].map((n) => h("option", { value: String(n) }, "★".repeat(n) + (n < 5 ? " or more" : ""))));
  const change = (patch) => { Object.assign(filters, patch); wall.search({ ...filters, text: state.query || "" }); };
  place.append(h("div", { class: "gm-filters" }, project, model, rating, h("span", { class: "gm-gap" }), count), wall.node, makePickedBar());
  wall.counted = (known, more) => text(count, `${known}${more ? "+" : ""} clip${known === 1 && !more ? "" : "s"}`);
  const lists = () => {
    const keep = [project.value, model.value];
    project.replaceChildren(h("option", { value: "" }, "All projects"), ...(state.start?.projects || []).map((p) => h("option", { value: p.id }, p.name)));
    model.replaceChildren(h("option", { value: "" }, "All models"), ...(state.start?.cards || []).map((c) => h("option", { value: c.id }, c.title)));
    [project.value, model.value] = keep;
  };
  on("start", lists);
  lists();
  let asked = 0;
  on("query", () => { clearTimeout(asked); asked = setTimeout(() => change({}), 120); });
  const entered = () => {
    if (state.tab === "library") change({});
    else set({ picked: [] });
  };
  on("tab", entered);
  on("clips", () => state.tab === "library" && wall.refresh());
  on("clip picked", () => wall.mark());
  window.addEventListener("gimbal:library", entered);
  window.addEventListener("gimbal:clip", ({ detail }) => wall.replace(detail));
}

function makeWall() {
  const canvas = h("div", { class: "gm-wall-canvas" });
  const node = h("div", { class: "gm-wall", tabindex: "0", role: "listbox", "aria-label": "Clips" }, canvas);
  const none = h("p", { class: "gm-muted gm-pad", hidden: true });
  node.append(none);
  let clips = [];
  let cursor = null;
  let query = {};
  let turn = 0;
  let loading = false;
  const tiles = new Map();
  const self = { node, counted: () => {}, search, refresh: () => search(query, node.scrollTop), replace, mark };

  async function search(next, keepAt = 0) {
    query = next;
    const mine = ++turn;
    try {
      await written();
      const page = await get("clips", { ...query, limit: PAGE });
      if (mine !== turn) return;
      clips = page.clips;
      cursor = page.cursor;
      loading = false;
      for (const tile of tiles.values()) tile.remove();
      tiles.clear();
      draw();
      node.scrollTop = keepAt;
    } catch (error) {
      fail(error);
    }
  }

  async function more() {
    if (!cursor || loading) return;
    loading = true;
    const mine = turn;
    const page = await get("clips", { ...query, limit: PAGE, cursor }).catch(() => null);
    if (mine !== turn) return;
    loading = false;
    if (!page) return;
    clips = clips.concat(page.clips);
    cursor = page.cursor;
    draw();
  }

  function grid() {
    const width = node.clientWidth - 2 * GAP;
    const columns = Math.max(2, Math.floor((width + GAP) / (188 + GAP)));
    const side = (width - (columns - 1) * GAP) / columns;
    return { columns, side, row: side + WORDS + GAP };
  }

  function draw() {
    if (!node.clientWidth) return;
    const { columns, side, row } = grid();
    const rows = Math.ceil(clips.length / columns);
    canvas.style.height = `${rows * row}px`;
    const first = Math.max(0, Math.floor(node.scrollTop / row) - 1) * columns;
    const last = Math.min(clips.length, (Math.ceil((node.scrollTop + node.clientHeight) / row) + 1) * columns);
    for (const [at, tile] of tiles) if (at < first || at >= last) { tile.remove(); tiles.delete(at); }
    for (let at = first; at < last; at++) {
      let tile = tiles.get(at);
      if (!tile) {
        tile = makeTile(clips[at], at, choose);
        tiles.set(at, tile);
        canvas.append(tile);
      }
      tile.style.width = `${side}px`;
      tile.style.transform = `translate(${GAP + (at % columns) * (side + GAP)}px, ${Math.floor(at / columns) * row}px)`;
    }
    none.hidden = clips.length > 0;
    text(none, Object.values(query).some(Boolean) ? "No clip fits. Try other words or filters." : "Nothing here yet. Every clip you make is kept here, with what made it.");
    self.counted(clips.length, Boolean(cursor));
    if (cursor && node.scrollTop + 4 * node.clientHeight > rows * row) more();
    mark();
  }

  function mark() {
    const none = !state.picked.length;
    node.classList.toggle("gm-picking", !none);
    for (const [at, tile] of tiles) {
      const id = clips[at]?.id;
      const on = isPicked(id);
      tile.setAttribute("aria-selected", String(on || (none && id === state.clip?.id)));
      tile.querySelector(".gm-tile-mark").setAttribute("aria-pressed", String(on));
    }
  }

  /** A click, with the keys that are held: one clip, one more, or all from the shown one to this one. */
  function choose(event, clip) {
    const touched = event.pointerType === "touch" && state.picked.length;
    if (event.ctrlKey || event.metaKey || touched) {
      if (!state.picked.length && state.clip && !touched && clips.some(({ id }) => id === state.clip.id) && state.clip.id !== clip.id) pick(state.clip);
      pick(clip);
    } else if (event.shiftKey) {
      const ends = [state.clip, clip].map((one) => clips.findIndex((each) => each.id === one?.id)).map((at) => Math.max(0, at));
      pickAll(clips.slice(Math.min(...ends), Math.max(...ends) + 1));
    } else set({ clip, watch: null, against: null, picked: [] });
  }

  function replace(clip) {
    const at = clips.findIndex((each) => each.id === clip.id);
    if (at < 0) return;
    clips[at] = clip;
    tiles.get(at)?.remove();
    tiles.delete(at);
    draw();
  }

  node.addEventListener("keydown", (event) => {
    const at = clips.findIndex((each) => each.id === state.clip?.id);
    const { columns, row } = grid();
    const way = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); return void pickAll(clips); }
    if (event.key === "Enter" && state.clip) set({ tab: state.form, watch: null });
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const next = Math.max(0, Math.min(clips.length - 1, at + way));
    if (event.shiftKey) pickAll([clips[Math.max(0, at)], clips[next]]);
    set({ clip: clips[next], watch: null, against: null });
    const top = Math.floor(next / columns) * row;
    if (top < node.scrollTop) node.scrollTop = top;
    if (top + row > node.scrollTop + node.clientHeight) node.scrollTop = top + row - node.clientHeight;
  });
  let frame = 0;
  node.addEventListener("scroll", () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(); }); }, { passive: true });
  new ResizeObserver(draw).observe(node);
  return self;
}

function makeTile(clip, at, choose) {
  const frame = h("div", { class: "gm-tile-frame" }, h("img", { src: clip.poster, alt: "", loading: "lazy", decoding: "async", draggable: "false" }));
  const facts = `${clip.num_frames} f · ${plain(clip.seconds, 1)} s`;
  const tile = h("div", { class: "gm-tile", role: "option", dataset: { clip: clip.id }, title: clip.prompt }, frame,
    h("div", { class: "gm-tile-words" }, h("span", {}, clip.prompt), h("em", { class: "gm-num" }, facts, clip.rating ? h("b", {}, "★".repeat(clip.rating)) : "")));
  if (clip.missing) frame.append(h("span", { class: "gm-badge" }, icon("warn"), "file is missing"));
  tile.setAttribute("aria-label", clip.prompt);
  tile.setAttribute("aria-posinset", String(at + 1));
  const mark = h("button", { type: "button", class: "gm-tile-mark", tabindex: "-1", "aria-label": `Pick: ${clip.prompt}`, "aria-pressed": "false", onclick: (event) => { event.stopPropagation(); pick(clip); } });
  tile.append(mark);
  tile.addEventListener("click", (event) => choose(event, clip));
  tile.addEventListener("dblclick", () => set({ clip, watch: null, against: null, tab: state.form }));
  let soon = 0;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  tile.addEventListener("pointerenter", () => {
    if (clip.missing || calm) return;
    soon = setTimeout(() => {
      const video = h("video", { src: clip.url, loop: true, playsinline: true });
      video.muted = true;
      frame.append(video);
      video.play().catch(() => {});
    }, 90);
  });
  tile.addEventListener("pointerleave", () => {
    clearTimeout(soon);
    const video = frame.querySelector("video");
    if (!video) return;
    video.remove();
    video.removeAttribute("src"); // or it would hold a connection until it is collected
    video.load();
  });
  return tile;
}
