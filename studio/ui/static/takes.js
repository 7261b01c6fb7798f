/** The filmstrip: what is being made now, then the project's clips, newest first. */
import { duration, h, keyed, text } from "./dom.js";
import { loadMore, on, ownJobs, set, state } from "./store.js";
import { compare } from "./versus.js";

export function mount(place) {
  const strip = h("div", { class: "gm-strip", role: "listbox", "aria-label": "Takes of this project", "aria-orientation": "horizontal" });
  place.append(strip);
  const draw = () => {
    const items = [...ownJobs().map((job) => ({ job })), ...(state.clips || []).map((clip) => ({ clip }))];
    keyed(strip, items, ({ job, clip }) => (job ? `j${job.id}` : `c${clip.id}`), create, update);
    place.classList.toggle("gm-none", !items.length);
    strip.classList.toggle("gm-choosing", state.choosing);
  };
  on("live clips clip watch project against choosing", draw);
  strip.addEventListener("scroll", () => {
    if (strip.scrollLeft + strip.clientWidth > strip.scrollWidth - 400) loadMore();
  });
  strip.addEventListener("wheel", (event) => {
    if (!event.deltaX && event.deltaY) { strip.scrollLeft += event.deltaY; event.preventDefault(); }
  }, { passive: false });
  strip.addEventListener("keydown", (event) => {
    const way = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" }[event.key];
    const next = way && document.activeElement[way];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
    next.click();
  });
  draw();
}

function create({ job, clip }) {
  if (clip) {
    const pick = (event) => {
      const now = state.clips.find((each) => each.id === clip.id) || clip;
      const other = state.choosing || event.ctrlKey || event.metaKey || event.shiftKey;
      if (other && state.clip && state.clip.id !== now.id) compare(state.clip, now);
      else set({ clip: now, watch: null, choosing: false, against: null });
    };
    const tile = h("button", { type: "button", role: "option", class: "gm-take", title: clip.prompt, onclick: pick }, h("img", { src: clip.poster, alt: "", loading: "lazy", draggable: "false" }), h("span", { class: "gm-badge" }));
    tile.setAttribute("aria-label", clip.prompt);
    tile.style.setProperty("--ratio", String(clip.width / clip.height));
    return tile;
  }
  const tile = h("button", { type: "button", role: "option", class: "gm-take gm-coming", title: job.prompt, onclick: () => set(job.task === "train_subject" ? { training: job.id } : { watch: job.id }) }, h("img", { alt: "", hidden: true }), h("span", { class: "gm-badge" }), h("i", {}));
  return tile;
}

function update(tile, { job, clip }) {
  const [picture, badge, bar] = tile.children;
  const on = clip ? !state.watch && state.clip?.id === clip.id : state.watch === job.id;
  tile.setAttribute("aria-selected", String(on));
  tile.toggleAttribute("data-against", Boolean(clip) && state.against?.id === clip.id);
  if (clip) return text(badge, [clip.draft ? "draft" : "", "★".repeat(clip.rating || 0)].filter(Boolean).join(" "));
  const running = job.state === "running";
  text(badge, running ? duration(job.eta_seconds) || "running" : `waiting ${job.position || ""}`);
  bar.style.width = `${100 * (job.fraction || 0)}%`;
  if (running && job.preview_version && tile.dataset.seen !== String(job.preview_version)) {
    tile.dataset.seen = String(job.preview_version);
    picture.src = `/gimbal/api/jobs/${job.id}/preview?v=${job.preview_version}`;
    picture.hidden = false;
  }
}
