/** Over the stage in the Subject tab: the draft's pictures, or one subject. A clip of the takes comes before it. */
import { button, h } from "../dom.js";
import { segments } from "../camera/sketcher.js";
import { on, state } from "../store.js";
import { begin, desk, hear, isDrafting, opened } from "./desk.js";
import { chooser, importFiles } from "./files.js";
import { makePage } from "./page.js";
import { makeSheet } from "./sheet.js";

/** Draw the bench into the stage's place. */
export function mountBench(place) {
  const sheet = makeSheet();
  const page = makePage();
  const weights = chooser(".safetensors", importFiles);
  const empty = h("div", { class: "gm-c-empty gm-s-empty" }, h("h2", {}, "A subject of your own"),
    h("p", { class: "gm-muted" }, "A few pictures of your dog, a product or a figure become a word such as <my-dog>. Write it in the prompt of any tab."),
    h("div", { class: "gm-s-starts" }, button("plus", "New subject", begin, { word: "New subject", kind: "gm-line" }), button("open", "Import a trained subject", () => weights.click(), { word: "Import" }), weights));
  const node = h("section", { class: "gm-s-bench", "aria-label": "Subjects", hidden: true }, sheet.node, page.node, empty);
  let where = "subject"; // or "clip"
  const turn = segments(["subject", "Subject"], ["clip", "Clip"]);
  const bar = turn(where, (name) => { where = name; draw(); });
  bar.classList.add("gm-c-switch", "gm-s-switch");
  bar.setAttribute("aria-label", "What the stage shows");
  place.append(node, bar);

  function draw() {
    const here = state.tab === "subject";
    const open = here && where === "subject";
    bar.hidden = !here || where !== "clip";
    for (const each of bar.querySelectorAll("button")) each.setAttribute("aria-checked", String(each.textContent === (where === "clip" ? "Clip" : "Subject")));
    document.documentElement.classList.toggle("gm-subjecting", open);
    node.hidden = !open;
    if (!open) return;
    const subject = opened();
    const drafting = isDrafting();
    sheet.node.hidden = !drafting;
    page.node.hidden = drafting || !subject;
    empty.hidden = drafting || Boolean(subject) || desk.subjects === null;
    if (drafting) sheet.show();
    else page.show();
  }
  document.addEventListener("click", (event) => {
    if (state.tab !== "subject") return;
    if (event.target.closest?.("#gm-takes .gm-take")) where = "clip";
    else if (event.target.closest?.("#gm-form")) where = "subject";
    else return;
    draw();
  });
  on("tab", () => { where = "subject"; draw(); });
  hear(draw);
  draw();
}
