/** The way between the page's modules and the form's handlers in Python (see fields.py: Bridge and Reply). */

const pending = new Map();
const ready = [];
let bridge = null;
let calls = 0;

/** Called by the Bridge component once it stands. */
export function mount(props, trigger) {
  bridge = { props, trigger };
  ready.splice(0).forEach((resolve) => resolve());
}

/** Called by the Reply component once it stands. */
export function listen(props, watch) {
  watch("value", () => {
    const answer = props.value || {};
    window.dispatchEvent(new CustomEvent("gimbal:reply", { detail: answer }));
    pending.get(answer.call)?.(answer);
    pending.delete(answer.call);
  });
}

/** Resolves when the form can be talked to. */
export function standing() {
  return bridge ? Promise.resolve() : new Promise((resolve) => ready.push(resolve));
}

/** Have the form look at the shelf again: models or LoRA have come or gone. */
export async function refreshForm() {
  await standing();
  bridge.trigger("shelf");
}

/** Raise `event` ("generate" or "restore") with a message; resolves to the handler's answer. */
export async function ask(event, message) {
  await standing();
  const call = ++calls;
  const answer = new Promise((resolve, reject) => {
    pending.set(call, resolve);
    setTimeout(() => pending.delete(call) && reject(new Error("Gimbal does not answer.")), 15_000);
  });
  bridge.props.value = { ...message, call };
  bridge.trigger(event);
  return answer;
}

let waiting = 0;

/** Ask, a moment after the last change, what the form as it stands would mean. */
export function look() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    await standing();
    bridge.trigger("look");
  }, 150);
}
