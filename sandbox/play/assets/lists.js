// The list of a kind: Halo's records and BC's, side by side.
import { address, go, KINDS, place } from "./place.js";
import { h, money, tag } from "./dom.js";
import { newCustomer, newInvoice } from "./create.js";

const COLUMNS = {
  invoices: [["number", "Number"], ["name", "Customer"], ["net", "Net"], ["tax", "Tax"], ["state", "State"]],
  customers: [["number", "Number"], ["name", "Name"], ["email", "E-mail"]],
  products: [["number", "Number"], ["name", "Name"], ["price", "Price"]],
};
const NUMBERS = new Set(["net", "tax", "price"]);
const LINKS = {
  linked: ["✓ linked", "done"],
  "same number": ["= same number", "work"],
  "halo only": ["Halo only", "skip"],
  "bc only": ["BC only", "skip"],
  "other company": ["other company", "warn"],
};

/** @param {any} found the answer of /play/api/{kind} */
export function list(found) {
  const here = place();
  const columns = COLUMNS[/** @type {keyof typeof COLUMNS} */ (here.kind)];
  const name = KINDS[/** @type {keyof typeof KINDS} */ (here.kind)];
  return h("section", { "aria-labelledby": "list-title" },
    h("div", { class: "bar" },
      h("h1", { id: "list-title" }, name, " ", h("small", null, found.total.toLocaleString())),
      search(here),
      here.kind === "customers" && h("button", { type: "button", class: "main", "data-key": "new", onclick: newCustomer }, "New customer in Halo"),
      here.kind === "invoices" && h("button", { type: "button", class: "main", "data-key": "new", onclick: newInvoice }, "New invoice in Halo")),
    h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": `${name}, Halo and Business Central` },
      h("table", null,
        h("thead", null,
          h("tr", { class: "sides" },
            h("th", { colSpan: columns.length, scope: "colgroup", class: "halo" }, "Halo"),
            h("th", null, h("span", { class: "hidden" }, "Link")),
            h("th", { colSpan: columns.length, scope: "colgroup", class: "bc" }, "Business Central")),
          h("tr", null, heads(columns), h("th", { scope: "col" }, "Link"), heads(columns))),
        h("tbody", null, found.rows.map((/** @type {any} */ row) => line(row, columns))))),
    found.total === 0 && h("p", { class: "empty" }, here.search ? "Nothing has these words." : "Nothing here yet."),
    found.pages > 1 && pager(found));
}

/** @param {string[][]} columns */
const heads = (columns) =>
  columns.map(([name, label]) => h("th", { scope: "col", class: NUMBERS.has(name) ? "number" : null }, label));

/** @param {any} row @param {string[][]} columns */
function line(row, columns) {
  const [words, tone] = LINKS[/** @type {keyof typeof LINKS} */ (row.link)];
  const key = String(row.halo?.id ?? row.bc.id);
  return h("tr", null, cells(row.halo, columns, row.halo && key), h("td", null, tag(words, tone)),
    cells(row.bc, columns, !row.halo && key));
}

/** @param {any} record @param {string[][]} columns @param {string | false | null} key */
function cells(record, columns, key) {
  if (!record) return h("td", { colSpan: columns.length, class: "none" }, "–");
  return columns.map(([name], index) => {
    const text = NUMBERS.has(name) ? money(record[name]) : record[name];
    const shown = index === 0 && key
      ? [h("a", { href: address({ key, page: 1 }), "data-key": `row-${key}` }, text || "no number"), record.display && h("small", null, record.display)]
      : text;
    const blocked = name === "name" && record.blocked ? [" ", tag(record.blocked, "warn")] : null;
    return h("td", { class: NUMBERS.has(name) ? "number" : index === 0 ? "first" : name }, shown, blocked);
  });
}

/** @param {ReturnType<typeof place>} here */
function search(here) {
  const field = /** @type {HTMLInputElement} */ (h("input", {
    type: "search", defaultValue: here.search, "aria-label": "Search number or name", placeholder: "Search", "data-key": "search",
  }));
  return h("form", { class: "search", role: "search", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    field.defaultValue = field.value;
    go({ search: field.value, page: 1 });
  } }, field, h("button", { type: "submit", "data-key": "find" }, "Find"));
}

/** @param {any} found */
function pager(found) {
  return h("nav", { class: "pager", "aria-label": "Pages" },
    found.page > 1 && h("a", { href: address({ page: found.page - 1 }), "data-key": "before" }, "← Before"),
    h("span", null, `${found.page} of ${found.pages}`),
    found.page < found.pages && h("a", { href: address({ page: found.page + 1 }), "data-key": "after" }, "After →"));
}
