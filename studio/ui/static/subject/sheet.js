/** The pictures of a draft on the stage: each with its frame, what is wrong with it, and its caption. */
import { button, h, icon, keyed, text } from "../dom.js";
import { post } from "../api.js";
import { state } from "../store.js";
import { fail } from "../toast.js";
import { menu } from "../top.js";
import { makeCrop } from "./crop.js";
import { boxOf, captionOf, changePicture, desk, draft, kept, removePicture } from "./desk.js";
import { add, bringPictures, chooser } from "./files.js";

const MOST = 30;

/** {node, show()} */
export function makeSheet() {
  const files = chooser("image/*,video/*", bringPictures);
  const pick = () => files.click();
  const count = h("span", { class: "gm-muted gm-num" });
  const takes = button("source", "Use clips of this project", () => menu(takes, clips()), { word: "From takes" });
  const more = button("plus", "Add pictures or clips", pick, { word: "Add", kind: "gm-line" });
  const head = h("div", { class: "gm-s-head" }, h("h2", {}, "Pictures"), count, h("span", { class: "gm-gap" }), takes, more);
  const said = h("ul", { class: "gm-s-said", "aria-live": "polite" });
  const wrong = h("p", { class: "gm-problem", role: "alert" });
  const grid = h("div", { class: "gm-s-grid" });
  const first = h("button", { type: "button", class: "gm-s-drop", onclick: pick }, icon("plus"), h("strong", {}, "Drop 3 to 30 pictures, or click to choose"), h("span", {}, "One subject, seen from several sides and in several places. Clips work, too."));
  const node = h("section", { class: "gm-s-sheet", "aria-label": "Pictures of the subject" }, files, head, wrong, said, first, grid);

  function show() {
    const { pictures } = draft();
    first.hidden = pictures.length > 0;
    grid.hidden = !pictures.length;
    const coming = desk.bringing ? `${desk.bringing} on the way` : desk.looking ? "looking at them…" : "";
    text(count, [pictures.length ? `${pictures.length} of at most ${MOST}` : "", coming].filter(Boolean).join(" · "));
    said.replaceChildren(...(pictures.length ? desk.said : []).map((words) => h("li", {}, icon("info"), words)));
    wrong.hidden = !desk.problems.pictures;
    text(wrong, desk.problems.pictures || "");
    keyed(grid, pictures.map((picture, n) => ({ picture, n })), ({ picture }) => picture.media, create, (card, { picture, n }) => card.show(picture, n));
  }
  return { node, show };
}

/** The newest clips of the project, as a menu. */
function clips() {
  const list = (state.clips || []).slice(0, 12);
  if (!list.length) return [{ node: h("p", { class: "gm-menu-note" }, "This project has no clips yet.") }];
  return list.map((clip) => ({ word: clip.prompt.slice(0, 60), run: () => use(clip) }));
}

async function use(clip) {
  try {
    const { media } = await post(`clips/${clip.id}/source`);
    add([{ media, name: clip.prompt.slice(0, 60), kind: "clip" }]);
  } catch (error) {
    fail(error);
  }
}

/** The address of a picture, or of a clip's middle frame, which is the one that is looked at. */
export function faceOf(picture) {
  return picture.kind === "clip" ? `/gimbal/media/subjects/pictures/${picture.media}` : `/gimbal/media/pictures/${picture.media}`;
}

function create({ picture: { media } }) {
  const crop = makeCrop((box) => changePicture(media, { box }));
  const name = h("span", { class: "gm-s-name" });
  const auto = button("reset", "Frame found by itself again", () => changePicture(media, { box: undefined }));
  const cut = button("figure", "Put plain grey behind the subject", () => changePicture(media, { cut_out: cut.getAttribute("aria-pressed") !== "true" }), { word: "Cut out" });
  const away = button("close", "Take this picture out", () => removePicture(media));
  const caption = h("textarea", { class: "gm-s-caption", rows: "3", spellcheck: "false", maxlength: "600" });
  caption.addEventListener("input", () => changePicture(media, { caption: kept(caption.value) }));
  const first = button("reset", "The first caption again", () => changePicture(media, { caption: undefined }));
  const problems = h("ul", { class: "gm-s-problems" });
  const card = h("article", { class: "gm-s-card" },
    h("div", { class: "gm-s-face" }, crop.node),
    h("div", { class: "gm-s-tools" }, name, cut, auto, away),
    problems,
    h("div", { class: "gm-s-words" }, caption, first));
  card.show = (picture, n) => {
    crop.show(faceOf(picture), boxOf(picture));
    const label = `Picture ${n + 1}`;
    card.setAttribute("aria-label", label);
    caption.setAttribute("aria-label", `Caption of picture ${n + 1}`);
    text(name, `${n + 1}`);
    name.title = picture.name || "";
    auto.style.visibility = picture.box ? "" : "hidden";
    first.style.visibility = picture.caption === undefined ? "hidden" : "";
    cut.setAttribute("aria-pressed", String(Boolean(picture.cut_out)));
    const words = captionOf(picture);
    if (document.activeElement !== caption && caption.value !== words) caption.value = words;
    const found = desk.looked.get(picture.media)?.problems || [];
    if (problems.dataset.seen !== found.join("|")) {
      problems.dataset.seen = found.join("|");
      problems.replaceChildren(...found.map((each) => h("li", {}, each)));
    }
  };
  return card;
}
