/** The move as the studio itself renders it: what the model is given of the stage, frame by frame. */
import { button, h } from "../dom.js";
import { post } from "../api.js";
import { fail } from "../toast.js";

/** {button, stale()}: the button shows the rendered stage over the lens; a change of the sketch takes it away. */
export function makePreview(sketch, box) {
  const picture = h("img", { class: "gm-k-rendered", alt: "The stage, rendered along the move, and its depth", hidden: true });
  box.append(picture);
  let shown = null;
  const hide = () => { picture.hidden = true; toggle.setAttribute("aria-pressed", "false"); shown = null; };
  const toggle = button("depth", "Render the stage along the move, with the depth that the model is given", async () => {
    if (shown) return hide();
    toggle.disabled = true;
    const doc = sketch.doc;
    try {
      const made = await post("camera/preview", { path: doc.path, things: doc.things, num_frames: sketch.frames, fps: sketch.fps, aspect: sketch.aspect });
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
