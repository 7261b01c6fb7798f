/** A request names its clips only; how they were made is told by the clips themselves, as far as their sources are here. */
import { get } from "../api.js";
import { whole } from "./plan.js";
import { structure } from "./sources.js";

const plainly = (found) => {
  if (!found) return null;
  const { looks, notes, ...facts } = found;
  return facts;
};

/** How a medium was made, and the facts of its source. */
async function told(media) {
  const { origin, source } = await get(`control/media/${media}/origin`).catch(() => ({ origin: null, source: null }));
  return { origin, source: plainly(source) };
}

/** The value for a restored request: {structures: [{kind, given, strength, path}], restored: {source, mask, strength}, span, start}. */
export async function relinked({ structures, restored, span, start }) {
  const next = whole({ span, start });
  next.structures = [];
  for (const each of structures) next.structures.push(await structureOf(each, next));
  if (restored.source) await changeOf(restored, next);
  const twice = new Set();
  next.structures = next.structures.filter(({ kind }) => !twice.has(kind) && twice.add(kind));
  return next;
}

async function structureOf(each, next) {
  const { origin, source } = await told(each.given);
  const kept = { ...structure(each.kind), strength: each.strength };
  if (origin?.what === "extract" && source && (!next.source || next.source.media === source.media)) {
    Object.assign(next, { source, cut: origin.details.cut || next.cut });
    return { ...kept, kind: origin.estimator === "lineart" ? "lineart" : each.kind, estimator: origin.estimator };
  }
  if (origin?.what === "draw" && !next.source) {
    Object.assign(next, { source: { kind: "figure", name: "Figure", media: "" }, figure: { keys: origin.details.keys } });
    return kept;
  }
  return { ...kept, given: (origin?.what === "conform" && source?.media) || each.given, name: source?.name || "", path: each.path };
}

async function changeOf({ source: media, mask, strength }, next) {
  const { origin, source } = await told(media);
  const known = source && ["conform", "outpaint"].includes(origin.what);
  if (known) Object.assign(next, { source, cut: origin.details.cut || next.cut });
  else next.source = await get(`control/sources/${media}`).then(plainly, () => null);
  if (!mask) next.change = { ...next.change, what: "style", strength };
  else next.change = { ...next.change, ...(await maskOf(mask, origin)) };
}

async function maskOf(mask, clip) {
  if (clip?.what === "outpaint") return { what: "around" };
  const { origin } = await told(mask);
  if (origin?.what === "subject") return { what: origin.details.keep === "subject" ? "background" : "subject" };
  return { what: "paint", kept: mask };
}
