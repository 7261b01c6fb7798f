/** One model of the shelf: what it is, what it can do here, and what can be done with it. */
import { button, bytes, h, plain, text } from "../dom.js";
import { field } from "../fields.js";
import { errandDeeds, heldOf, licenceOf, makeDeeds, makeWay, sizeOf, verifyDeed } from "./errands.js";
import { aboutSeconds } from "./model_list.js";

/** An element with show(model, list) and live(jobs by id); acts: {fetch, stop, verify, discard, remove} by model. */
export function makeModelRow(first, acts) {
  let model = first;
  let list = null;
  const title = h("strong", {});
  const facts = h("span", { class: "gm-muted gm-num" });
  const chance = h("p", { class: "gm-m-chance gm-num" });
  const tabs = h("div", { class: "gm-m-tabs" });
  const licence = h("span", { class: "gm-m-licence" });
  const deeds = makeDeeds(() => { drawn = ""; row.show(model, list); });
  const way = makeWay();
  const more = h("details", { class: "gm-about" }, h("summary", {}, "More about it"), h("div", { class: "gm-m-more" }));
  const row = h("article", { class: "gm-m-model", dataset: { model: first.id } },
    h("div", { class: "gm-m-head" }, h("div", {}, title, facts), deeds.node), way.node, chance, tabs, licence, more);
  let drawn = "";

  row.show = (each, told) => {
    model = each;
    list = told;
    const now = JSON.stringify([each, told.offline]);
    if (now === drawn) return;
    drawn = now;
    text(title, each.title);
    text(facts, [each.family, sizeOf(each), heldOf(each)].filter(Boolean).join(" · "));
    row.dataset.verdict = each.verdict;
    text(chance, told_chance(each));
    tabs.replaceChildren(...each.tabs.map(able));
    text(licence, licenceOf(each));
    licence.classList.toggle("gm-m-limited", each.non_commercial);
    deeds.put(doing(each, told, acts, deeds.ask));
    more.lastChild.replaceChildren(...about(each));
    way.show(each);
  };
  row.live = (jobs) => way.live(model, jobs);
  return row;
}

function told_chance(each) {
  const { size, num_frames: frames, fps } = each.clip;
  const clip = `${size.join(" × ")}, ${plain(frames / fps, 1)} s`;
  if (each.verdict === "no") return `Does not fit this machine: ${each.told}`;
  return `A clip of ${clip} in about ${aboutSeconds(each.seconds)} here${each.verdict === "slow" ? ": slow" : ""}`;
}

/** A tab as a mark: bright where the model makes something there, else dim with the reason. */
function able({ title, why, lacks }) {
  const what = why || lacks.join(" ");
  return h("span", { class: why ? "gm-m-tab gm-m-not" : lacks.length ? "gm-m-tab gm-m-part" : "gm-m-tab", title: what || `${title}: all of it` }, title, h("span", { class: "gm-m-unseen" }, why ? `: not. ${why}` : ""));
}

function doing(each, told, acts, ask) {
  const errand = errandDeeds(each, told, acts, ask);
  if (errand) return errand;
  const now = field("model")?.value() === each.id;
  const use = button("use", now ? `In use: ${each.title}` : `Use ${each.title} for clips`, () => { field("model").put(each.id); document.querySelector(".gm-m-shelf")?.close(); }, { word: now ? "In use" : "Use", kind: "gm-line", disabled: now });
  const verify = each.verifies && verifyDeed(each, acts);
  const stays = ["added", "joined"].includes(each.origin);
  const word = stays ? "Take out of the list" : "Remove";
  const remove = () => acts.remove(each);
  const ways = { added: remove, joined: () => ask("Its files stay.", "Take out", remove), fetched: () => ask(`Delete ${bytes(each.size)}?`, "Delete", remove) };
  const away = each.origin !== "shipped" && button("trash", `${word}: ${each.title}`, ways[each.origin], { disabled: Boolean(each.why_kept) });
  if (away && each.why_kept) away.title = each.why_kept;
  return [verify, away, use].filter(Boolean);
}

function about(each) {
  const lines = [each.summary, each.weaknesses, each.told && `Here: ${each.told}.`, each.adapters ? "It takes LoRA." : "It takes no LoRA.", each.draft ? "It makes drafts." : "It makes no drafts.", each.repository && `From ${each.repository}.`, each.folder && `In ${each.folder}.`, each.settings_source && `Its settings are from ${each.settings_source}.`];
  const reasons = each.tabs.flatMap(({ title, why, lacks }) => (why ? [`${title}: ${why}`] : lacks.map((words) => `${title}: ${words}`)));
  return [h("p", {}, lines.filter(Boolean).join(" ")), reasons.length ? h("ul", { class: "gm-m-lacks" }, reasons.map((words) => h("li", {}, words))) : ""];
}
