/** The form's controls. `mount` is called by the Field component (fields.py) for each of them. */
import { h, icon, plain, text as words } from "./dom.js";
import { look } from "./bridge.js";
import { camera } from "./field_camera.js";
import { control } from "./field_control.js";
import { extension } from "./field_extension.js";
import { pictures } from "./field_pictures.js";
import { seed } from "./field_seed.js";
import { size } from "./field_size.js";
import { draft } from "./models/draft.js";
import { adapters } from "./models/loras.js";
import { model } from "./models/row.js";
import { tokens } from "./subject/complete.js";
import { subject } from "./subject/field.js";

const KINDS = { adapters, camera, control, draft, extension, hidden, model, number, pictures, seed, size, subject, text };
const mounted = new Map();

/** The control of a name: {value(), spec(), put(value), problem(words), focus()}. */
export function field(name) {
  return mounted.get(name);
}

/** Draw one control into its element and keep it in step with the component's value and specification. */
export function mount(element, props, trigger, watch) {
  const root = element.querySelector(".gm-field") || element;
  const name = root.dataset.field;
  const put = (value) => {
    if (JSON.stringify(value) === JSON.stringify(props.value)) return;
    props.value = value;
    problem("");
    drawn.show(value);
    marks();
    trigger("change");
    look();
  };
  const slot = h("p", { class: "gm-problem", role: "alert", hidden: true });
  let drawn = null;

  function problem(words) {
    slot.textContent = words;
    slot.hidden = !words;
    root.classList.toggle("gm-wrong", Boolean(words));
  }
  function marks() {
    const same = JSON.stringify(props.value || null) === JSON.stringify(props.spec.default || null);
    root.classList.toggle("gm-changed", !same);
  }
  function draw() {
    const spec = props.spec;
    root.classList.toggle("gm-greyed", Boolean(spec.reason));
    drawn = KINDS[spec.kind]({ spec, put, value: () => props.value, id: `gm-in-${name}` });
    root.replaceChildren(...drawn.nodes, spec.reason ? h("p", { class: "gm-reason" }, spec.reason) : "", slot);
    drawn.show(props.value);
    marks();
  }
  let spec = "";
  const refresh = () => {
    const now = JSON.stringify(props.spec);
    if (now !== spec) draw();
    else drawn.show(props.value);
    spec = now;
    marks();
    look();
  };
  watch(["value", "spec"], refresh);
  refresh();
  mounted.set(name, { value: () => props.value, spec: () => props.spec, put, problem, focus: () => root.querySelector("textarea, input, select")?.focus() });
}

/** A value that other modules set, such as the tab. */
function hidden() {
  return { nodes: [], show() {} };
}

/** A label with the way back to the default. */
export function heading({ spec, put, id }, ...right) {
  const reset = h(
    "button",
    { type: "button", class: "gm-reset", title: "Back to the default", "aria-label": `${spec.label}: back to the default`, onclick: () => put(spec.default) },
    icon("reset"),
  );
  return h("div", { class: "gm-heading" }, h("label", { for: id, title: spec.note }, spec.label), reset, h("span", { class: "gm-gap" }), ...right);
}

function text(field) {
  const { spec, put, id } = field;
  const area = h("textarea", { id, rows: spec.rows, placeholder: spec.note, disabled: Boolean(spec.reason), spellcheck: "false", maxlength: "20000" });
  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, 260)}px`;
  };
  area.addEventListener("input", () => { put(area.value); grow(); });
  const show = (value) => {
    if (area.value !== (value || "")) area.value = value || "";
    if (area.offsetParent) grow();
  };
  const known = spec.name === "prompt" && !spec.reason ? tokens(area, (words) => { put(words); grow(); }) : [];
  return { nodes: [heading(field), area, ...known], show };
}

/** The nearest value on a number's grid. */
export function snapped(value, spec) {
  const steps = Math.round((value - spec.low) / spec.step);
  const near = spec.low + steps * spec.step;
  return Number(Math.max(spec.low, Math.min(spec.high, near)).toFixed(6));
}

function number(field) {
  const { spec, put, id } = field;
  const off = Boolean(spec.reason);
  const entry = h("input", { id, type: "text", inputmode: "decimal", class: "gm-number", disabled: off, autocomplete: "off" });
  const slider = h("input", { type: "range", min: String(spec.low), max: String(spec.high), step: String(spec.step), disabled: off, "aria-label": spec.label });
  const unit = h("span", { class: "gm-unit" }, spec.unit);
  const paint = (value) => slider.style.setProperty("--at", `${(100 * (value - spec.low)) / (spec.high - spec.low || 1)}%`);
  const take = (raw) => {
    const asked = Number(String(raw).replace(",", "."));
    if (!Number.isFinite(asked)) return show(field.value());
    const value = snapped(asked, spec);
    put(value);
    show(value);
    if (Math.abs(value - asked) > 1e-9) flash(entry, `${plain(asked)} is not on this model's grid; the nearest is ${plain(value)}.`);
  };
  slider.addEventListener("input", () => { entry.value = plain(slider.value); paint(Number(slider.value)); });
  slider.addEventListener("change", () => take(slider.value));
  entry.addEventListener("change", () => take(entry.value));
  entry.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    take(Number(field.value()) + way * spec.step);
  });
  const show = (value) => {
    entry.value = plain(value);
    slider.value = String(value);
    paint(Number(value));
    measure();
  };
  /** A length is told in seconds, too; it follows the frame rate. */
  let fps = 0;
  function measure(event) {
    fps = event?.detail.values?.fps || fps;
    if (spec.extra.seconds && fps) words(unit, `f · ${plain(Number(entry.value) / fps, 1)} s`);
  }
  if (spec.extra.seconds) window.addEventListener("gimbal:reply", measure);
  return { nodes: [h("div", { class: "gm-line-row" }, heading(field), slider, entry, unit)], show };
}

/** Show that a value was moved onto the grid, and say why. */
export function flash(element, words) {
  element.title = words;
  element.classList.remove("gm-snapped");
  void element.offsetWidth;
  element.classList.add("gm-snapped");
  element.closest(".gm-field")?.dispatchEvent(new CustomEvent("gimbal:snapped", { bubbles: true, detail: words }));
}
