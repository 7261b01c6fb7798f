/** The top bar: name, project, tabs, search, queue and machine at a glance, theme, help. */
import { button, bytes, duration, h, icon, text } from "./dom.js";
import { post } from "./api.js";
import { FORM_TABS, loadStart, on, openProject, set, state } from "./store.js";
import { help } from "./keys.js";
import { openShelf } from "./models/shelf.js";
import { fail, undoable } from "./toast.js";

const TABS = [...FORM_TABS, ["library", "Library"]];

export function mount(place) {
  const search = h("input", { type: "search", id: "gm-search", placeholder: "Search clips", "aria-label": "Search clips", autocomplete: "off" });
  search.addEventListener("input", () => set({ query: search.value, ...(search.value ? { tab: "library" } : {}) }));
  search.addEventListener("keydown", (event) => { if (event.key === "Escape") { search.value = ""; set({ query: "" }); search.blur(); event.stopPropagation(); } });
  place.append(
    h("a", { class: "gm-mark", href: "/", "aria-label": "Gimbal" }, mark(), h("span", {}, "Gimbal")),
    projects(),
    tabs(),
    h("span", { class: "gm-gap" }),
    h("label", { class: "gm-search" }, icon("search"), search, h("kbd", {}, "/")),
    queueSummary(),
    machine(),
    button("info", "Keys and help", help, { keys: "?", kind: "gm-wide-only" }),
  );
}

function mark() {
  const svg = icon("");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.firstChild.setAttribute("d", "M2.5 8a5.5 2.2 0 1 0 11 0 5.5 2.2 0 1 0-11 0zM8 2.5a2.2 5.5 0 1 0 0 11 2.2 5.5 0 1 0 0-11z");
  return svg;
}

function tabs() {
  const buttons = TABS.map(([id, word]) => h("button", { type: "button", role: "tab", class: "gm-tab", id: `gm-tab-${id}`, onclick: () => set({ tab: id }) }, word));
  const draw = () => {
    Object.assign(document.documentElement.dataset, { tab: state.tab, form: state.form });
    buttons.forEach((tab, i) => tab.setAttribute("aria-selected", String(TABS[i][0] === state.tab)));
  };
  on("tab", draw);
  draw();
  return h("div", { class: "gm-tabs", role: "tablist" }, buttons);
}

function projects() {
  const name = h("span", {});
  const opener = h("button", { type: "button", class: "gm-button gm-project", "aria-haspopup": "menu", title: "Projects", onclick: () => menu(opener, entries()) }, name, icon("down"));
  const draw = () => text(name, state.start?.projects.find((p) => p.id === state.project)?.name || "Project");
  on("start project", draw);
  draw();
  return opener;
}

function entries() {
  const list = (state.start?.projects || []).map((p) => ({ word: p.name, side: p.clips ? String(p.clips) : "", on: p.id === state.project, run: () => openProject(p.id).catch(fail) }));
  return [
    ...list,
    null,
    { ask: "New project", run: async (name) => { const made = await post("projects", { name }); await loadStart(); await openProject(made.id); } },
    { ask: "Rename this project", run: async (name) => { await post(`projects/${state.project}/rename`, { name }); await loadStart(); } },
    { word: "Delete this project", run: () => deleteProject(state.start.projects.find((p) => p.id === state.project)) },
  ];
}

const MOST_AT_ONCE = 5000;

/** Its clips go to the trash; they come back with it. */
async function deleteProject({ id, name }) {
  const { ids } = await post(`projects/${id}/delete`);
  await loadStart();
  await openProject(state.project);
  undoable(`“${name}” is deleted${ids.length ? `, with ${ids.length === 1 ? "its clip" : `its ${ids.length} clips`}` : ""}.`, async () => {
    for (let at = 0; at < ids.length; at += MOST_AT_ONCE) await post("clips/restore", { ids: ids.slice(at, at + MOST_AT_ONCE) });
    const back = ids.length ? id : (await post("projects", { name })).id;
    await loadStart();
    await openProject(back);
  });
}

