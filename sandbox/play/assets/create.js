// Forms for what is new in Halo, each in a dialog.
import { attempt, call } from "./calls.js";
import { go } from "./place.js";
import { h, money } from "./dom.js";

/** @param {string} title @param {any[]} fields @param {string} button @param {(form: FormData) => Promise<void>} submit */
function dialog(title, fields, button, submit) {
  const box = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": "dialog-title", onclose: () => box.remove() },
    h("form", { onsubmit: async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
      box.close();
      await submit(form);
    } },
      h("h2", { id: "dialog-title" }, title),
      fields,
      h("div", { class: "actions" },
        h("button", { type: "submit", class: "main" }, button),
        h("button", { type: "button", onclick: () => box.close() }, "Cancel")))));
  document.body.append(box);
  box.showModal();
}

/** @param {string} label @param {Record<string, any>} properties */
export const field = (label, properties) => h("label", { class: "field" }, label, h("input", properties));

export function newCustomer() {
  dialog("New customer in Halo", [
    field("Name", { name: "name", required: true, autofocus: true }),
    field("E-mail for invoices", { name: "accountsemailaddress", type: "email" }),
    field("Accounts id (BC number)", { name: "accountsid", maxLength: 20 }),
    field("Tax number", { name: "tax_number" }),
  ], "Create in Halo", async (form) => {
    const made = await attempt(() => call("/halo/agent/Client", "POST", Object.fromEntries(form)),
      `${form.get("name")} is in Halo.`);
    if (made) go({ kind: "customers", key: String(made.id), search: "", page: 1 });
  });
}

export async function newInvoice() {
  const customers = await picker("Customer", "client_id", "customers");
  const products = await picker("Product", "_itemid", "products");
  dialog("New invoice in Halo", [
    customers, products,
    field("Quantity", { name: "qty_order", type: "number", step: "any", value: "1", required: true }),
    field("Reference", { name: "cust_order_number" }),
  ], "Create in Halo", async (form) => {
    const body = {
      client_id: Number(form.get("client_id")),
      cust_order_number: form.get("cust_order_number"),
      lines: [{ _itemid: Number(form.get("_itemid")), qty_order: Number(form.get("qty_order")) }],
    };
    const made = await attempt(() => call("/halo/agent/Invoice", "POST", body), "The invoice is in Halo.");
    if (made) go({ kind: "invoices", key: String(made.id), search: "", page: 1 });
  });
}

/**
 * A search field with the records that it finds; the linked ones stand first.
 * @param {string} label @param {string} name @param {string} kind
 */
export async function picker(label, name, kind) {
  const choice = /** @type {HTMLSelectElement} */ (h("select", { name, required: true, "aria-label": label }));
  const words = /** @type {HTMLInputElement} */ (h("input", { type: "search", placeholder: `Find a ${label.toLowerCase()}`, "aria-label": `Find a ${label.toLowerCase()}` }));
  const fill = async () => {
    const found = await call(`/play/api/${kind}?search=${encodeURIComponent(words.value)}`);
    const rows = found.rows.filter((/** @type {any} */ row) => row.halo);
    rows.sort((/** @type {any} */ a, /** @type {any} */ b) => Number(!a.bc) - Number(!b.bc));
    choice.replaceChildren(...rows.map((/** @type {any} */ { halo, bc }) =>
      h("option", { value: String(halo.id) }, halo.name.trim(), kind === "products" ? ` · ${money(halo.price)}` : "", bc ? "" : " (Halo only)")));
  };
  let wait = 0;
  words.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(fill, 200); });
  await fill();
  return h("fieldset", null, h("legend", null, label), words, choice);
}
