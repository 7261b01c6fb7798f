/** The structure that is being prepared: the form's value, the clip it is for, and what is made of it meanwhile. */
import { send } from "../api.js";
import { joinOf, painted, whole, wishesOf } from "./plan.js";
import { makeStrokes, maskFile } from "./strokes.js";
import { makeTasks } from "./tasks.js";

const SETTLE = 220; // milliseconds after the last change until anything is asked for

/** One for the life of the page: {doc, target, tasks, strokes, change(patch), load(value), aim(target), on(fn), ready()}. */
export function makeWork(value) {
  const listeners = [];
  const tasks = makeTasks();
  const strokes = makeStrokes(whole(value).change.shapes);
  const work = { doc: whole(value), target: null, open: false, coming: "", tasks, strokes };
  const tell = (what) => listeners.forEach((fn) => fn(what));
  const pictures = new Map(); // text of shapes and size -> medium, or the promise of one
  let waiting = 0;
  let joining = false;

  /** The pictures of the painted frames, by frame; those that are not with the studio yet are sent. */
  function masks() {
    const found = new Map();
    const { width, height } = work.target;
    for (const [frame, shapes] of painted(work.doc.change)) {
      const text = JSON.stringify([width, height, shapes]);
      const held = pictures.get(text);
      if (typeof held === "string") found.set(frame, held);
      else if (!held) pictures.set(text, bring(text, shapes, width, height, frame));
    }
    return found;
  }
  async function bring(text, shapes, width, height, frame) {
    try {
      const file = await maskFile(shapes, width, height, `mask of frame ${frame + 1}.png`);
      pictures.set(text, (await send("pictures", file)).media);
    } catch (error) {
      pictures.delete(text);
      tell({ fault: error });
    }
    pursue();
  }
  function pursue() {
    clearTimeout(waiting);
    waiting = 0;
    if (!work.open || !work.target) return;
    const shown = masks();
    const wishes = wishesOf(work.doc, work.target, shown);
    joining = true; // not of what is being replaced
    for (const place of tasks.places()) if (!wishes[place] && !(place === "mask" && work.doc.change.what === "paint")) tasks.drop(place);
    for (const [place, wish] of Object.entries(wishes)) tasks.ask(place, wish);
    joining = false;
    join(shown);
    gather();
  }
  /** What was followed from several painted frames becomes one mask. */
  function join(shown) {
    if (work.doc.change.what !== "paint" || !work.target) return;
    const wish = joinOf(work.doc, work.target, shown, (place) => tasks.of(place)?.made?.media);
    if (wish) tasks.ask("mask", wish);
    else tasks.drop("mask");
  }
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(pursue, SETTLE);
  }
  /** What is made becomes part of the value, so that a request can name it. */
  function gather() {
    const made = {};
    for (const place of tasks.places()) {
      const done = tasks.of(place)?.made;
      if (!done || place.includes("@")) continue;
      if (place !== "mask" || work.doc.change.what !== "around") made[place] = done.media;
      if (place === "mask" && done.mask) Object.assign(made, { around: done.media, mask: done.mask });
    }
    if (JSON.stringify(made) === JSON.stringify(work.doc.made)) return;
    work.doc = { ...work.doc, made };
    tell("made");
  }
  tasks.on(() => {
    if (!joining && work.open) {
      joining = true;
      join(masks());
      joining = false;
    }
    gather();
    tell("tasks");
  });
  strokes.on((shapes) => { // what is painted takes the place of a mask that was brought
    const file = Object.values(shapes).flat().length ? null : work.doc.change.file;
    work.change({ change: { ...work.doc.change, shapes, file } });
  });

  return Object.assign(work, {
    on: (fn) => listeners.push(fn),
    /** Lay changes over the value; `now` asks for what follows at once. */
    change(patch, { now = false } = {}) {
      work.doc = { ...work.doc, ...patch };
      tell("doc");
      if (now) pursue();
      else soon();
    },
    /** A source is on its way: its name, or "" once it is there. */
    expect(name) {
      work.coming = name;
      tell("coming");
    },
    load(next) {
      work.doc = whole(next);
      strokes.load(work.doc.change.shapes);
      soon();
    },
    aim(target) {
      if (JSON.stringify(target) === JSON.stringify(work.target)) return;
      work.target = target;
      tell("target");
      soon();
    },
    show(open) {
      if (work.open === open) return;
      work.open = open;
      if (open) pursue();
    },
    again(place) {
      const wishes = wishesOf(work.doc, work.target, masks());
      const failed = tasks.places().filter((each) => each === place || (place === "source" && each.startsWith("mask")));
      for (const each of failed) if (wishes[each] && !tasks.of(each).made) tasks.ask(each, wishes[each], true);
    },
    /** Resolves once everything that was asked for is made or has failed: true where all of it is there. */
    async ready() {
      if (waiting) pursue();
      const settled = () => !waiting && tasks.idle() && [...pictures.values()].every((each) => typeof each === "string");
      while (!settled()) await new Promise((resolve) => setTimeout(resolve, 100));
      return tasks.places().every((place) => tasks.of(place).made);
    },
  });
}
