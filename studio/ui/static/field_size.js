/** The size control: the sizes a model was trained for as small frames, and any other size on its grid. */
import { h } from "./dom.js";
import { flash, heading } from "./fields.js";

/** The nearest size on the grid that keeps the aspect (the same rule as FrameGrid.snap_size). */
export function snapSize(width, height, { multiple, min, max, max_pixels }) {
  const scale = Math.min(1, Math.sqrt(max_pixels / Math.max(1, width * height)));
  const low = Math.ceil(min / multiple);
  const high = Math.floor(max / multiple);
  const side = (pixels) => multiple * Math.max(low, Math.min(high, Math.floor((pixels * scale) / multiple + 0.5)));
  return [side(width), side(height)];
}

function glyph([width, height]) {
  const longest = Math.max(width, height);
  const frame = h("span", { class: "gm-ratio", "aria-hidden": "true" });
  frame.style.width = `${(16 * width) / longest}px`;
  frame.style.height = `${(16 * height) / longest}px`;
  return frame;
}

export function size(field) {
  const { spec, put, id } = field;
  const side = (name) => h("input", { id: name === "Width" ? id : undefined, type: "text", inputmode: "numeric", class: "gm-number", "aria-label": `${name} in pixels`, autocomplete: "off" });
  const width = side("Width");
  const height = side("Height");
  const take = () => {
    const asked = [Number(width.value), Number(height.value)];
    if (!asked.every((n) => Number.isFinite(n) && n > 0)) return show(field.value());
    const near = snapSize(...asked, spec.extra);
    put(near);
    show(near);
    near.forEach((n, i) => n !== asked[i] && flash([width, height][i], `The nearest size this model makes is ${near.join(" × ")}.`));
  };
  width.addEventListener("change", take);
  height.addEventListener("change", take);
  const choices = spec.options.map(([value, label]) =>
    h("button", { type: "button", class: "gm-choice", role: "radio", dataset: { size: value.join("x") }, title: label, onclick: () => put(value) }, glyph(value), label.replaceAll(" ", "")),
  );
  const show = (value) => {
    [width.value, height.value] = value.map(String);
    for (const choice of choices) choice.setAttribute("aria-checked", String(choice.dataset.size === value.join("x")));
  };
  const entries = h("span", { class: "gm-sides" }, width, h("span", { class: "gm-unit" }, "×"), height, h("span", { class: "gm-unit" }, spec.unit));
  const row = h("div", { class: "gm-choices", role: "radiogroup", "aria-label": spec.label }, choices);
  return { nodes: choices.length > 1 ? [heading(field, entries), row] : [heading(field, entries)], show };
}
