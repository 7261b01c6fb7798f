/** LoRA files that come into the window: kept, told what they were made for, and offered to the form. */
import { send } from "../api.js";
import { refreshForm } from "../bridge.js";
import { field } from "../fields.js";
import { state } from "../store.js";
import { fail, tell } from "../toast.js";

const WEIGHTS = /\.(safetensors|ckpt|pt|pth|bin|pkl|pickle)$/i;

/** Whether a file holds weights of some kind. */
export const isWeights = (file) => WEIGHTS.test(file.name);

/** Keep what are LoRA; resolves to the files that may be subjects instead. */
export async function takeLoras(files) {
  const others = [];
  for (const file of files) {
    try {
      const answer = await send("loras/take", file);
      if (answer.kind === "subject") others.push(file);
      else if (answer.kind === "refused") tell(answer.refused.message, { hint: answer.refused.hint, bad: true });
      else arrived(answer.lora);
    } catch (error) {
      fail(error);
    }
  }
  return others;
}

function arrived(lora) {
  refreshForm();
  window.dispatchEvent(new CustomEvent("gimbal:shelf"));
  const fits = Object.hasOwn(lora.fits, field("model")?.value());
  const models = Object.values(lora.fits);
  const words = lora.words.length ? ` Say in the prompt: ${lora.words.join(", ")}.` : "";
  const hint = fits ? `It was made for ${lora.base}.${words}` : models.length ? `It was made for ${lora.base}: choose ${models.slice(0, 3).join(" or ")} to use it.` : `It was made for ${lora.base}, which is not here yet.`;
  const inForm = fits && state.tab !== "library" && !(field("adapters")?.value() || []).some((use) => use.digest === lora.digest);
  tell(`The LoRA ${lora.name} is in the library.`, { hint, action: inForm ? { word: "Use it", run: () => wear(lora) } : null, seconds: 12 });
}

/** Put a LoRA over the model of the form, at its own strength. */
export function wear(lora) {
  const adapters = field("adapters");
  const uses = (adapters.value() || []).filter((use) => use.digest !== lora.digest);
  adapters.put([...uses, { digest: lora.digest, name: lora.name, strength: lora.strength }]);
}
