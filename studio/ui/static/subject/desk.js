/** What the Subject tab knows: the subjects, the one that is open, the draft of a training and what was said of it. */
import { ask, get, post } from "../api.js";
import { field as control } from "../fields.js";
import { on, set, state } from "../store.js";
import { fail, tell, undoable } from "../toast.js";

const EMPTY = { token: "", name: "", class_word: "", pictures: [], method: "", preset: "", settings: {} };
const TOKEN = "{token}"; // what stands for the token in a caption that is kept
const CLASS = "{class}";
const LOOK_AFTER = 250;
const FOLLOW_EVERY = 700;
const BUSY = ["queued", "running"];

/**
 * subjects: the living ones, newest first; null until read. looked: what was seen in each picture, by content hash;
 * said: of all of them. offers: methods and presets of the chosen model. problems: words by control. training: of the
 * shown version. bringing: files on their way. estimate: of the draft's settings, where they are no preset's.
 */
export const desk = { subjects: null, looked: new Map(), said: [], offers: null, problems: {}, training: null, version: null, bringing: 0, estimate: null, looking: false };
const listeners = [];

/** Call `fn` after anything of the desk has changed. */
export const hear = (fn) => listeners.push(fn);

let told = false;

/** Redraw, once for all changes of a moment. */
export function changed() {
  if (told) return;
  told = true;
  queueMicrotask(() => { told = false; listeners.forEach((fn) => fn()); });
}

export const model = () => control("model")?.value() || "";
export const titleOf = (id) => state.start?.cards.find((card) => card.id === id)?.title || id;
const value = () => control("subject")?.value() || {};
export const isDrafting = () => Boolean(value().drafting);
export const draft = () => ({ ...EMPTY, ...value().draft });
export const comparison = () => value().compare || null;

/** The answer of a route; one that refuses is thrown with its problems. */
export async function granted(answer) {
  const given = await answer;
  if (given.refused) throw Object.assign(new Error(given.refused.message), given.refused);
  return given;
}

/** Keep a change of the tab; the form store holds it over reloads. */
export function put(patch) {
  control("subject").put({ ...value(), ...patch });
  changed();
}

/** Change the draft; the problems of what was changed are no longer true. */
export function change(patch) {
  const wrong = Object.keys(patch).filter((name) => name in desk.problems);
  if (wrong.length) desk.problems = Object.fromEntries(Object.entries(desk.problems).filter(([name]) => !wrong.includes(name)));
  put({ draft: { ...draft(), ...patch } });
}

/** The subject on the stage: the opened one, else the newest. */
export function opened() {
  const list = desk.subjects || [];
  return list.find((each) => each.id === value().open) || list[0] || null;
}

/** The version of it that is shown: the chosen one, else the newest. */
export function shownVersion() {
  const versions = opened()?.versions || [];
  return versions.find((each) => each.id === desk.version) || versions[0] || null;
}

export function open(id, version = null) {
  desk.version = version;
  desk.training = null;
  put({ open: id, drafting: false });
  follow();
}

export function show(version) {
  desk.version = version;
  desk.training = null;
  changed();
  follow();
}

/** Begin a draft, or go on with the one that was left. */
export function begin() {
  offered = ""; // what trainings here have taken since may have changed the estimates
  put({ drafting: true });
  askOffers();
}

export const leave = () => put({ drafting: false });

/** Throw the draft away; that can be taken back. */
export function discard() {
  const before = draft();
  put({ drafting: false, draft: undefined });
  if (before.pictures.length || before.token) undoable("The draft is gone.", () => put({ drafting: true, draft: before }));
}

// -- captions

const bracketed = (token) => (token && !token.startsWith("<") ? `<${token}>` : token);

/** The caption of a picture: the one that was written, else the first one, with the token and the class as they are now. */
export function captionOf(picture) {
  const now = draft();
  const looked = desk.looked.get(picture.media);
  const words = picture.caption ?? (picture.cut_out ? looked?.bare_caption : looked?.caption) ?? `a ${TOKEN} ${CLASS}`;
  return words.replaceAll(TOKEN, bracketed(now.token.trim()) || "<token>").replaceAll(CLASS, now.class_word.trim()).replace(/ {2,}/g, " ").trim();
}

