/** One clock for several clips: they are shown and moved together. */
import { button, h, icon, plain, text } from "./dom.js";

const SPEEDS = [0.25, 0.5, 1, 2];
const CLOSE = 1e-3;
const MOST_APART = 0.6; // frames a playing film may be off before it is set right
const MOST_TICKS = 129;
const MOST_PAUSE = 0.25; // seconds of a stalled page that count as time that went by

/**
 * A clock of `frames` frames at `fps`: {frames, fps, frame(), seek(n), step(n), toggle(), play(), hold(), shape(facts)}.
 *
 * add(video, start): a film that moves along, its frame 0 standing at `start` seconds. remove(video).
 * on(fn): called with the frame's number when it changes, or when playing begins or ends.
 */
export function makeReel() {
  const films = new Map();
  const listeners = [];
  const reel = { frames: 1, fps: 8, playing: false, speed: 1 };
  let at = 0; // in frames; between two of them only while playing
  let before = 0;
  let asked = 0;
  const frame = () => Math.max(0, Math.min(reel.frames - 1, Math.floor(at + 1e-6)));
  const tell = () => listeners.forEach((fn) => fn(frame()));

  /** Bring a film to a time; while it seeks, only the last goal counts. */
  function bring(video, seconds) {
    films.get(video).goal = seconds;
    if (video.seeking || !video.readyState) return;
    if (Math.abs(video.currentTime - seconds) > CLOSE) video.currentTime = seconds;
  }
  const settle = (event) => {
    const film = films.get(event.target);
    if (!film) return;
    if (!reel.playing) place(event.target, film);
    else if (event.type === "loadeddata") run(event.target, film);
  };
  const place = (video, film) => bring(video, film.start + (frame() + 0.5) / reel.fps);
  function run(video, film) {
    if (!video.readyState) return;
    const wanted = film.start + at / reel.fps;
    if (Math.abs(video.currentTime - wanted) * reel.fps > MOST_APART * Math.max(1, reel.speed) && !video.seeking) video.currentTime = wanted;
    if (video.playbackRate !== reel.speed) video.playbackRate = reel.speed;
    if (video.paused && !video.ended) video.play().catch(() => {});
  }
  function tick(now) {
    const seconds = before ? Math.min(MOST_PAUSE, (now - before) / 1000) : 0;
    before = now;
    const was = frame();
    at += seconds * reel.fps * reel.speed;
    const wrapped = at >= reel.frames;
    if (wrapped) at %= reel.frames;
    for (const [video, film] of films) {
      if (wrapped && video.readyState) video.currentTime = film.start + at / reel.fps;
      run(video, film);
    }
    if (frame() !== was) tell();
    asked = requestAnimationFrame(tick);
  }
  const sync = () => films.forEach((film, video) => place(video, film));

  return Object.assign(reel, {
    frame,
    on: (fn) => listeners.push(fn),
    add(video, start = 0) {
      video.muted = true;
      if (films.get(video)?.start === start) return;
      if (!films.has(video)) for (const name of ["seeked", "loadeddata"]) video.addEventListener(name, settle);
      films.set(video, { start, goal: 0 });
      if (reel.playing) run(video, films.get(video));
      else place(video, films.get(video));
    },
    remove(video) {
      if (!films.delete(video)) return;
      for (const name of ["seeked", "loadeddata"]) video.removeEventListener(name, settle);
      video.pause();
    },
    seek(number) {
      reel.hold();
      at = ((Math.round(number) % reel.frames) + reel.frames) % reel.frames;
      sync();
      tell();
    },
    step: (count) => reel.seek(frame() + count),
    play() {
      if (reel.playing || reel.frames < 2) return;
      Object.assign(reel, { playing: true });
      before = 0;
      asked = requestAnimationFrame(tick);
      tell();
    },
    hold() {
      if (!reel.playing) return;
      cancelAnimationFrame(asked);
      reel.playing = false;
      at = frame();
      films.forEach((film, video) => video.pause());
      sync();
      tell();
    },
    toggle: () => (reel.playing ? reel.hold() : reel.play()),
    pace(speed) { reel.speed = speed; tell(); },
    shape({ frames, fps }) {
      if (frames === reel.frames && fps === reel.fps) return;
      Object.assign(reel, { frames: Math.max(1, frames), fps: fps || 8 });
      at = Math.min(at, reel.frames - 1);
      if (!reel.playing) sync();
      tell();
    },
  });
}

/** The bar under the films: play, the frame's number, a scrub with a tick per frame, the speed. */
export function makeTransport(reel) {
  const play = button("play", "Play or pause", () => reel.toggle(), { keys: "Space" });
  const counter = h("output", { class: "gm-counter", "aria-label": "Frame" });
  const scrub = h("input", { type: "range", min: "0", step: "1", class: "gm-scrub", "aria-label": "Frame of all films" });
  const next = () => reel.pace(SPEEDS[(SPEEDS.indexOf(reel.speed) + 1) % SPEEDS.length]);
  const speed = h("button", { type: "button", class: "gm-button gm-speed", title: "Speed", "aria-label": "Speed", onclick: next }, "1×");
  const back = button("before", "One frame back", () => reel.step(-1), { keys: "←", kind: "gm-wide-only" });
  const on = button("after", "One frame on", () => reel.step(1), { keys: "→", kind: "gm-wide-only" });
  const ticks = h("div", { class: "gm-c-ticks", "aria-hidden": "true" });
  scrub.addEventListener("input", () => reel.seek(Number(scrub.value)));
  let playing = null;
  function drawTicks() {
    const count = Math.min(MOST_TICKS, reel.frames);
    ticks.replaceChildren(...Array.from({ length: count }, (_, i) => h("i", { style: `left: ${(100 * i) / Math.max(1, count - 1)}%` })));
  }
  const draw = () => {
    const at = reel.frame();
    scrub.max = String(reel.frames - 1);
    scrub.value = String(at);
    scrub.style.setProperty("--at", `${(100 * at) / Math.max(1, reel.frames - 1)}%`);
    if (ticks.childElementCount !== Math.min(MOST_TICKS, reel.frames)) drawTicks();
    text(counter, `${String(at + 1).padStart(String(reel.frames).length, "0")} / ${reel.frames}`);
    text(speed, `${plain(reel.speed)}×`);
    if (playing !== reel.playing) play.replaceChildren(icon((playing = reel.playing) ? "pause" : "play"));
  };
  reel.on(draw);
  draw();
  return { node: h("div", { class: "gm-transport" }, play, back, counter, on, h("div", { class: "gm-scrubber" }, ticks, scrub), speed), draw };
}
