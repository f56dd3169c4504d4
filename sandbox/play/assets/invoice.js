// An invoice in both systems, line by line.
import { address, go } from "./place.js";
import { attempt, call } from "./calls.js";
import { day, h, money } from "./dom.js";
import { facts, side } from "./record.js";
import { field, picker } from "./create.js";

/** @param {any} pair @param {string} company @param {string} currency */
export function invoice(pair, company, currency) {
  const { halo, bc, bc_lines: lines, credit_memo: memo } = pair;
  return h("article", { "aria-labelledby": "record-title" },
    h("p", null, h("a", { href: address({ key: "" }), "data-key": "back" }, "← All invoices")),
    h("h1", { id: "record-title", tabIndex: -1 }, halo ? `${halo.invoicenumber || "Credit note"} · ${halo.client_name.trim()}` : `${bc.number} · ${bc.customerName}`),
    halo && bc && compare(halo, bc, memo),
    h("div", { class: "pair wide" },
      side("halo", "Halo", halo && inHalo(halo)),
      side("bc", "Business Central", bc ? inBc(bc, lines, memo, company, currency) : elsewhere(pair))));
}

/** @param {any} pair */
const elsewhere = ({ link }) => link === "other company" && h("p", { class: "empty" }, "In another company: choose it above.");

/**
 * A credit memo stands above zero in BC, whichever sign Halo gives its credit note.
 * @param {any} halo @param {any} bc @param {boolean} memo
 */
function compare(halo, bc, memo) {
  const rows = [
    ["Net", halo.revenue, bc.totalAmountExcludingTax],
    ["Tax", halo.tax_total, bc.totalTaxAmount],
    ["Total", halo.total, bc.totalAmountIncludingTax],
  ];
  return h("table", { class: "compare" },
    h("caption", { class: "hidden" }, "Sums compared"),
    h("thead", null, h("tr", null, ["Sum", "Halo", "BC", "Difference"].map((text) => h("th", { scope: "col", class: text === "Sum" ? null : "number" }, text)))),
    h("tbody", null, rows.map(([name, ours, amount]) => {
      const theirs = memo && halo.total < 0 ? -amount : amount;
      const gap = Math.round((ours - theirs) * 100) / 100;
      return h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "number" }, money(ours)), h("td", { class: "number" }, money(theirs)),
        h("td", { class: gap ? "number bad" : "number done" }, gap ? `▲ ${money(gap)}` : "✓ 0"));
    })));
}

/** @param {any} halo */
function inHalo(halo) {
  const path = `/halo/agent/Invoice/${halo.id}`;
  const edit = (/** @type {any} */ changes, /** @type {string} */ done) => attempt(() => call(path, "PATCH", changes), done);
  return [
    facts([
      ["In Halo’s screens", halo.invoice_display], ["State", halo.voided ? "voided" : halo.posted ? "posted" : "open"], ["Date", day(halo.invoice_date)], ["Due", day(halo.duedate)],
      ["BC number", halo.thirdpartyinvoicenumber || "none yet"], ["Tax", money(halo.tax_total)], ["Total", money(halo.total)],
    ]),
    table("Lines in Halo", ["Line", "Quantity", "Price", "Net", "Tax", ""], halo.lines.map((/** @type {any} */ line) => {
      const text = line.isgroupdesc || (!line._itemid && !line.actioncode && !line.qty_order && !line.net_amount);
      return h("tr", { class: line.isgroupdesc ? "group" : null },
        h("td", null, line.item_shortdescription, line.item_code && h("small", null, line.item_code)),
        h("td", { class: "number" }, text ? "" : quantity(`halo-line-${line.id}`, line.qty_order, line.item_shortdescription,
          (value) => edit({ lines: [{ id: line.id, qty_order: value }] }, "The quantity is changed in Halo."))),
        h("td", { class: "number" }, text ? "" : money(line.unit_price)), h("td", { class: "number" }, text ? "" : money(line.net_amount)),
        h("td", { class: "number" }, text ? "" : money(line.tax_amount)),
        h("td", null, h("button", { type: "button", class: "small", "data-key": `drop-${line.id}`, "aria-label": `Delete line ${line.item_shortdescription}`,
          onclick: () => edit({ delete_lines: [line.id] }, "The line is gone from Halo.") }, "✕")));
    })),
    addLine(edit),
    h("div", { class: "actions" },
      !halo.posted && h("button", { type: "button", "data-key": "halo-post", onclick: () => attempt(() => call(`${path}/post`, "POST"), "Posted in Halo.") }, "Post in Halo"),
      !halo.voided && h("button", { type: "button", "data-key": "halo-void", onclick: () => attempt(() => call(`${path}/void`, "POST"), "Voided in Halo.") }, "Void in Halo"),
      halo.total > 0 && h("button", { type: "button", "data-key": "halo-credit", onclick: async () => {
        const note = await attempt(() => call(`${path}/credit`, "POST", {}), "The credit note is in Halo.");
        if (note) go({ key: String(note.id) });
      } }, "Credit in Halo"),
      remove("Delete in Halo", `Delete ${halo.invoicenumber} in Halo? It cannot be brought back.`, async () => {
        await attempt(() => call(path, "DELETE"), `${halo.invoicenumber} is gone from Halo.`);
        go({ key: "" });
      })),
  ];
}

