/** The export sheet: format, range, loop, scale, frame rate; then a download. */
import { bytes, duration, h, plain, text } from "./dom.js";
import { post } from "./api.js";
import { on, state } from "./store.js";

const SCALES = [[0.5, "½×"], [1, "1×"], [2, "2×"], [4, "4×"]];
const LOOPS = [["none", "Once"], ["loop", "Loop"], ["boomerang", "Boomerang"]];

/** Open the sheet for a clip. */
export function openExport(clip) {
  if (!clip) return;
  const wish = { format: state.start.formats[0].id, start: 0, end: clip.num_frames, loop: "none", repeats: 2, scale: 1, fps: clip.fps };
  const dialog = h("dialog", { class: "gm-dialog", "aria-label": "Export" });
  const summary = h("p", { class: "gm-muted gm-num" });
  const result = h("div", { class: "gm-result", "aria-live": "polite" });
  const go = h("button", { type: "button", class: "gm-primary", id: "gm-export-go" }, "Export");
  const times = entry("times", 2, 1, 50, (n) => change({ repeats: n }));
  const refresh = () => {
    text(summary, told(wish, clip));
    times.classList.toggle("gm-off", wish.loop === "none");
    times.querySelector("input").disabled = wish.loop === "none";
  };
  const change = (patch) => { Object.assign(wish, patch); refresh(); };
  dialog.append(
    h("header", {}, h("h2", {}, "Export"), h("span", { class: "gm-gap" }), h("button", { type: "button", class: "gm-button gm-square", "aria-label": "Close", onclick: () => dialog.close() }, "×")),
    formats(wish, change),
    h("div", { class: "gm-row" },
      entry("From frame", 1, 1, clip.num_frames, (n) => change({ start: n - 1 })),
      entry("to frame", clip.num_frames, 1, clip.num_frames, (n) => change({ end: n })),
      entry("fps", clip.fps, 1, 120, (n) => change({ fps: n }))),
    h("div", { class: "gm-row" },
      choices("Loop", LOOPS, wish.loop, (loop) => change({ loop })),
      times),
    choices("Scale", SCALES, wish.scale, (scale) => change({ scale })),
    summary, go, result,
  );
  refresh();
  let mine = null;
  go.addEventListener("click", async () => {
    result.replaceChildren(h("div", { class: "gm-bar gm-unsure" }, h("i", {})));
    go.disabled = true;
    try {
      mine = (await post(`clips/${clip.id}/export`, { ...wish, repeats: wish.loop === "none" ? 1 : wish.repeats })).id;
      show(state.live?.notes?.exports?.[mine]);
    } catch (error) {
      done(complaint(error));
    }
  });
  const done = (...nodes) => { go.disabled = false; mine = null; result.replaceChildren(...nodes); };
  const show = (state) => {
    if (!state || state.id !== mine) return;
    if (state.error) return done(complaint(state.error));
    if (!state.url) { result.firstChild?.firstChild?.style.setProperty("width", `${100 * state.fraction}%`); result.firstChild?.classList.toggle("gm-unsure", !state.fraction); return; }
    const facts = state.report;
    const link = h("a", { href: state.url, download: facts.name, class: "gm-button gm-line", id: "gm-export-file" }, h("span", {}, `Save ${facts.name}`));
    const beside = state.sidecar && h("a", { href: state.sidecar, download: "", class: "gm-button", id: "gm-export-sidecar" }, "Save its settings file");
    done(h("p", { class: "gm-num" }, `${facts.num_frames} frames · ${facts.width} × ${facts.height} · ${plain(facts.fps)} fps · ${bytes(facts.bytes)}`), link, ...(beside ? [beside] : []));
    link.click();
  };
  on("live", () => dialog.open && show(state.live?.notes?.exports?.[mine]));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

function complaint(error) {
  return h("p", { class: "gm-problem" }, `${error.message} ${error.hint || ""}`);
}

function told(wish, clip) {
  const range = Math.max(0, wish.end - wish.start);
  const count = { none: range, loop: range * wish.repeats, boomerang: Math.max(1, 2 * range - 2) * wish.repeats }[wish.loop];
  const seconds = count / clip.fps;
  return `${duration(seconds)} · ${Math.round(clip.width * wish.scale)} × ${Math.round(clip.height * wish.scale)} · ${plain(wish.fps)} fps`;
}

function formats(wish, change) {
  const select = h("select", { id: "gm-export-format", "aria-label": "Format" }, state.start.formats.map((format) => h("option", { value: format.id }, format.title)));
  select.value = wish.format;
  select.addEventListener("change", () => change({ format: select.value }));
  return h("label", { class: "gm-heading" }, h("span", {}, "Format"), h("span", { class: "gm-gap" }), select);
}

function entry(label, value, low, high, take) {
  const input = h("input", { type: "number", class: "gm-number", value: plain(value), min: String(low), max: String(high), step: "any" });
  input.addEventListener("change", () => {
    const number = Math.max(low, Math.min(high, Number(input.value) || low));
    input.value = plain(number);
    take(number);
  });
  return h("label", { class: "gm-entry" }, h("span", {}, label), input);
}

function choices(label, options, value, take) {
  const row = h("div", { class: "gm-segments", role: "radiogroup", "aria-label": label });
  for (const [option, word] of options) {
    const one = h("button", { type: "button", role: "radio", "aria-checked": String(option === value), onclick: () => { for (const each of row.children) each.setAttribute("aria-checked", String(each === one)); take(option); } }, word);
    row.append(one);
  }
  return row;
}