/** A small menu under a button. An entry with `ask` turns into a text field, with `asks` at once. */
export function menu(anchor, items, { asks = false } = {}) {
  document.querySelector(".gm-menu")?.remove();
  const box = h("div", { class: "gm-menu", role: "menu" });
  const away = (event) => { if (!box.contains(event.target)) close(); };
  const keys = (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); anchor.focus(); } };
  function close() {
    box.remove();
    document.removeEventListener("pointerdown", away, true);
    document.removeEventListener("keydown", keys, true);
  }
  for (const item of items) box.append(item ? entry(item, close) : h("hr"));
  document.body.append(box);
  const at = anchor.getBoundingClientRect();
  const above = at.bottom + 4 + box.offsetHeight > innerHeight - 8; // no room below its button
  box.style.top = `${above ? Math.max(8, at.top - 4 - box.offsetHeight) : at.bottom + 4}px`;
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8))}px`;
  document.addEventListener("pointerdown", away, true);
  document.addEventListener("keydown", keys, true);
  box.querySelector("button")?.focus();
  if (asks) box.querySelector("button").click();
}

function entry(item, close) {
  const run = (value) => Promise.resolve(item.run(value)).catch(fail);
  if (item.node) return item.node;
  const row = h("button", { type: "button", role: "menuitem", class: item.on ? "gm-on" : "" }, item.ask || item.word, h("span", { class: "gm-side" }, item.side || ""));
  row.addEventListener("click", () => {
    if (!item.ask) { close(); run(); return; }
    const input = h("input", { type: "text", placeholder: item.ask, "aria-label": item.ask, maxlength: "120" });
    input.addEventListener("keydown", (event) => { if (event.key === "Enter" && input.value.trim()) { close(); run(input.value.trim()); } });
    row.replaceWith(input);
    input.focus();
  });
  return row;
}

function queueSummary() {
  const words = h("span", {});
  const bar = h("i", {});
  const summary = h("button", { type: "button", class: "gm-button gm-queue-summary", title: "Queue", onclick: () => set({ queueOpen: !state.queueOpen }) }, words, bar);
  const draw = () => {
    const live = state.live;
    const count = live ? live.running.length + live.waiting.length : 0;
    const left = live?.running[0]?.eta_seconds;
    const lost = state.online === "lost";
    text(words, lost ? "reconnecting" : live?.paused ? `queue paused${count ? ` · ${count}` : ""}` : count ? `queue ${count}${left ? ` · ${duration(left)}` : ""}` : "queue empty");
    summary.classList.toggle("gm-lost", lost);
    bar.style.width = `${100 * (live?.running[0]?.fraction || 0)}%`;
  };
  on("live online", draw);
  draw();
  return summary;
}

function machine() {
  const words = h("span", {});
  const opener = h("button", { type: "button", class: "gm-button gm-machine", title: "Machine and appearance", onclick: () => menu(opener, facts()) }, icon("chip"), words);
  const draw = () => text(words, short(state.live?.machine.device));
  on("live", draw);
  draw();
  return opener;
}

function short(machine) {
  if (!machine) return "";
  return machine.kind === "cpu" ? `CPU · ${machine.cores} cores` : machine.name.replace("NVIDIA ", "");
}

function facts() {
  const machine = state.live?.machine.device;
  const row = (name, value) => value && { node: h("div", { class: "gm-fact" }, h("span", {}, name), h("span", {}, value)) };
  const note = machine?.kind === "cpu" && { node: h("p", { class: "gm-menu-note" }, "No graphics processor was found. Small models run well on the processor; large ones would take hours.") };
  const dark = document.documentElement.dataset.theme !== "light";
  return [
    row("Device", machine?.name),
    row("Memory", machine && `${bytes(machine.free_bytes)} free of ${bytes(machine.total_bytes)}`),
    row("Data folder", state.start?.home),
    note,
    null,
    { word: "Models and LoRA", run: () => openShelf("models") },
    { word: dark ? "Light appearance" : "Dark appearance", run: () => appear(dark ? "light" : "dark") },
    { word: "Keys and help", side: "?", run: help },
  ].filter((item) => item !== undefined && item !== false && item !== "");
}

/** Dark or light; remembered. */
export function appear(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("gimbal.theme", theme);
}