/** @param {(changes: any, done: string) => Promise<any>} edit */
function addLine(edit) {
  const place = h("div", null);
  const open = h("button", { type: "button", "data-key": "add-line", onclick: async () => {
    const product = await picker("Product", "_itemid", "products");
    const form = h("form", { class: "line-form", onsubmit: async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const values = new FormData(/** @type {HTMLFormElement} */ (form));
      place.replaceChildren(open);
      open.focus();
      await edit({ lines: [{ _itemid: Number(values.get("_itemid")), qty_order: Number(values.get("qty_order")) }] }, "The line is in Halo.");
    } }, product, field("Quantity", { name: "qty_order", type: "number", step: "any", value: "1", required: true }),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, "Add the line"),
      h("button", { type: "button", onclick: () => { place.replaceChildren(open); open.focus(); } }, "Cancel")));
    place.replaceChildren(form);
    form.setAttribute("data-hold", "");
    /** @type {HTMLElement} */ (form.querySelector("input"))?.focus();
  } }, "Add a line");
  place.append(open);
  return place;
}

/** @param {any} bc @param {any[]} lines @param {boolean} memo @param {string} company @param {string} currency */
function inBc(bc, lines, memo, company, currency) {
  const draft = bc.status === "Draft";
  const set = memo ? "salesCreditMemos" : "salesInvoices";
  const edit = (/** @type {string} */ path, /** @type {any} */ changes, /** @type {string} */ done) => attempt(() => call(`/bc/${company}/${path}`, "PATCH", changes), done);
  return [
    facts([
      ["Number", bc.number], ["State", memo ? `credit memo, ${bc.status}` : bc.status], ["Date", day(bc.invoiceDate ?? bc.creditMemoDate)], ["Due", day(bc.dueDate)], ["External no.", bc.externalDocumentNumber],
      ["Currency", bc.currencyCode || currency], ["Tax", money(bc.totalTaxAmount)], ["Total", money(bc.totalAmountIncludingTax)], ["Left to pay", money(bc.remainingAmount)],
    ]),
    table("Lines in Business Central", ["Line", "Quantity", "Price", "Net", "Tax"], lines.map((line) => {
      const text = !line.lineObjectNumber;
      return h("tr", null,
        h("td", null, line.description, h("small", null, `${line.lineType} ${line.lineObjectNumber} · ${line.sequence}`)),
        h("td", { class: "number" }, text ? "" : draft ? quantity(`bc-line-${line.id}`, line.quantity, line.description,
          (value) => edit(`${memo ? "salesCreditMemoLines" : "salesInvoiceLines"}/${line.id}`, { quantity: value }, "The bookkeeper changed the quantity in BC.")) : money(line.quantity)),
        h("td", { class: "number" }, text ? "" : money(line.unitPrice)), h("td", { class: "number" }, text ? "" : money(line.netAmount)),
        h("td", { class: "number" }, text ? "" : [money(line.netTaxAmount), h("small", null, `${line.taxCode} ${line.taxPercent} %`)]));
    })),
    !memo && h("form", { class: "line-form", onsubmit: (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const values = new FormData(/** @type {HTMLFormElement} */ (event.target));
      /** @type {HTMLElement} */ (document.activeElement)?.blur();
      edit(`salesInvoices/${bc.id}`, { customerPurchaseOrderReference: values.get("reference") }, "The bookkeeper changed the reference in BC.");
    } },
      h("label", { class: "field" }, "Reference in BC", h("input", { name: "reference", defaultValue: bc.customerPurchaseOrderReference, maxLength: 35, "data-key": "bc-reference" })),
      h("button", { type: "submit", "data-key": "bc-save" }, "Edit as a bookkeeper")),
    h("div", { class: "actions" },
      draft && h("button", { type: "button", "data-key": "bc-post", onclick: () => attempt(() => call(`/bc/post/${bc.id}`, "POST"), "Posted in BC.") }, "Post in BC"),
      !memo && bc.status === "Open" && h("button", { type: "button", "data-key": "bc-pay", onclick: () => attempt(() => call(`/bc/pay/${bc.id}`, "POST", {}), "Paid in BC.") }, "Pay in BC"),
      draft && remove("Delete in BC", `Delete ${bc.number} in Business Central? It cannot be brought back.`,
        () => attempt(() => call(`/bc/${company}/${set}/${bc.id}`, "DELETE"), `${bc.number} is gone from BC.`))),
  ];
}

/** @param {string} key @param {number} value @param {string} name @param {(value: number) => Promise<any>} save */
function quantity(key, value, name, save) {
  return h("input", {
    type: "number", step: "any", defaultValue: String(value), class: "quantity", "data-key": key, "aria-label": `Quantity of ${name}`,
    onchange: (/** @type {Event} */ event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      const wanted = Number(input.value);
      if (input.value === "" || !Number.isFinite(wanted) || wanted === value) return;
      input.defaultValue = input.value;
      save(wanted);
    },
  });
}

/** @param {string} label @param {string} question @param {() => Promise<any>} act */
function remove(label, question, act) {
  return h("button", { type: "button", class: "danger", "data-key": label, onclick: () => { if (confirm(question)) act(); } }, label);
}

/** @param {string} name @param {string[]} heads @param {any[]} rows */
function table(name, heads, rows) {
  const numbers = new Set(["Quantity", "Price", "Net", "Tax"]);
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": name },
    h("table", null,
      h("thead", null, h("tr", null, heads.map((text) => text
        ? h("th", { scope: "col", class: numbers.has(text) ? "number" : null }, text)
        : h("td", null)))),
      h("tbody", null, rows)));
}
