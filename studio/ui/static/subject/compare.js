/** The same clip at several strengths of a subject, side by side: without it, half, as it was trained. */
import { button, duration, h, keyed, plain, text } from "../dom.js";
import { get, post } from "../api.js";
import { field as control } from "../fields.js";
import { jobs, on, state } from "../store.js";
import { fail } from "../toast.js";
import { comparison, granted, opened, put, shownVersion } from "./desk.js";

const STRENGTHS = [0, 0.5, 1];

/** {node, begin(), show(subject, version)} */
export function makeCompare() {
  const prompt = h("textarea", { rows: "2", class: "gm-s-caption", "aria-label": "Prompt of the comparison", spellcheck: "false", maxlength: "2000" });
  const wrong = h("p", { class: "gm-problem", role: "alert", hidden: true });
  const make = button("play", "Make the comparison", () => run(), { word: "Make 3 clips", kind: "gm-line" });
  const close = button("close", "Put the comparison away", () => put({ compare: undefined }));
  const row = h("div", { class: "gm-s-compare" });
  const node = h("section", { class: "gm-s-comparing", hidden: true }, h("h3", {}, "With and without it: one seed"), h("div", { class: "gm-s-ask" }, prompt, make, close), wrong, row);
  const found = new Map(); // clips by job

  prompt.addEventListener("input", () => put({ compare: { ...comparison(), prompt: prompt.value } }));
  const begin = () => {
    const subject = opened();
    const words = String(control("prompt")?.value() || "");
    put({ compare: { token: subject.token, prompt: words.includes(subject.token) ? words : `a ${subject.token} ${subject.class_word}`.trim(), cells: [] } });
  };
  async function run() {
    const asked = comparison();
    const version = shownVersion();
    wrong.hidden = true;
    make.disabled = true;
    try {
      const values = { ...state.look.values, tab: "text", prompt: asked.prompt, model: version.model };
      const made = await granted(post("subjects/compare", { project: state.project, token: asked.token, values, strengths: STRENGTHS }));
      put({ compare: { ...asked, cells: STRENGTHS.map((strength, n) => ({ strength, job: made.jobs[n] })) } });
    } catch (error) {
      wrong.hidden = false;
      text(wrong, `${error.message} ${error.hint || ""}`.trim());
    } finally {
      make.disabled = false;
    }
  }
  function show(subject) {
    const now = comparison();
    node.hidden = now?.token !== subject.token;
    if (node.hidden) return;
    if (document.activeElement !== prompt && prompt.value !== now.prompt) prompt.value = now.prompt;
    keyed(row, now.cells || [], (cell) => cell.job, create, update);
  }
  function create({ strength }) {
    return h("figure", { class: "gm-s-cell" }, h("div", { class: "gm-s-film" }, h("span", { class: "gm-muted" })), h("figcaption", { class: "gm-num" }, strength ? `strength ${plain(strength, 2)}` : "without"));
  }
  function update(cell, { job }) {
    const live = jobs().find((each) => each.id === job);
    const clip = found.get(job);
    const place = cell.firstChild;
    if (clip) {
      if (!place.querySelector("video")) place.replaceChildren(h("video", { src: clip.url, poster: clip.poster, muted: true, loop: true, autoplay: true, playsInline: true, "aria-label": clip.prompt }));
      return;
    }
    if (place.firstChild?.tagName === "SPAN") text(place.firstChild, live ? (live.state === "running" ? `${Math.round(100 * live.fraction)} %${live.eta_seconds ? ` · ${duration(live.eta_seconds)}` : ""}` : live.state === "failed" ? live.error_message : "waiting") : "…");
    if (!live) look(job);
  }
  async function look(job) {
    if (found.has(job) || asking.has(job)) return;
    asking.add(job);
    try {
      const told = await get(`jobs/${job}`);
      if (told.clip_id) { found.set(job, await get(`clips/${told.clip_id}`)); if (opened()) show(opened()); }
      asking.delete(job);
    } catch {
      asking.add(job); // the clip is gone; the cell stays empty
    }
  }
  const asking = new Set();
  on("live", () => { if (state.tab === "subject" && !node.hidden && opened()) show(opened()); });
  return { node, begin, show };
}
