/** The inspector: the clip's request, what it really took, its rating, where it comes from. */
import { button, bytes, duration, h, icon, missed, moment, plain } from "./dom.js";
import { get } from "./api.js";
import { rate, remove, useSettings } from "./actions.js";
import { cameraSection } from "./obtained.js";
import { jobs, on, set, state } from "./store.js";
import { tell } from "./toast.js";

let place = null;
let full = null;

export function mount(root) {
  place = root;
  on("clip watch clips tab", draw);
  on("live", () => state.watch && draw());
  draw();
}

async function draw() {
  const job = state.watch && jobs().find((each) => each.id === state.watch);
  if (job) return drawJob(job.id);
  const clip = state.clip;
  if (!clip) return put("none", [h("p", { class: "gm-muted gm-pad" }, "Choose a clip to see how it was made.")]);
  if (full?.id !== clip.id) full = await get(`clips/${clip.id}`).catch(() => null);
  if (!full || state.clip?.id !== clip.id) return;
  full = { ...full, rating: state.clip.rating };
  put(`${full.id}/${full.rating}`, clipParts(full));
}

/** Replace what is shown, unless it is the same already (so that focus and selection stay). */
function put(key, nodes) {
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(handle(), ...nodes);
}

function handle() {
  return h("button", { type: "button", class: "gm-sheet-handle gm-narrow-only", "aria-label": "Close the details", onclick: () => document.documentElement.classList.remove("gm-details") });
}

async function drawJob(id) {
  if (place.dataset.key === id) return;
  const job = await get(`jobs/${id}`).catch(() => null);
  if (!job || state.watch !== id) return;
  if (job.request.token) return put(id, [section("Training", h("p", { class: "gm-prompt" }, `${job.request.token} · ${job.request.name}`), row("Pictures", String(job.request.pictures.length)), row("Model", title(job.request.model)))]);
  put(id, [section("Asked for", prompt(job.request), ...asked(job.request))]);
}

function clipParts(clip) {
  return [
    section("This clip", prompt(clip.request), stars(clip)),
    section("Asked for", ...asked(clip.request)),
    cameraSection(clip, useSettings),
    section("Obtained", ...obtained(clip)),
    lineage(clip),
    h("div", { class: "gm-foot" },
      button("copy", "Copy the request as JSON", () => copy(JSON.stringify(clip.request, null, 2), "The request is on the clipboard."), { word: "Copy request" }),
      button("trash", "Delete this clip", () => remove([state.clip]), { word: "Delete", keys: "Del" })),
  ];
}

function section(title, ...nodes) {
  return h("section", {}, h("h3", {}, title), ...nodes);
}

function row(name, value, title) {
  return value === "" || value === null || value === undefined ? "" : h("div", { class: "gm-fact", title }, h("span", {}, name), h("span", {}, value));
}

function prompt(request) {
  return [h("p", { class: "gm-prompt" }, request.prompt), request.negative_prompt && h("p", { class: "gm-muted" }, `Avoid: ${request.negative_prompt}`)];
}

function title(model) {
  return state.start?.cards.find((card) => card.id === model)?.title || model;
}

function asked(request) {
  const seed = h("button", { type: "button", class: "gm-link", title: "Copy the seed", onclick: () => copy(String(request.seed), "The seed is on the clipboard.") }, String(request.seed));
  return [
    row("Model", title(request.model)),
    ...(request.subjects || []).map((use) => row("Subject", `${use.token} · v${use.version} · strength ${plain(use.strength, 2)}`)),
    ...(request.adapters || []).map((use) => row("LoRA", `${use.name || use.digest.slice(0, 8)} · strength ${plain(use.strength, 2)}`)),
    row("Quality", request.draft ? "Draft" : ""),
    row("Size", `${request.width} × ${request.height}`),
    row("Length", `${request.num_frames} frames · ${plain(request.num_frames / request.fps, 2)} s at ${plain(request.fps)} fps`),
    row("Steps", plain(request.steps)),
    row("Prompt strength", plain(request.guidance)),
    row("Seed", seed),
    ...(request.conditioning || []).map((part) => conditioned(part, request)),
  ];
}