/** A written caption as it is kept, so that it follows the token. */
export function kept(words) {
  const token = bracketed(draft().token.trim()) || "<token>";
  return words.replaceAll(token, TOKEN);
}

export const boxOf = (picture) => picture.box || desk.looked.get(picture.media)?.box || null;

/** Change one picture of the draft. */
export function changePicture(media, patch) {
  change({ pictures: draft().pictures.map((each) => (each.media === media ? { ...each, ...patch } : each)) });
}

export function removePicture(media) {
  const before = draft().pictures;
  change({ pictures: before.filter((each) => each.media !== media) });
  undoable("The picture is taken out.", () => change({ pictures: before }));
}

let lookKey = "";
let lookTimer = 0;

/** Have the pictures looked at, a moment after they, a frame or the model changed. */
function lookAgain() {
  const { pictures } = draft();
  const boxes = Object.fromEntries(pictures.filter((each) => each.box).map((each) => [each.media, each.box]));
  const asked = { media: pictures.map((each) => each.media), boxes, model: model() || null, token: TOKEN, class_word: CLASS };
  const key = JSON.stringify(asked);
  if (key === lookKey || !isDrafting()) return;
  lookKey = key;
  clearTimeout(lookTimer);
  if (!asked.media.length) { desk.said = []; desk.looking = false; return; }
  desk.looking = true;
  lookTimer = setTimeout(async () => {
    try {
      const seen = await ask("subjects/look", asked);
      if (key !== lookKey) return;
      for (const each of seen.pictures) desk.looked.set(each.media, each);
      desk.said = seen.problems;
    } catch (error) {
      if (key === lookKey) desk.said = [`${error.message} ${error.hint || ""}`.trim()];
    }
    desk.looking = false;
    changed();
  }, LOOK_AFTER);
}

// -- method and preset

/** The preset that is asked for, with all its settings; null for a method without presets, or before the offers came. */
export function presetOf(now = draft()) {
  const method = methodOf(now);
  const found = (desk.offers?.presets || []).filter((each) => each.method === method);
  return found.find((each) => each.preset === now.preset) || found[0] || null;
}

/** The method that is asked for, else the best this model can. */
export function methodOf(now = draft()) {
  const can = (desk.offers?.methods || []).filter((each) => !each.why_not).map((each) => each.method);
  if (can.includes(now.method)) return now.method;
  return can.includes("both") ? "both" : can[0] || "";
}

export function settingsOf(now = draft()) {
  const method = methodOf(now);
  if (method === "reference") return { method };
  return { ...(presetOf(now)?.settings || { method }), ...now.settings };
}

let offered = "";

async function askOffers() {
  const id = model();
  if (!id || id === offered) return;
  offered = id;
  try {
    const offers = await get("subjects/offers", { model: id });
    if (id === offered) desk.offers = offers;
  } catch (error) {
    desk.offers = { methods: [], presets: [] };
    fail(error);
  }
  changed();
}

let estimateKey = "";
let estimateTimer = 0;

/** The cost of settings that are no preset's own. */
function askEstimate() {
  const now = draft();
  const key = Object.keys(now.settings).length && methodOf(now) !== "reference" ? JSON.stringify([model(), settingsOf(now)]) : "";
  if (key === estimateKey) return;
  estimateKey = key;
  desk.estimate = null;
  clearTimeout(estimateTimer);
  if (!key) return;
  estimateTimer = setTimeout(async () => {
    try {
      const found = await granted(ask("subjects/estimate", { model: model(), settings: settingsOf(draft()) }));
      if (key === estimateKey) desk.estimate = found;
    } catch (error) {
      if (key === estimateKey) refuse(error);
    }
    changed();
  }, LOOK_AFTER);
}

// -- training

/** Show problems at their controls; what belongs to none becomes a message. */
function refuse(error) {
  const found = {};
  for (const { field, message, hint } of error.problems || []) {
    const name = field.split(".")[0];
    found[name] = [found[name], `${message} ${hint || ""}`.trim()].filter(Boolean).join("\n");
  }
  const known = ["token", "class_word", "pictures", "settings", "model", "name"];
  desk.problems = found;
  const lost = Object.keys(found).filter((name) => !known.includes(name));
  if (!Object.keys(found).length || lost.length) fail(error);
  changed();
}

