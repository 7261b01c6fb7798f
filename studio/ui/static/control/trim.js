/** A part of a whole between two handles: of a clip, which of it is used; of the steps, when control clips count. */
import { h } from "../dom.js";

const GRAIN = 0.01;
const round = (value) => Math.round(value / GRAIN) * GRAIN;
const OF_A_CLIP = { from: "Where the used part begins", to: "Where the used part ends", tell: (value) => `${value.toFixed(2)} s`, steps: [0.1, 1] };

/**
 * {node, show({seconds, start, end, used})}; `used` is how much of the part the new clip shows.
 *
 * change(start, end, done, which): end is null at the whole's own end. words: what the handles are called, how a value is
 * told, and how far the arrow keys go, without Shift and with it.
 */
export function makeTrim(change, { from: begins, to: ends, tell, steps } = OF_A_CLIP) {
  const kept = h("i", { class: "gm-c-kept" });
  const used = h("i", { class: "gm-c-used" });
  const handle = (which, words) => h("button", { type: "button", class: "gm-time gm-movable", role: "slider", "aria-label": words, title: words, dataset: { which } });
  const from = handle("start", begins);
  const to = handle("end", ends);
  const node = h("div", { class: "gm-times gm-c-trim" }, kept, used, from, to);
  let facts = { seconds: 1, start: 0, end: null, used: 0 };
  const least = () => Math.min(0.1, facts.seconds / 10);
  const end = () => facts.end ?? facts.seconds;

  function put(which, seconds, done) {
    const value = Math.max(0, Math.min(facts.seconds, round(seconds)));
    const start = which === "start" ? Math.min(value, end() - least()) : facts.start;
    const last = which === "end" ? Math.max(value, facts.start + least()) : end();
    facts = { ...facts, start, end: last >= facts.seconds - GRAIN ? null : last };
    draw();
    change(facts.start, facts.end, done, which);
  }
  function draw() {
    const share = (seconds) => `${(100 * Math.max(0, Math.min(facts.seconds, seconds))) / (facts.seconds || 1)}%`;
    Object.assign(kept.style, { left: share(facts.start), right: `calc(100% - ${share(end())})` });
    Object.assign(used.style, { left: share(facts.start), right: `calc(100% - ${share(Math.min(end(), facts.start + facts.used))})` });
    from.style.left = share(facts.start);
    to.style.left = share(end());
    for (const [one, seconds] of [[from, facts.start], [to, end()]]) {
      one.setAttribute("aria-valuenow", seconds.toFixed(2));
      one.setAttribute("aria-valuemax", facts.seconds.toFixed(2));
      one.setAttribute("aria-valuemin", "0");
      one.setAttribute("aria-valuetext", tell(seconds));
    }
  }
  for (const one of [from, to]) {
    const { which } = one.dataset;
    one.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      put(which, (which === "start" ? facts.start : end()) + way * steps[event.shiftKey ? 1 : 0], true);
    });
    one.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      one.focus({ preventScroll: true });
      one.setPointerCapture(event.pointerId);
      const box = node.getBoundingClientRect();
      const move = (now, done) => put(which, (facts.seconds * (now.clientX - box.left)) / (box.width || 1), done);
      const drag = (now) => move(now, false);
      const stop = (now) => {
        one.removeEventListener("pointermove", drag);
        for (const name of ["pointerup", "pointercancel"]) one.removeEventListener(name, stop);
        move(now, true);
      };
      one.addEventListener("pointermove", drag);
      for (const name of ["pointerup", "pointercancel"]) one.addEventListener(name, stop);
    });
  }
  return { node, show(next) { facts = next; draw(); } };
}
