/** What the studio makes of wishes, outside the window: asked for once, followed until it is done. */
import { get, post } from "../api.js";

const GLANCE = 250;

/**
 * The tasks of several places at once: {ask(place, wish), drop(place), of(place), idle(), on(fn)}.
 *
 * of(place): {state, fraction, stage, made, message, hint} or null. The same wish at a place is asked for only once;
 * another one there stops what was on its way.
 */
export function makeTasks() {
  const places = new Map(); // place -> {text, task}
  const listeners = [];
  let timer = 0;
  const tell = () => listeners.forEach((fn) => fn());
  const running = () => [...places.values()].filter(({ task }) => ["waiting", "running"].includes(task.state));

  async function ask(place, wish, again = false) {
    const text = JSON.stringify(wish);
    const held = places.get(place);
    if (held?.text === text && !again) return;
    if (held) stop(held);
    const mine = { text, task: { state: "waiting", fraction: 0, stage: "", made: null, message: "", hint: "" } };
    places.set(place, mine);
    tell();
    try {
      const task = await post("control/tasks", { wish });
      if (places.get(place) !== mine) return;
      mine.task = task;
    } catch (error) {
      mine.task = { ...mine.task, state: "failed", message: error.message, hint: error.hint || "" };
    }
    tell();
    follow();
  }
  /** A wish that no place has any more need not be made. */
  function stop({ task, text }) {
    const wanted = [...places.values()].some((other) => other.text === text && other.task !== task);
    if (task.id && !wanted && ["waiting", "running"].includes(task.state)) post(`control/tasks/${task.id}/stop`).catch(() => {});
  }
  function drop(place) {
    const held = places.get(place);
    if (!held) return;
    places.delete(place);
    stop(held);
    tell();
  }
  function follow() {
    if (timer || !running().length) return;
    timer = setTimeout(glance, GLANCE);
  }
  async function glance() {
    const ids = running().map(({ task }) => task.id).filter(Boolean);
    if (ids.length) {
      try {
        const { tasks } = await get("control/tasks", { ids: ids.join(",") });
        const news = new Map(tasks.map((task) => [task.id, task]));
        for (const held of places.values()) {
          if (!ids.includes(held.task.id)) continue;
          held.task = news.get(held.task.id) || { ...held.task, state: "failed", message: "The studio was started anew.", hint: "Ask again." };
        }
        tell();
      } catch { /* the studio does not answer: the next look may be luckier */ }
    }
    timer = 0;
    follow();
  }
  return {
    ask, drop,
    of: (place) => places.get(place)?.task || null,
    places: () => [...places.keys()],
    idle: () => !running().length,
    on: (fn) => listeners.push(fn),
  };
}
