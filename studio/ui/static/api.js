/** The window's own routes. Every failure is an `Error` with `.message`, `.hint` and `.problems` in plain words. */

const token = () => document.querySelector('meta[name="gimbal-token"]')?.content || "";

async function answer(promise) {
  let response;
  try {
    response = await promise;
  } catch {
    throw Object.assign(new Error("Gimbal does not answer."), { hint: "It may be restarting; the page tries again." });
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const told = body.error || { message: `The request was refused (${response.status}).`, hint: "" };
  throw Object.assign(new Error(told.message), { hint: told.hint, problems: told.problems || [], status: response.status });
}

let writes = Promise.resolve();

/** Resolves when every change that this page has made is answered, so that what is read then shows them. */
export function written() {
  return writes;
}

/** GET /gimbal/api/<path> with a query. */
export function get(path, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, v]) => v !== "" && v !== null && v !== undefined));
  return answer(fetch(`/gimbal/api/${path}?${search}`));
}

/** POST a question as JSON to /gimbal/api/<path>: one that changes nothing, however long its answer takes. */
export function ask(path, body = {}) {
  return answer(fetch(`/gimbal/api/${path}`, { method: "POST", headers: jsonHeaders(), body: JSON.stringify(body) }));
}

const jsonHeaders = () => ({ "content-type": "application/json", "x-gimbal-token": token() });

/** POST JSON to /gimbal/api/<path>. */
export function post(path, body = {}) {
  const headers = jsonHeaders();
  const text = JSON.stringify(body);
  // A reload right after a click must not take the click back; browsers keep up to 64 KB alive.
  const keepalive = text.length < 16000;
  const answered = answer(fetch(`/gimbal/api/${path}`, { method: "POST", headers, body: text, keepalive }));
  writes = Promise.allSettled([writes, answered]).then(() => {});
  return answered;
}

/** POST a file's bytes to /gimbal/api/<path>, with its name. */
export function send(path, file) {
  const headers = { "content-type": "application/octet-stream", "x-gimbal-token": token() };
  const query = new URLSearchParams({ name: file.name.slice(-200) });
  return answer(fetch(`/gimbal/api/${path}?${query}`, { method: "POST", headers, body: file }));
}
