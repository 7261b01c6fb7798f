/** The start picture: chosen, dropped or pasted; kept by the library under its content hash. */
import { button, h } from "./dom.js";
import { heading } from "./fields.js";
import { send } from "./api.js";
import { tell } from "./toast.js";

export function picture(field) {
  const { spec, put, id } = field;
  const chooser = h("input", { id, type: "file", accept: "image/png,image/jpeg,image/webp", class: "gm-file", disabled: Boolean(spec.reason) });
  const take = async (file) => {
    try {
      put(await send("pictures", file));
    } catch (error) {
      tell(error.message, { hint: error.hint, bad: true });
    }
  };
  chooser.addEventListener("change", () => { if (chooser.files[0]) take(chooser.files[0]); chooser.value = ""; });
  const thumb = h("img", { class: "gm-thumb", alt: "The start picture" });
  const pick = button("plus", "Choose a start picture", () => chooser.click(), { word: "Choose", disabled: Boolean(spec.reason) });
  const drop = button("close", "Remove the start picture", () => put(null));
  const show = (value) => {
    thumb.hidden = drop.hidden = !value?.media;
    pick.hidden = Boolean(value?.media);
    if (value?.media) thumb.src = `/gimbal/media/pictures/${value.media}`;
    else thumb.removeAttribute("src");
  };
  return { nodes: [heading(field, chooser, thumb, pick, drop)], show };
}
