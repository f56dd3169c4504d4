// Builds elements, and repaints a region without taking the caret away from who is typing in it.

/**
 * An element. Properties that start with "on" are listeners, `class` and `data-…` attributes, others are set as they are.
 * @param {string} tag
 * @param {Record<string, any> | null} properties
 * @param {...any} children nodes, texts, numbers, lists of them; null and false are left out
 * @returns {HTMLElement}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list" && name !== "form") /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

/**
 * Show `nodes` in `region`. While a field in it holds unsaved typing nothing is repainted, and false is given back.
 * The focus stays with the element that has the same data-key.
 * @param {HTMLElement} region
 * @param {...Node} nodes
 */
export function paint(region, ...nodes) {
  const active = /** @type {HTMLElement | null} */ (document.activeElement);
  const inside = active && region.contains(active) && active !== region;
  if (inside && dirty(active)) return false;
  const key = inside ? active.closest("[data-key]")?.getAttribute("data-key") : null;
  region.replaceChildren(...nodes);
  if (key) /** @type {HTMLElement | null} */ (region.querySelector(`[data-key="${CSS.escape(key)}"]`))?.focus();
  return true;
}

/** @param {Element} element */
function dirty(element) {
  if (element instanceof HTMLSelectElement) return true;
  return element instanceof HTMLInputElement && element.type !== "checkbox" && element.value !== element.defaultValue;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const amount = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 5 });

/** @param {string} text */
export const time = (text) =>
  h("time", { dateTime: text, title: new Date(text).toLocaleString() }, clock.format(new Date(text)));

/** @param {number | null | undefined} value */
export const money = (value) => (value === null || value === undefined ? "" : amount.format(value));

/** @param {string} text */
export const day = (text) => (text && !text.startsWith("0001") ? text.slice(0, 10) : "");

/** @param {string} text @param {string} tone done, work, warn, bad or skip */
export const tag = (text, tone) => h("span", { class: `tag ${tone}` }, text);
