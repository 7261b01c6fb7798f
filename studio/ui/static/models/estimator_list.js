/** The estimators of the shelf: what reads depth, poses and masks off clips here, and what can be fetched for it. */
import { button, bytes, h, text } from "../dom.js";
import { loadReaders } from "../store.js";
import { fail, tell } from "../toast.js";
import { diskOf, errandDeeds, group, heldOf, licenceOf, makeDeeds, makeErrands, makeWay, showLive, sizeOf, verifyDeed } from "./errands.js";

const READS = { depth: "depth", pose: "poses", edges: "edges", scribble: "scribbles", flow: "flow", grey: "grey", mask: "masks" };

/** {node, show(answer of "estimators"), live(snapshot)}; `load` reads the list again. */
export function makeEstimatorList(load) {
  let told = null;
  const disk = h("p", { class: "gm-muted gm-num gm-m-disk" });
  const note = h("p", { class: "gm-muted" }, "The tab Control takes the first that fits, or the one that you choose beside a structure.");
  const away = group("To fetch");
  const here = group("On this machine");
  const node = h("section", { class: "gm-m-list", role: "tabpanel", "aria-label": "Estimators", hidden: true }, note, disk, away.node, here.node);
  const errands = makeErrands("estimators", load);
  const acts = { ...errands, remove: (each) => errands.act(`${each.id}/remove`, {}, ({ freed }) => tell(`${each.title} is removed.`, { hint: `${bytes(freed)} freed.` })) };
  const keyOf = (each) => `${each.reads} ${each.id}`;
  const create = (each) => makeRow(each, acts);
  const update = (row, each) => row.show(each, told);
  const names = (answer) => answer.estimators.filter(({ origin }) => origin !== "away").map(({ id }) => id).join();
  return {
    node,
    show(answer) {
      if (told && names(told) !== names(answer)) loadReaders().catch(fail);
      told = answer;
      text(disk, diskOf(told).join(" · "));
      away.draw(told.estimators.filter(({ origin }) => origin === "away"), keyOf, create, update);
      here.draw(told.estimators.filter(({ origin }) => origin !== "away"), keyOf, create, update);
    },
    live: (live) => showLive(node, live),
  };
}

function makeRow(first, acts) {
  let [reader, list, drawn] = [first, null, ""];
  const title = h("strong", {});
  const facts = h("span", { class: "gm-muted gm-num" });
  const licence = h("span", { class: "gm-m-licence" });
  const deeds = makeDeeds(() => { drawn = ""; row.show(reader, list); });
  const way = makeWay();
  const row = h("article", { class: "gm-m-model", dataset: { estimator: first.id } }, h("div", { class: "gm-m-head" }, h("div", {}, title, facts), deeds.node), way.node, licence);
  row.show = (each, told) => {
    [reader, list] = [each, told];
    const now = JSON.stringify([each, told.offline]);
    if (now === drawn) return;
    drawn = now;
    text(title, each.title);
    text(facts, [`reads ${READS[each.reads] || each.reads}`, sizeOf(each), heldOf(each), each.why_not].filter(Boolean).join(" · "));
    licence.hidden = !each.licence;
    text(licence, [licenceOf(each), each.repository].filter(Boolean).join(" · "));
    licence.classList.toggle("gm-m-limited", each.non_commercial);
    deeds.put(errandDeeds(each, told, acts, deeds.ask) || (each.origin === "fetched" ? [verifyDeed(each, acts), removeDeed(each, acts, deeds.ask)] : []));
    way.show(each);
  };
  row.live = (jobs) => way.live(reader, jobs);
  return row;
}

const removeDeed = (each, acts, ask) => button("trash", `Remove: ${each.title}`, () => ask(`Delete ${bytes(each.size)}?`, "Delete", () => acts.remove(each)));
