/** The facts of the chosen key (or of all keys): what it looks at or how it is turned, height, lens, roll, easing. */
import { button, h, plain, text } from "../dom.js";
import { EASINGS, FOCAL_MM, rotationOf } from "./curve.js";
import { middle } from "./things.js";
import { clamp, column, degrees, length, lookAt, radians, sub, toQuaternion } from "./vectors.js";

const STEEPEST = 89;

/** {node, draw()}. */
export function makePanel(sketch) {
  const title = h("strong", { class: "gm-k-which" });
  const step = (way) => {
    const count = sketch.doc.path.keys.length;
    sketch.select(sketch.selected === null ? (way > 0 ? 0 : count - 1) : (sketch.selected + way + count) % count);
  };
  const chosen = () => sketch.doc.path.keys[sketch.selected ?? 0];
  const change = (changes, tag) => (sketch.selected === null ? sketch.setKeys(changes, tag) : sketch.setKey(sketch.selected, changes, tag));

  const entries = [
    entry("Height", "m", 0.1, () => -chosen().position[1], (v) => lift(Math.max(0.02, v)), "How far the camera is above the ground"),
    entry("Lens", "mm", 1, () => chosen().focal_mm, (v) => change({ focal_mm: clamp(v, ...FOCAL_MM) }, "lens"), "Focal length of a picture 24 mm high"),
    entry("Roll", "°", 1, () => chosen().roll_degrees || 0, (v) => change({ roll_degrees: Math.max(-720, Math.min(720, v)) }, "roll"), "Turned clockwise about the line of sight"),
  ];
  const facing = () => { const [x, y, z] = column(rotationOf(chosen()), 2); return [degrees(Math.atan2(x, z)), degrees(Math.asin(clamp(-y, -1, 1)))]; };
  const turns = [
    entry("Pan", "°", 1, () => facing()[0], (v) => face(v, facing()[1]), "Turned to the right"),
    entry("Tilt", "°", 1, () => facing()[1], (v) => face(facing()[0], clamp(v, -STEEPEST, STEEPEST)), "Turned up"),
  ];
  /** A key that looks freely is turned by its two angles; its roll stays. */
  function face(pan, tilt) {
    const [a, b] = [radians(pan), radians(tilt)];
    const sight = [Math.sin(a) * Math.cos(b), -Math.sin(b), Math.cos(a) * Math.cos(b)];
    change({ target: null, quaternion: toQuaternion(lookAt([0, 0, 0], sight)) }, "face");
  }
  function lift(height) {
    const up = (key) => [key.position[0], -height, key.position[2]];
    if (sketch.selected !== null) sketch.moveKey(sketch.selected, up(chosen()), "height");
    else sketch.put({ keys: sketch.doc.path.keys.map((key) => ({ ...key, position: up(key) })) }, { merge: "height" });
  }
  const aim = h("select", { "aria-label": "Looks at", onchange: () => look(aim.value) });
  function look(value) {
    const thing = sketch.things()[Number(value)];
    const keys = sketch.doc.path.keys;
    const turn = (key, i) => {
      if (value === "free") return { ...key, target: null, quaternion: sketch.turnOf(key) };
      if (value === "ahead") return { ...key, quaternion: null, target: ahead(keys, i) };
      return { ...key, quaternion: null, target: thing ? middle(thing) : key.target || front(key, sketch.turnOf(key)) };
    };
    const all = sketch.selected === null;
    sketch.put({ keys: keys.map((key, i) => (all || i === sketch.selected ? turn(key, i) : key)) });
    if (all) sketch.ahead = value === "ahead";
  }
  const ease = h("select", { "aria-label": "Leaves the key", onchange: () => change({ easing: ease.value }) }, EASINGS.map((name) => h("option", { value: name }, `leaves ${name === "constant" ? "steady" : name}`)));
  const node = h("div", { class: "gm-k-panel", role: "group", "aria-label": "The chosen key" },
    h("div", { class: "gm-k-steps" }, button("before", "The key before", () => step(-1)), title, button("after", "The next key", () => step(1))),
    aim, turns.map((each) => each.node), entries.map((each) => each.node), ease);

  function draw() {
    const count = sketch.doc.path.keys.length;
    const one = sketch.selected !== null;
    text(title, one ? `Key ${sketch.selected + 1} / ${count}` : `${count} keys`);
    entries.forEach((each) => each.show());
    turns.forEach((each) => { each.node.hidden = Boolean(chosen().target); each.show(); });
    ease.value = chosen().easing || "constant";
    const things = sketch.things().map((thing, i) => [String(i), `at the ${thing.kind}${sketch.things().filter((t) => t.kind === thing.kind).length > 1 ? ` ${i + 1}` : ""}`]);
    const choices = [...things, ["point", "at a point"], ["ahead", "where it goes"], ["free", "freely"]];
    const now = JSON.stringify(choices);
    if (aim.dataset.now !== now) {
      aim.dataset.now = now;
      aim.replaceChildren(...choices.map(([value, word]) => h("option", { value }, `looks ${word}`)));
    }
    const key = chosen();
    const at = key.target ? sketch.things().findIndex((thing) => length(sub(middle(thing), key.target)) < 0.05) : -1;
    aim.value = !key.target ? "free" : at >= 0 ? String(at) : !one && sketch.ahead ? "ahead" : "point";
  }
  return { node, draw };
}

function front(key, quaternion) {
  const [w, x, y, z] = quaternion;
  const sight = [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)];
  return key.position.map((v, i) => v + 4 * sight[i]);
}

function ahead(keys, i) {
  const [a, b] = [keys[Math.max(0, i - 1)].position, keys[Math.min(keys.length - 1, i + 1)].position];
  const way = sub(b, a);
  const far = length(way) || 1;
  return keys[i].position.map((v, k) => v + (3 * way[k]) / far);
}

function labelled(word, control) {
  return h("label", { class: "gm-k-labelled" }, h("span", {}, word), control);
}

function entry(word, unit, grain, get, set, title) {
  const input = h("input", { type: "text", inputmode: "decimal", class: "gm-number", autocomplete: "off", "aria-label": `${word} in ${unit}` });
  const take = () => {
    const value = Number(input.value.replace(",", "."));
    if (input.value.trim() && Number.isFinite(value)) set(value);
    show();
  };
  input.addEventListener("change", take);
  input.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (event.key === "Enter") take();
    if (!way) return;
    event.preventDefault();
    set(Number((get() + way * grain * (event.shiftKey ? 10 : 1)).toFixed(3)));
  });
  const show = () => { if (document.activeElement !== input || input.value === "") input.value = plain(get(), 2); else if (Math.abs(Number(input.value) - get()) > 0.005) input.value = plain(get(), 2); };
  return { node: h("label", { class: "gm-k-labelled", title }, h("span", {}, word), input, h("span", { class: "gm-unit" }, unit)), show };
}
