/** Source against result: the clip on the stage over the source it was made from, on one clock. */
import { button, h, text } from "../dom.js";
import { get, post } from "../api.js";
import { on, state } from "../store.js";
import { fail, tell } from "../toast.js";
import { makeTasks } from "./tasks.js";
import { makeWipe } from "../wipe.js";

/** {node, tools, show(open), possible(clip)}. */
export function compareView(reel, work) {
  const wipe = makeWipe();
  const source = h("video", { class: "gm-c-film", muted: true, playsinline: true, preload: "auto", "aria-label": "Source" });
  const result = h("video", { class: "gm-c-film", muted: true, playsinline: true, preload: "auto", "aria-label": "Result" });
  const words = h("p", { class: "gm-muted gm-c-said" });
  const node = h("div", { class: "gm-c-compare", hidden: true }, wipe.node, words);
  const lay = button("extend", "Lay the result back over the whole source, at its size and rate", () => layBack(), { word: "Over the original" });
  const tools = h("div", { class: "gm-c-comparing", hidden: true }, lay);
  const tasks = makeTasks();
  const known = new Map(); // id of a clip -> what it was made from
  let open = false;

  /** {wish, media, layback} of a clip, or null where nothing tells of a source. */
  async function originOf(clip) {
    if (!known.has(clip.id)) known.set(clip.id, (await get(`control/clips/${clip.id}/source`)).source);
    return known.get(clip.id);
  }
  const possible = (clip) => originOf(clip).then(Boolean, () => false);

  async function draw() {
    const clip = state.clip;
    if (!open) return;
    if (!clip) return say("Generate a clip, or choose one below.");
    const origin = await originOf(clip).catch(() => null);
    if (!open || state.clip?.id !== clip.id) return;
    if (!origin) return say("This clip was not made from a source.");
    if (origin.wish) tasks.ask("source", origin.wish);
    const task = tasks.of("source");
    const media = origin.media || task?.made?.media;
    lay.hidden = !origin.layback;
    if (!media) return say(task?.state === "failed" ? `${task.message} ${task.hint}` : "Reading the source…");
    wipe.node.hidden = false;
    text(words, "");
    for (const [video, src] of [[source, `/gimbal/media/pictures/${media}`], [result, clip.url]]) if (video.getAttribute("src") !== src) video.src = src;
    wipe.show({ left: source, right: result, words: ["Source", "Result"] }, clip.width / clip.height);
    reel.shape({ frames: clip.num_frames, fps: clip.fps });
    for (const video of [source, result]) reel.add(video);
  }
  function say(sentence) {
    wipe.node.hidden = true;
    lay.hidden = true;
    text(words, sentence);
    reel.hold();
    leave();
  }
  const leave = () => { for (const video of [source, result]) reel.remove(video); };
  async function layBack() {
    const origin = await originOf(state.clip).catch(() => null);
    if (!origin?.layback) return;
    tell("Laying the result over the original…", { seconds: 4 });
    tasks.ask("layback", origin.layback);
  }
  tasks.on(() => {
    const task = tasks.of("layback");
    if (task?.state === "done") {
      h("a", { href: `/gimbal/media/pictures/${task.made.media}`, download: "over the original.mp4" }).click();
      tell("The result lies over the whole source.", { hint: (task.made.notes || []).join(" ") });
      tasks.drop("layback");
    } else if (task?.state === "failed") {
      fail(task);
      tasks.drop("layback");
    }
    draw();
  });
  on("clip", () => { draw(); });
  return {
    node, tools, possible,
    show(now) {
      node.hidden = tools.hidden = !now;
      if (now === open) return;
      open = now;
      if (open) { draw(); reel.play(); }
      else leave();
    },
  };
}
