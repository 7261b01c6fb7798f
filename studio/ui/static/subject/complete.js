/** Tokens of subjects in prompt boxes: type "<" to complete one; one that the chosen model cannot use is told. */
import { h, icon } from "../dom.js";
import { get } from "../api.js";
import { field as control } from "../fields.js";
import { on } from "../store.js";

const TOKEN = /<[a-z0-9-]+>/g;
const model = () => control("model")?.value() || "";
let boxes = 0;

/** Completes tokens in a text area; the nodes to stand below it. `put(text)` keeps a completed text. */
export function tokens(area, put) {
  const id = `gm-tokens-${(boxes += 1)}`;
  const list = h("div", { class: "gm-s-tokens", role: "listbox", id, "aria-label": "Subjects", hidden: true });
  const note = h("p", { class: "gm-note gm-s-unfit", hidden: true });
  for (const [name, value] of [["aria-autocomplete", "list"], ["aria-controls", id], ["aria-expanded", "false"]]) area.setAttribute(name, value);
  let found = [];
  let at = 0;
  let asked = "";

  /** What is typed of a token before the caret, or null. */
  const typed = () => area.value.slice(0, area.selectionStart).match(/<[a-z0-9-]*$/)?.[0] ?? null;
  function close() {
    asked = "";
    list.hidden = true;
    area.setAttribute("aria-expanded", "false");
  }
  async function open() {
    const prefix = typed();
    if (prefix === null) return close();
    const key = `${model()} ${prefix}`;
    if (key === asked) return;
    asked = key;
    const answer = await get("subjects/complete", { prefix, model: model() }).catch(() => ({ tokens: [] }));
    if (key !== asked || typed() !== prefix) return;
    found = answer.tokens.slice(0, 8);
    at = 0;
    draw();
  }
  function draw() {
    list.hidden = !found.length;
    area.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(...found.map((each, n) => h("button", {
      type: "button", role: "option", tabindex: "-1", "aria-selected": String(n === at), title: each.why_not || "",
      onpointerdown: (event) => { event.preventDefault(); take(each); },
    }, h("strong", {}, each.token), h("span", {}, each.fits ? each.name : each.why_not.replace(`${each.token} `, "")))));
  }
  function take(each) {
    const caret = area.selectionStart;
    const from = caret - typed().length;
    const after = area.value.slice(caret).replace(/^[a-z0-9-]*>?/, "");
    area.value = `${area.value.slice(0, from)}${each.token}${after.startsWith(" ") ? "" : " "}${after}`;
    const next = from + each.token.length + 1;
    area.setSelectionRange(next, next);
    close();
    put(area.value);
  }
  area.addEventListener("input", open);
  area.addEventListener("click", open);
  area.addEventListener("blur", close);
  area.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (way) { at = (at + way + found.length) % found.length; draw(); }
    else if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey) take(found[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  let checked = "";
  /** Tell of tokens in the text that the model cannot use. */
  async function check() {
    const used = [...new Set(area.value.match(TOKEN) || [])];
    const key = `${model()} ${used.join(" ")}`;
    if (key === checked) return;
    checked = key;
    if (!used.length) { note.hidden = true; return; }
    const known = (await get("subjects/complete", { prefix: "", model: model() }).catch(() => ({ tokens: [] }))).tokens;
    if (key !== checked) return;
    const words = used.map((token) => {
      const one = known.find((each) => each.token === token);
      return one ? one.why_not : `There is no subject ${token} here.`;
    }).filter(Boolean);
    note.hidden = !words.length;
    note.replaceChildren(icon("warn"), h("span", {}, words.join(" ")));
  }
  on("look", () => { if (area.isConnected) check(); });
  on("tab", () => { checked = ""; if (area.isConnected) check(); });
  return [list, note];
}
