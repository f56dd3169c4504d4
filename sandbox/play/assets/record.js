// A customer or a product in both systems: a small form on each side.
import { address, place } from "./place.js";
import { attempt, call } from "./calls.js";
import { h } from "./dom.js";

const HALO = {
  customers: [["name", "Name"], ["accountsid", "Accounts id (BC number)"], ["accountsemailaddress", "E-mail for invoices"], ["tax_number", "Tax number"]],
  products: [["name", "Name"], ["accountsid", "Accounts id (BC number)"], ["baseprice", "Price", "number"], ["costprice", "Cost", "number"]],
};
const BC = {
  customers: [["displayName", "Name"], ["email", "E-mail"], ["addressLine1", "Address"], ["city", "City"], ["taxRegistrationNumber", "Tax number"], ["blocked", "Blocked", [" ", "Ship", "Invoice", "All"]]],
  products: [["displayName", "Name"], ["unitPrice", "Price", "number"], ["unitCost", "Cost", "number"], ["blocked", "Blocked", "checkbox"]],
};
const RESOURCE = { customers: "Client", products: "Item" };
const SET = { customers: "customers", products: "items" };

/** @param {any} pair the answer of /play/api/{kind}/{key} @param {string} company */
export function record(pair, company) {
  const kind = /** @type {"customers" | "products"} */ (place().kind);
  const { halo, bc } = pair;
  return h("article", { "aria-labelledby": "record-title" },
    h("p", null, h("a", { href: address({ key: "" }), "data-key": "back" }, `← All ${kind}`)),
    h("h1", { id: "record-title", tabIndex: -1 }, (halo?.name ?? bc.displayName).trim()),
    h("div", { class: "pair" },
      side("halo", "Halo", halo && [
        facts([["Id", halo.id], ["Linked to", halo.dbc_company_name || "no company"], ["Changed", moment(halo.alastupdate ?? halo.lastmodified)]]),
        form("halo", HALO[kind], halo, "Save in Halo",
          (changes) => call(`/halo/agent/${RESOURCE[kind]}/${halo.id}`, "PATCH", changes)),
      ]),
      side("bc", "Business Central", bc && [
        facts([["Number", bc.number], ["Id", bc.id], ["Changed", moment(bc.lastModifiedDateTime)]]),
        form("bc", BC[kind], bc, "Save in BC as another user",
          (changes) => call(`/bc/${company}/${SET[kind]}/${bc.id}`, "PATCH", changes)),
      ])));
}

/** @param {string} name @param {string} title @param {any} content */
export const side = (name, title, content) =>
  h("section", { class: `side ${name}`, "aria-label": title }, h("h2", null, title), content || h("p", { class: "empty" }, "Not here."));

/** @param {any[][]} rows */
export const facts = (rows) =>
  h("dl", { class: "facts" }, rows.filter(([, value]) => value !== "" && value !== undefined)
    .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));

/** @param {string | undefined} text */
const moment = (text) => (text ? new Date(text.endsWith("Z") ? text : `${text}Z`).toLocaleString() : "");

/** @param {string} where @param {any[][]} fields @param {any} values @param {string} button @param {(changes: any) => Promise<any>} save */
function form(where, fields, values, button, save) {
  /** @type {[string, () => any][]} */
  const inputs = [];
  const rows = fields.map(([name, label, kind]) => {
    const key = `${where}-${name}`;
    const input = /** @type {any} */ (control(kind, values[name], key));
    inputs.push([name, () => (kind === "checkbox" ? input.checked : kind === "number" ? Number(input.value) : input.value)]);
    return h("label", { class: kind === "checkbox" ? "field inline" : "field" }, label, input);
  });
  return h("form", { onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    const changes = Object.fromEntries(inputs.map(([name, read]) => [name, read()]).filter(([name, value]) => value !== values[/** @type {string} */ (name)]));
    /** @type {HTMLElement} */ (document.activeElement)?.blur();
    attempt(() => save(changes), Object.keys(changes).length ? "Saved." : "Saved without a change.");
  } }, rows, h("button", { type: "submit", "data-key": `${where}-save` }, button));
}

/** @param {any} kind @param {any} value @param {string} key */
function control(kind, value, key) {
  if (Array.isArray(kind)) {
    return h("select", { "data-key": key }, kind.map((one) => h("option", { value: one, selected: one === value, defaultSelected: one === value }, one.trim() || "no")));
  }
  if (kind === "checkbox") return h("input", { type: "checkbox", checked: value, defaultChecked: value, "data-key": key });
  return h("input", { type: kind ?? "text", step: kind === "number" ? "any" : null, defaultValue: String(value ?? ""), "data-key": key });
}
