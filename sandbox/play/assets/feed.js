// What happens: webhooks that Halo sent and requests that arrived, newest first. Nothing moves while it is read.
import { h, tag, time } from "./dom.js";

const MOST = 300;
const list = /** @type {HTMLOListElement} */ (document.getElementById("feed"));
const more = /** @type {HTMLButtonElement} */ (document.getElementById("feed-new"));
const filter = /** @type {HTMLSelectElement} */ (document.getElementById("feed-filter"));

/** @type {{at: string, of: string, node: HTMLElement}[]} */
let entries = [];
/** @type {typeof entries} */
let waiting = [];

more.addEventListener("click", () => { list.scrollTop = 0; show(); list.focus(); });
filter.addEventListener("change", draw);

/** @param {any} news the answer of /play/api/feed */
export function heard(news) {
  waiting.push(
    ...news.deliveries.map((/** @type {any} */ one) => ({ at: one.at, of: "delivery", node: delivery(one) })),
    ...news.requests.map((/** @type {any} */ one) => ({ at: one.at, of: one.service, node: request(one) })));
  if (!waiting.length) return;
  const read = list.scrollTop > 8 || list.querySelector("details[open]");
  if (read) {
    more.hidden = false;
    more.textContent = `${waiting.length} new: show`;
  } else show();
}

export function forget() {
  entries = [];
  waiting = [];
  draw();
}

function show() {
  entries = [...entries, ...waiting].sort((a, b) => b.at.localeCompare(a.at)).slice(0, MOST);
  waiting = [];
  more.hidden = true;
  draw();
}

function draw() {
  const shown = entries.filter((one) => !filter.value || one.of === filter.value);
  if (shown.length) list.replaceChildren(...shown.map((one) => one.node));
  else list.replaceChildren(h("li", { class: "empty" }, "Nothing yet. Change something in Halo."));
}

/** @param {any} one */
function delivery(one) {
  const about = one.records.map((/** @type {any} */ { entity, id, operation }) => `${entity} ${id} ${operation}`).join(", ");
  const tone = { delivered: "done", failed: "bad", lost: "warn" }[/** @type {"delivered"} */ (one.outcome)];
  return entry(one.at, tag("webhook", "halo"), about, tag(`${one.outcome}${one.status ? ` ${one.status}` : ""}`, tone ?? "skip"), [
    ["To", one.url], ["Try", one.attempt], ["Took", `${one.seconds} s`], ["Body", JSON.stringify(one.body, null, 1)], ["Answer", one.answer || one.error],
  ]);
}

/** @param {any} one */
function request(one) {
  const tone = one.fault || !one.status || one.status >= 500 ? "bad" : one.status >= 400 ? "warn" : "done";
  return entry(one.at, tag(one.service, one.service), one.kind, tag(one.fault ? `fault: ${one.fault}` : one.status, tone), [
    ["Path", decodeURIComponent(one.query ? `${one.path}?${one.query}` : one.path)], ["Took", one.seconds === null ? "no answer" : `${one.seconds.toFixed(3)} s`], ["Body", one.body],
  ]);
}

/** @param {string} at @param {HTMLElement} where @param {string} what @param {HTMLElement} outcome @param {any[][]} rows */
function entry(at, where, what, outcome, rows) {
  return h("li", null, h("details", null,
    h("summary", null, time(at), where, h("span", { class: "what" }, what), outcome),
    h("dl", null, rows.filter(([, value]) => value !== "" && value !== undefined).map(([name, value]) => [h("dt", null, name), h("dd", null, h("code", null, value))]))));
}
