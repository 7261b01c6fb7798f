/** The path played as a warp of the start picture, as the studio makes it: asked for a moment after each change. */
import { ask } from "../api.js";
import { framed } from "./relief.js";

const PAUSE = 140;

/** {made, trouble, current(), draw(canvas, frame)}. */
export function makeFilm(sketch) {
  const film = { made: null, trouble: "", current, draw, wish };
  let waiting = 0;
  let running = false;
  const facts = () => ({ path: sketch.doc.path, picture: sketch.doc.picture, frames: sketch.frames, aspect: sketch.aspect });
  const same = (a, b) => Boolean(a && b) && a.path === b.path && a.picture === b.picture && a.frames === b.frames && a.aspect === b.aspect;
  let failed = null;

  /** Whether what is shown is what the sketch says now. */
  function current() {
    return Boolean(sketch.doc.picture) && same(film.made?.of, facts());
  }
  function wish() {
    clearTimeout(waiting);
    if (!sketch.doc.picture) { film.made = null; film.trouble = ""; return; }
    if (!current() && !same(failed, facts())) waiting = setTimeout(run, PAUSE);
  }
  async function run() {
    if (running) return;
    running = true;
    const of = facts();
    try {
      const made = await ask("camera/warp", { path: of.path, picture: framed(of.picture), num_frames: of.frames, aspect: of.aspect });
      if (made.refused) throw made.refused;
      const sheet = new Image();
      sheet.src = made.sheet;
      await sheet.decode();
      Object.assign(film, { made: { ...made, sheet, of }, trouble: "" });
    } catch (error) {
      failed = of;
      film.trouble = `${error.message} ${error.hint || ""}`;
    } finally {
      running = false;
    }
    sketch.tell("film");
    wish(); // what changed meanwhile
  }
  function draw(canvas, frame) {
    const { sheet, columns, width, height, frames } = film.made;
    const shown = Math.min(frame, frames - 1);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(sheet, (shown % columns) * width, Math.floor(shown / columns) * height, width, height, 0, 0, canvas.width, canvas.height);
  }
  return film;
}
