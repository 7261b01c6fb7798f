/** Small tools for drawing: elements, line icons, keyed lists, and numbers as people read them. */

/** An element with properties (on*, dataset, aria-*, class, style) and children (nodes, strings, falsy = nothing). */
export function h(tag, props = {}, ...kids) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false && kid !== ""));
  return element;
}

const PATHS = {
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M5 3.5v9M11 3.5v9",
  stop: "M4 4h8v8H4z",
  again: "M12.5 8a4.5 4.5 0 1 1-1.3-3.2M12.5 2.5v2.6H9.9",
  vary: "M3 3h10v10H3zM5.8 5.8h.01M10.2 5.8h.01M8 8h.01M5.8 10.2h.01M10.2 10.2h.01",
  use: "M13 8H3.5M7 4 3 8l4 4",
  export: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.2h10",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  star: "m8 2.4 1.7 3.6 3.9.5-2.9 2.7.8 3.9L8 11.2l-3.5 1.9.8-3.9L2.4 6.5l3.9-.5z",
  lock: "M4 7.2h8v5.8H4zM5.7 7.2V5.2a2.3 2.3 0 0 1 4.6 0v2",
  unlock: "M4 7.2h8v5.8H4zM5.7 7.2V5a2.3 2.3 0 0 1 4.5-.7",
  reset: "M3.5 8a4.5 4.5 0 1 0 1.3-3.2M3.5 2.5v2.6h2.6",
  down: "m4 6 4 4 4-4",
  up: "m4 10 4-4 4 4",
  search: "M7.2 11.4a4.2 4.2 0 1 0 0-8.4 4.2 4.2 0 0 0 0 8.4zM10.3 10.3 13.5 13.5",
  plus: "M8 3v10M3 8h10",
  close: "m4 4 8 8M12 4l-8 8",
  grip: "M6 4h.01M10 4h.01M6 8h.01M10 8h.01M6 12h.01M10 12h.01",
  chip: "M4.5 4.5h7v7h-7zM6.5 2v2M9.5 2v2M6.5 12v2M9.5 12v2M2 6.5h2M2 9.5h2M12 6.5h2M12 9.5h2",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5v3.5M8 5.2h.01",
  back: "M10.5 3.5v9L4 8z",
  first: "M12 3.5v9L6 8zM4.5 3.5v9",
  last: "M4 3.5v9L10 8zM11.5 3.5v9",
  loop: "M3 7.5V6.7A2.2 2.2 0 0 1 5.2 4.5H13M11 2.5l2 2-2 2M13 8.5v.8a2.2 2.2 0 0 1-2.2 2.2H3M5 13.5l-2-2 2-2",
  warn: "M8 2.5 14 13H2zM8 6.5v3M8 11.3h.01",
  before: "m10 4-4 4 4 4",
  after: "m6 4 4 4-4 4",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  turn: "M3 8c0-2 2.2-3.2 5-3.2s5 1.2 5 3.2-2.2 3.2-5 3.2M9.8 9.2 8 11.2l1.8 2",
  depth: "M2.5 5 8 2.5 13.5 5 8 7.5zM2.5 8 8 10.5 13.5 8M2.5 11 8 13.5 13.5 11",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 10.5v3h10v-3",
  open: "M2.5 12.5v-9H6l1.5 2h6v7z",
  frame: "M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6 3.5v3M10 3.5v3M6 9.5v3M10 9.5v3",
  extend: "M3 3.5v9M6 8h7.2M10.4 5.2 13.2 8l-2.8 2.8",
  figure: "M8 5.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM8 6.5v4M3.5 8h9M8 10.5l-2.5 4M8 10.5l2.5 4",
  source: "M2.5 4.5h8v7h-8zM5 2.5h8.5v7",
  compare: "M8 1.5v13M5.5 4H2.5v8h3M10.5 4h3v8h-3",
  copy: "M5.5 5.5h7.5v7.5H5.5zM3 10.5V3h7.5",
};

/** A 16 px line icon; the caller names its button. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `gm-icon gm-icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name] || "");
  svg.append(path);
  return svg;
}

/** A button with an icon, a name that is spoken and shown on hover, and perhaps a visible word. */
export function button(name, label, onclick, { word = "", keys = "", kind = "", ...more } = {}) {
  const title = keys ? `${label}  (${keys})` : label;
  const look = `gm-button ${word ? "" : "gm-square"} ${kind}`;
  return h("button", { type: "button", class: look, title, "aria-label": label, onclick, ...more }, name && icon(name), word);
}

/**
 * Make `parent`'s children follow `items`: one node per key, made once by `create`, refreshed by `update`.
 * Nodes keep their focus and their running videos.
 */
export function keyed(parent, items, key, create, update) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    let node = old.get(id);
    old.delete(id);
    if (!node) {
      node = create(item);
      node.dataset.key = id;
    }
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
  if (focused?.isConnected && focused !== document.activeElement) focused.focus(); // a moved node loses it
}

/** Set an element's text only where it differs, so that selections survive. */
export function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** 8.25 -> "8.3 s", 71 -> "1:11", 4000 -> "1 h 07". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}`;
}

/** How far what came is from an estimate: (12, 10) -> "20 % over the estimate", (50, 10) -> "5 times the estimate"; "" without one. */
export function missed(took, expected) {
  if (!(took > 0) || !(expected > 0)) return "";
  const percent = Math.round(100 * (took / expected - 1));
  if (percent >= 100) return `${(took / expected).toFixed(took < 10 * expected ? 1 : 0)} times the estimate`.replace(".0 ", " ");
  return Math.abs(percent) < 2 ? "as estimated" : `${Math.abs(percent)} % ${percent > 0 ? "over" : "under"} the estimate`;
}

/** Bytes in decimal units, as disks are sold. */
export function bytes(count) {
  if (!Number.isFinite(count) || count <= 0) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 10 ** (3 * power);
  return `${value.toFixed(value < 10 && power > 1 ? 1 : 0)} ${units[power]}`;
}

/** A number without trailing zeros. */
export function plain(value, digits = 3) {
  return String(Number(Number(value).toFixed(digits)));
}

/** "today 14:05", "12 Nov 14:05". */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (date.toDateString() === new Date().toDateString()) return `today ${time}`;
  return `${date.toLocaleDateString([], { day: "numeric", month: "short" })} ${time}`;
}

/** Whether keys belong to what has the focus (a text field), not to the window. */
export function typing() {
  const active = document.activeElement;
  if (!active) return false;
  if (active.matches("textarea, select, [contenteditable]")) return true;
  return active.matches("input") && !["range", "checkbox", "button"].includes(active.type);
}