/** Ask whether a token can be one; it is then kept as it is written in prompts. */
export async function checkToken() {
  const now = draft();
  if (!now.token.trim()) return;
  try {
    const { token } = await granted(ask("subjects/token", { token: now.token, model: model(), subject_id: now.subject_id || null }));
    if (draft().token === now.token) change({ token });
  } catch (error) {
    if (draft().token === now.token) refuse(error);
  }
}

let training = false;

/** Put the draft into the queue. */
export async function train() {
  if (training || !isDrafting()) return;
  const now = draft();
  training = true;
  const pictures = now.pictures.map((each) => ({ media: each.media, caption: captionOf(each), box: boxOf(each), cut_out: Boolean(each.cut_out) }));
  const wish = { token: now.token, name: now.name, class_word: now.class_word, model: model(), settings: settingsOf(now), pictures, subject_id: now.subject_id || null, project: state.project || null };
  try {
    const made = await granted(post("subjects", wish));
    desk.problems = {};
    put({ open: made.subject, drafting: false, draft: undefined });
    desk.version = null;
    await load();
    if (!made.job) tell("The subject is ready.", { hint: "Write its token into a prompt." });
  } catch (error) {
    refuse(error);
  } finally {
    training = false;
  }
}

/** A new version: the draft as the shown version was asked for. */
export async function again(subject, version) {
  try {
    const wish = await get(`subjects/versions/${version.id}/wish`);
    const names = wish.pictures ? wish.settings : {};
    const pictures = (wish.pictures || []).map(({ media, caption, box, cut_out }) => ({ media, caption: caption.replaceAll(subject.token, TOKEN), box, cut_out }));
    const next = { ...EMPTY, token: subject.token, name: subject.name, class_word: subject.class_word, subject_id: subject.id, pictures, method: names.method || version.method };
    put({ drafting: true, draft: next });
  } catch (error) {
    fail(error);
  }
}

// -- what there is

/** Read the subjects again. */
export async function load() {
  desk.subjects = (await get("subjects")).subjects;
  changed();
  await follow();
}

let followed = 0;
let asking = false;

/** How the shown version stands. */
export async function follow() {
  const version = shownVersion();
  if (!version || asking) return;
  asking = true;
  followed = Date.now();
  try {
    const found = await get(`subjects/versions/${version.id}`);
    if (shownVersion()?.id === version.id) {
      const ended = BUSY.includes(version.state) && !BUSY.includes(found.state);
      desk.training = { ...found, id: version.id };
      changed();
      if (ended) desk.subjects = (await get("subjects")).subjects;
    }
  } catch (error) {
    fail(error);
  } finally {
    asking = false;
  }
  changed();
}

/** The training's job, while the queue shows it. */
export function jobOf(version) {
  const live = state.live;
  return live && version?.job_id ? [...live.running, ...live.waiting, ...live.failed, ...live.stopped].find((job) => job.id === version.job_id) || null : null;
}

let seen = "";

function heed() {
  if (state.tab !== "subject" || !state.live) return;
  const live = state.live;
  const now = JSON.stringify([live.running, live.waiting, live.failed, live.stopped, live.finished].map((jobs) => jobs.filter((job) => job.task === "train_subject").map((job) => job.id)));
  if (now !== seen) { seen = now; load().catch(fail); return; }
  const job = jobOf(shownVersion());
  if (job?.state === "running" && Date.now() - followed > FOLLOW_EVERY) follow();
  changed();
}

let started = false;

/** Called when the control stands. */
export function start() {
  if (started) return;
  started = true;
  on("tab", () => { if (state.tab === "subject") { load().catch(fail); askOffers(); } });
  on("live", heed);
  on("look", () => { if (state.tab === "subject") { askOffers(); changed(); } });
  on("training", () => {
    if (!state.training) return;
    const id = state.training;
    set({ training: null, tab: "subject" });
    load().then(() => {
      const found = desk.subjects.find((each) => each.versions.some((version) => version.job_id === id));
      if (found) open(found.id, found.versions.find((version) => version.job_id === id).id);
    }, fail);
  });
  hear(lookAgain);
  hear(askEstimate);
  if (state.tab === "subject") load().catch(fail);
}
