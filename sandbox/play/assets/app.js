// The page: reads the address, shows a list or a record, and polls for what changed.
import { address, go, KINDS, place } from "./place.js";
import { call } from "./calls.js";
import { forget, heard } from "./feed.js";
import { h, paint, time } from "./dom.js";
import { invoice } from "./invoice.js";
import { list } from "./lists.js";
import { record } from "./record.js";

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const kinds = /** @type {HTMLElement} */ (document.getElementById("kinds"));
const company = /** @type {HTMLSelectElement} */ (document.getElementById("company"));
const clock = /** @type {HTMLElement} */ (document.getElementById("clock"));

/** @type {any[]} */
let companies = [];
let changed = "";
let painted = "";
let delivery = 0;
let request = 0;
let running = Promise.resolve();

const chosen = () => companies.find((one) => one.id === place().company) ?? companies[0];

/** Show what the address asks for; with `fresh` the focus goes to its heading. */
async function show(fresh = false) {
  const here = place();
  const at = location.hash;
  const query = new URLSearchParams({ company: chosen().id, search: here.search, page: String(here.page) });
  let shown;
  try {
    const path = here.key ? `${here.kind}/${encodeURIComponent(here.key)}` : here.kind;
    const found = await call(`/play/api/${path}?${query}`);
    if (at !== location.hash) return;
    shown = !here.key ? list(found) : here.kind === "invoices" ? invoice(found, chosen().id, chosen().currency) : record(found, chosen().id);
  } catch (error) {
    shown = h("section", null, h("p", { class: "empty" }, error instanceof Error ? error.message : String(error)),
      h("p", null, h("a", { href: address({ key: "" }), "data-key": "back" }, `← All ${here.kind}`)));
  }
  if (main.querySelector("[data-hold]") && !fresh) { painted = ""; return; }
  painted = paint(main, shown) ? changed : "";
  document.title = `${main.querySelector("h1")?.firstChild?.textContent?.trim() ?? "Sandbox"} · Sandbox`;
  if (fresh) /** @type {HTMLElement | null} */ (main.querySelector("h1[tabindex]"))?.focus();
}

function bar() {
  const here = place();
  paint(kinds, ...Object.entries(KINDS).map(([kind, label]) =>
    h("a", { href: address({ kind, key: "", search: "", page: 1 }), "data-key": kind, "aria-current": kind === here.kind ? "page" : null }, label)));
  company.value = chosen().id;
}

/** @returns {Promise<void>} */
async function poll() {
  const news = await call(`/play/api/feed?deliveries=${delivery}&requests=${request}`);
  if (news.last_delivery < delivery) {
    // The sandbox was reset: its deliveries are counted anew.
    delivery = 0;
    forget();
    return poll();
  }
  const last = (/** @type {any[]} */ rows, /** @type {number} */ before) => rows.reduce((most, one) => Math.max(most, one.id), before);
  delivery = last(news.deliveries, delivery);
  request = last(news.requests, request);
  heard(news);
  paint(clock, time(news.now));
  changed = news.changed;
  if (changed !== painted) await show();
}

/** One poll at a time; a hidden page rests. */
function next() {
  if (document.hidden) return;
  running = running.then(poll).catch((error) => { clock.textContent = "The sandbox does not answer."; console.warn(error); });
}

company.addEventListener("change", () => go({ company: company.value, key: "", page: 1 }));
addEventListener("hashchange", () => { bar(); show(true); });
document.addEventListener("changed", next);
document.addEventListener("visibilitychange", next);
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    /** @type {HTMLElement | null} */ (main.querySelector("input[type=search]"))?.focus();
  }
});

companies = await call("/play/api/companies");
company.replaceChildren(...companies.map((one) => h("option", { value: one.id }, `${one.name} (${one.environment})`)));
forget();
bar();
await poll();
if (!main.firstChild) await show();
setInterval(next, 1000);