const CONDITIONS = { start_image: "Start picture", end_image: "End picture", key_image: "Key picture", reference_image: "Reference", source_clip: "Source clip", mask_clip: "Mask", control_clip: "Control clip", extend_clip: "Goes on from" };

const OF_A_MOVE = { source_clip: "Picture, moved", mask_clip: "What it does not show" };

function conditioned(part, request) {
  const src = `/gimbal/media/pictures/${part.media}`;
  const name = (request.camera && OF_A_MOVE[part.kind]) || (part.kind === "control_clip" ? `${part.control[0].toUpperCase()}${part.control.slice(1)} clip` : CONDITIONS[part.kind] || part.kind);
  const moves = part.kind.endsWith("_clip");
  const look = moves ? h("video", { class: "gm-thumb", src, muted: true, loop: true, playsinline: true, preload: "metadata", onpointerenter: (event) => event.target.play() }) : h("img", { class: "gm-thumb", src, alt: name });
  const more = part.kind === "key_image" ? ` · frame ${part.frame + 1}` : part.kind === "extend_clip" ? ` · ${part.way}, ${part.keep} frames seen` : (part.strength ?? 1) !== 1 ? ` · strength ${plain(part.strength, 2)}` : "";
  const span = part.kind === "control_clip" && (part.start > 0 || part.end < 1) ? ` · ${plain(100 * part.start, 0)} to ${plain(100 * part.end, 0)} % of the steps` : "";
  const open = () => { const large = shown.classList.toggle("gm-look-large"); if (moves) large ? look.play() : look.pause(); };
  const shown = h("button", { type: "button", class: "gm-look", title: "Look at it, large or small", "aria-label": `Look at: ${name}`, onclick: open }, look);
  return row(name + more + span, shown);
}

function obtained(clip) {
  const facts = clip.facts || {};
  return [
    row("Made", moment(clip.created_at)),
    clip.num_frames !== clip.request.num_frames && row("Length", `${clip.num_frames} frames · ${plain(clip.num_frames / clip.fps, 2)} s`, "With the clip it goes on from"),
    row("Took", [duration(facts.seconds), missed(facts.seconds, facts.expected_seconds)].filter(Boolean).join(" · "), "Without loading the model"),
    row("Loading", facts.load_seconds > 0.05 ? duration(facts.load_seconds) : "", facts.ahead_bytes ? `${bytes(facts.ahead_bytes)} were read while the clip before was made` : ""),
    row("Peak memory", bytes(facts.peak_bytes), missed(facts.peak_bytes, facts.expected_bytes)),
    row("Structure", typeof facts.structure === "string" ? facts.structure : "", "What read it off the source"),
    row("Device", typeof facts.device === "string" ? facts.device : facts.device?.name),
    row("Draft", typeof facts.draft === "string" ? facts.draft.replace(/^draft: /, "") : "", "Made in less time: some frames differ from the final clip's"),
    row("Placement", [facts.placement, facts.rung].filter((word) => typeof word === "string" && word && word !== "none").join(" · "), typeof facts.why === "string" ? facts.why : ""),
    row("File", bytes(clip.size_bytes)),
    row("Frames", clip.frames_sha256?.slice(0, 12), "SHA-256 of the frames: equal means bit-identical"),
  ];
}

function lineage(clip) {
  if (!clip.parent) return "";
  const open = async () => set({ clip: await get(`clips/${clip.parent}`), watch: null });
  return section("Comes from", h("button", { type: "button", class: "gm-link", onclick: open }, "the clip it was made from"));
}

function stars(clip) {
  const one = (n) => h("button", { type: "button", class: n <= clip.rating ? "gm-star gm-on" : "gm-star", "aria-label": `${n} of 5`, title: `Rate ${n}  (${n})`, "aria-pressed": String(n === clip.rating), onclick: () => rate(n) }, icon("star"));
  return h("div", { class: "gm-stars", role: "group", "aria-label": "Rating" }, [1, 2, 3, 4, 5].map(one));
}

function copy(words, message) {
  navigator.clipboard?.writeText(words).then(() => tell(message), () => tell("The clipboard is not available here.", { hint: words.slice(0, 200) }));
}
