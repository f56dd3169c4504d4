// What the page asks the control server, and what it tells the user when that is refused.

/** @param {string} path @param {string} [method] @param {any} [body] */
export async function call(path, method = "GET", body = undefined) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : null;
  let words = text;
  try {
    const { error } = JSON.parse(text);
    words = error?.message ?? error;
  } catch {
    // not JSON: its text is the message
  }
  throw new Error(words || `${answer.status} ${answer.statusText}`);
}

let timer = 0;

/** @param {string} text @param {boolean} [bad] */
export function notice(text, bad = false) {
  const place = /** @type {HTMLElement} */ (document.getElementById("notice"));
  place.textContent = text;
  place.className = bad ? "bad" : "done";
  clearTimeout(timer);
  timer = setTimeout(() => { place.textContent = ""; place.className = ""; }, bad ? 12000 : 5000);
}

/**
 * Do something, say that it is done, or why not.
 * @param {() => Promise<any>} act @param {string} done
 */
export async function attempt(act, done) {
  try {
    const result = await act();
    notice(done);
    document.dispatchEvent(new CustomEvent("changed"));
    return result;
  } catch (error) {
    notice(error instanceof Error ? error.message : String(error), true);
    return undefined;
  }
}
