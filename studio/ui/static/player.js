/** The player: a loop, muted until its sound is asked for, with frame-exact stepping, a scrub bar with one tick per frame, J/K/L, speeds. */
import { button, h, icon, plain, text } from "./dom.js";

const SPEEDS = [0.25, 0.5, 1, 2];

/** A player that can be shown one clip after another: {node, show(clip), toggle(), step(n), shuttle(way), rest()}. */
export function makePlayer() {
  const video = h("video", { class: "gm-video", muted: true, loop: true, playsinline: true, preload: "auto" });
  video.muted = true;
  const counter = h("output", { class: "gm-counter", "aria-label": "Frame" });
  const ticks = h("canvas", { class: "gm-ticks", "aria-hidden": "true" });
  const scrub = h("input", { type: "range", min: "0", step: "1", class: "gm-scrub", "aria-label": "Frame" });
  const speed = h("button", { type: "button", class: "gm-button gm-speed", title: "Speed", "aria-label": "Speed", onclick: () => rate(SPEEDS[(SPEEDS.indexOf(video.playbackRate) + 1) % SPEEDS.length]) }, "1×");
  const heard = h("button", { type: "button", class: "gm-button gm-speed", title: "Sound", "aria-pressed": "false", hidden: true, onclick: () => sound(video.muted) }, "Sound");
  const sound = (on) => {
    video.muted = !on;
    heard.setAttribute("aria-pressed", String(on));
  };
  const toggleButton = button("pause", "Play or pause", () => toggle(), { keys: "Space" });
  let clip = null;
  let reverse = 0;

  const frame = () => Math.max(0, Math.min(clip.num_frames - 1, Math.floor(video.currentTime * clip.fps + 1e-3)));
  const paint = () => {
    if (!clip) return;
    const at = frame();
    if (document.activeElement !== scrub || !video.paused) scrub.value = String(at);
    scrub.style.setProperty("--at", `${(100 * at) / Math.max(1, clip.num_frames - 1)}%`);
    text(counter, `${String(at + 1).padStart(String(clip.num_frames).length, "0")} / ${clip.num_frames}`);
  };
  const seek = (at) => {
    const count = clip.num_frames;
    video.currentTime = ((((at % count) + count) % count) + 0.5) / clip.fps;
  };
  const look = () => toggleButton.replaceChildren(icon(video.paused && !reverse ? "play" : "pause"));
  const halt = () => { clearInterval(reverse); reverse = 0; };
  function rate(value) {
    video.playbackRate = value;
    text(speed, `${plain(value)}×`);
  }
  function toggle() {
    const stood = video.paused && !reverse;
    halt();
    if (stood) video.play().catch(() => {});
    else video.pause();
    look();
  }
  function step(count) {
    halt();
    video.pause();
    seek(frame() + count);
  }
  /** L plays (again: faster), K rests, J plays backwards. */
  function shuttle(way) {
    halt();
    if (way === 0) video.pause();
    else if (way > 0) {
      if (!video.paused) rate(Math.min(2, video.playbackRate * 2));
      video.play().catch(() => {});
    } else {
      video.pause();
      reverse = setInterval(() => seek(frame() - 1), 1000 / clip.fps);
    }
    look();
  }
  scrub.addEventListener("input", () => { halt(); video.pause(); seek(Number(scrub.value)); });
  for (const name of ["play", "pause"]) video.addEventListener(name, look);
  for (const name of ["seeked", "timeupdate", "loadedmetadata"]) video.addEventListener(name, paint);
  const follow = () => { paint(); video.requestVideoFrameCallback?.(follow); };
  video.requestVideoFrameCallback?.(follow);
  video.addEventListener("click", toggle);
  const gone = h("p", { class: "gm-gone", hidden: true }, "The file of this clip is not in the data folder.");
  video.addEventListener("error", () => { gone.hidden = !clip; });
  video.addEventListener("loadeddata", () => { gone.hidden = true; });

  function drawTicks() {
    const width = ticks.clientWidth * devicePixelRatio;
    if (!clip || !width) return;
    ticks.width = width;
    ticks.height = 6 * devicePixelRatio;
    const pen = ticks.getContext("2d");
    pen.fillStyle = getComputedStyle(ticks).color;
    const gaps = Math.max(1, clip.num_frames - 1);
    const every = Math.ceil(gaps / (width / (4 * devicePixelRatio)));
    for (let i = 0; i <= gaps; i += every) pen.fillRect(Math.round((i / gaps) * (width - 1)), 0, 1, ticks.height);
  }
  new ResizeObserver(drawTicks).observe(ticks);

  function show(next) {
    if (clip?.id === next.id) return;
    halt();
    clip = next;
    gone.hidden = true;
    heard.hidden = !clip.sound;
    if (!clip.sound) sound(false);
    video.poster = clip.poster;
    video.src = clip.url;
    video.setAttribute("aria-label", clip.prompt);
    video.style.setProperty("--ratio", String(clip.width / clip.height));
    scrub.max = String(clip.num_frames - 1);
    rate(1);
    video.play().catch(() => {});
    drawTicks();
    paint();
  }
  /** Stop and forget the clip, so that nothing plays unseen. */
  function rest() {
    halt();
    video.pause();
    video.removeAttribute("src");
    video.load();
    clip = null;
  }
  const bar = h("div", { class: "gm-transport" }, toggleButton, counter, h("div", { class: "gm-scrubber" }, ticks, scrub), heard, speed);
  /** The number of the frame that is shown, from 0; `hold` stands still there. */
  const hold = () => { halt(); video.pause(); };
  return { video, bar, gone, show, toggle, step, shuttle, rest, hold, frame: () => (clip ? frame() : 0) };
}
