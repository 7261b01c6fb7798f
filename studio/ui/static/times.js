/** A small strip of the clip's frames with a mark for each picture; those of keys can be moved, by pointer or arrows. */
import { h } from "./dom.js";

/** {node, show(marks, {length, step, chosen})}; a mark is [which, frame, movable]. */
export function makeTimes({ pick, move }) {
  const ticks = h("div", { class: "gm-times-ticks", "aria-hidden": "true" });
  const track = h("div", { class: "gm-times-track" });
  const node = h("div", { class: "gm-times" }, ticks, track);
  let last = 1;
  let step = 1;

  const snapped = (frame) => Math.max(0, Math.min(last, Math.round(frame / step) * step));
  function mark([which, frame, movable], chosen) {
    const words = `Frame ${frame + 1}${movable ? ": drag it, or press the arrow keys" : ""}`;
    const one = h("button", { type: "button", class: "gm-time", title: words, "aria-label": words, "aria-pressed": String(which === chosen), onclick: () => pick(which) });
    one.style.left = `${(100 * frame) / Math.max(1, last)}%`;
    if (!movable) return one;
    one.classList.add("gm-movable");
    one.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      move(which, snapped(frame + way * step));
      track.querySelectorAll(".gm-time")[[...track.children].indexOf(one)]?.focus();
    });
    one.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      one.setPointerCapture(event.pointerId);
      let goal = frame;
      const follow = (now) => {
        const box = track.getBoundingClientRect();
        goal = snapped(((now.clientX - box.left) / box.width) * last);
        one.style.left = `${(100 * goal) / Math.max(1, last)}%`;
      };
      const end = () => {
        one.removeEventListener("pointermove", follow);
        if (goal !== frame) move(which, goal);
      };
      one.addEventListener("pointermove", follow);
      for (const name of ["pointerup", "pointercancel"]) one.addEventListener(name, end, { once: true });
    });
    return one;
  }
  function show(marks, now) {
    last = now.length - 1;
    step = now.step || 1;
    const grid = [];
    for (let frame = 0; frame <= last; frame += step) grid.push(frame);
    ticks.replaceChildren(...grid.map((frame) => { const tick = h("i"); tick.style.left = `${(100 * frame) / Math.max(1, last)}%`; return tick; }));
    track.replaceChildren(...marks.map((each) => mark(each, now.chosen)));
  }
  return { node, show };
}
