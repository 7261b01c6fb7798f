/** The move as the studio itself renders it: what the model is given of the stage or of the picture, frame by frame. */
import { button, h } from "../dom.js";
import { ask } from "../api.js";
import { fail } from "../toast.js";
import { framed } from "./relief.js";

/** {button, stale()}: the button shows the rendered stage over the lens; a change of the sketch takes it away. */
export function makePreview(sketch, box) {
  const picture = h("img", { class: "gm-k-rendered", alt: "What the model is given of the move", hidden: true });
  box.append(picture);
  let shown = null;
  const hide = () => { picture.hidden = true; toggle.setAttribute("aria-pressed", "false"); shown = null; };
  const toggle = button("depth", "What the model is given: the stage's depth, or the moved picture and the mask of what it does not show", async () => {
    if (shown) return hide();
    toggle.disabled = true;
    const doc = sketch.doc;
    try {
      const made = await ask("camera/preview", { path: doc.path, things: doc.things, picture: doc.picture && framed(doc.picture), num_frames: sketch.frames, fps: sketch.fps, aspect: sketch.aspect });
      if (doc !== sketch.doc) return;
      picture.src = made.picture;
      picture.hidden = false;
      shown = doc;
      toggle.setAttribute("aria-pressed", "true");
    } catch (error) {
      fail(error);
    } finally {
      toggle.disabled = false;
    }
  }, { kind: "gm-k-corner" });
  return { button: toggle, stale: () => { if (shown && shown !== sketch.doc) hide(); } };
}
