/** Losses over the steps of a training: as they were trained on, and on pictures kept aside or, with none, on all. */
import { h, plain } from "../dom.js";
import { s } from "../camera/svg.js";

const [WIDE, HIGH] = [600, 150];
const RECENT = 0.92;

/** The element for {losses, checkpoints, steps, chosen, aside}, or "" before there is anything to draw. What tells no number kept one aside. */
export function plot({ losses = [], checkpoints = [], steps = 0, chosen, aside = 1 }) {
  const where = aside ? "on pictures kept aside" : "on all of them, with the same noise";
  const told = checkpoints.filter((each) => Number.isFinite(each.held_out)).sort((a, b) => a.step - b.step);
  const values = [...losses, ...told.map((each) => each.held_out)].filter(Number.isFinite);
  if (!values.length) return "";
  const last = Math.max(1, steps || losses.length, ...told.map((each) => each.step));
  const most = sorted(values)[Math.floor((values.length - 1) * 0.98)] * 1.08 || 1;
  const x = (step) => ((step / last) * WIDE).toFixed(1);
  const y = (value) => (HIGH - 4 - (HIGH - 8) * Math.min(1, Math.max(0, value / most))).toFixed(1);
  const line = (points, name) => points.length > 1 && s("path", { class: name, d: `M${points.map(([step, value]) => `${x(step)} ${y(value)}`).join("L")}` });
  let mean = losses[0];
  const smooth = losses.map((value, n) => [n + 1, (mean = n ? RECENT * mean + (1 - RECENT) * value : value)]);
  const held = told.map((each) => [each.step, each.held_out]);
  const parts = [line(losses.map((value, n) => [n + 1, value]), "gm-s-raw"), line(smooth, "gm-s-mean"), line(held, "gm-s-held")].filter(Boolean);
  const mark = chosen && s("path", { class: "gm-s-mark", d: `M${x(chosen)} 0V${HIGH}` });
  const dots = told.map((each) => {
    const dot = h("i", { class: each.step === chosen ? "gm-on" : "", title: `Step ${each.step}: ${plain(each.held_out, 4)} ${where}` });
    dot.style.cssText = `left:${(100 * each.step) / last}%;top:${(100 * y(each.held_out)) / HIGH}%`;
    return dot;
  });
  return h("figure", { class: "gm-s-plot" },
    h("figcaption", {}, key("gm-s-mean", "on its pictures"), key("gm-s-held", where), h("span", { class: "gm-gap" }), h("span", {}, "loss, lower is better")),
    h("div", { class: "gm-s-canvas" }, s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": "Loss over the steps" }, ...parts, ...(mark ? [mark] : [])), dots),
    h("div", { class: "gm-s-axis gm-num" }, h("span", {}, "0"), h("span", {}, `${last} steps`)));
}

/** A line of the legend, that does not part from its words where the page is narrow. */
const key = (kind, words) => h("span", { class: "gm-s-key" }, h("i", { class: kind }), words);
const sorted = (values) => [...values].sort((a, b) => a - b);
