/** Files dropped on (or pasted into) the window: a Gimbal clip brings its settings back, others are told what they are. */
import { plain } from "./dom.js";
import { get, send } from "./api.js";
import { likeFile, movesPictures, startWith, takeFile } from "./field_camera.js";
import { takeAt, takeSource } from "./field_control.js";
import { bring, nextPlace, takes } from "./field_pictures.js";
import { restore } from "./go.js";
import { set, state } from "./store.js";
import { isWeights, takeLoras } from "./models/files.js";
import { takeFiles } from "./subject/files.js";
import { fail, tell } from "./toast.js";

export function mount() {
  const root = document.documentElement.classList;
  let depth = 0;
  const files = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  document.addEventListener("dragenter", (event) => { if (files(event)) { depth++; root.add("gm-dropping"); } });
  document.addEventListener("dragleave", (event) => { if (files(event) && --depth <= 0) { depth = 0; root.remove("gm-dropping"); } });
  document.addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    root.remove("gm-dropping");
    receive([...event.dataTransfer.files], event.target.closest?.("[data-place]")?.dataset.place);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (files.length) { event.preventDefault(); receive(files); }
  });
}

/** Find out what files are (of several, the first counts), and do what can be done with it; on a place for a picture it goes there. */
export async function receive(files, where) {
  const file = files[0];
  if (!file) return;
  if (state.tab === "subject") return void takeFiles(files);
  if (files.some(isWeights)) return void takeWeights(files.filter(isWeights));
  if (where && takes(where)) return bring(file, where);
  if (where === "mask" || (where === "control-start" && file.type.startsWith("image/"))) return void takeAt(where, file);
  if (where === "camera" && file.type.startsWith("image/")) return void startWith(file);
  if (/\.(txt|tum|json|gltf|glb)$/i.test(file.name)) return void takeFile(file);
  if (state.tab === "control") return void takeSource(file);
  try {
    const found = await send("drop", file);
    if (found.kind === "gimbal") return await bringBack(found);
    if (found.kind === "other") return void tell(found.message, { hint: found.hint, bad: true });
    if (found.kind === "image" && state.tab === "camera" && movesPictures()) return void startWith(file);
    if (found.kind === "image" && state.tab === "image" && taken()) return await bring(file, nextPlace());
    describe(file, found);
  } catch (error) {
    fail(error);
  }
}

/** LoRA go to the library; what holds a subject goes to the Subject tab. */
async function takeWeights(files) {
  const others = await takeLoras(files);
  if (others.length) await takeFiles(others);
}

async function bringBack(found) {
  await restore({ request: found.request });
  if (found.media?.length) tell("A picture this clip was made with is not in the library.", { hint: "Choose it again in the form." });
  if (found.clip_id) set({ clip: await get(`clips/${found.clip_id}`), watch: null });
}

function describe(file, found) {
  const size = `${found.width} × ${found.height}`;
  if (found.kind !== "image") {
    const length = found.num_frames ? `, ${found.num_frames} frames at ${plain(found.fps, 2)} fps` : "";
    if (state.tab === "camera") return tell(`${file.name} is a clip of ${size}${length}.`, { action: { word: "Move like it", run: () => likeFile(file) }, seconds: 12 });
    const first = state.tab === "image" && taken();
    const use = first ? { word: "Use its first frame", run: () => bring(file, nextPlace()) } : { word: "Use as source", run: () => { set({ tab: "control" }); takeSource(file); } };
    return tell(`${file.name} is a clip of ${size}${length}.`, { hint: "It carries no settings of Gimbal.", action: use, seconds: 12 });
  }
  if (!taken()) return tell(`${file.name} is a picture of ${size}.`, { hint: "The chosen model takes no start picture." });
  const where = nextPlace();
  tell(`${file.name} is a picture of ${size}.`, { action: { word: `Use as ${where} picture`, run: () => bring(file, where) }, seconds: 12 });
}

const taken = () => takes("start") || takes("end");
